"""Images as PNG bytes."""

from __future__ import annotations

import io

import numpy as np

from variata.errors import MissingExtraError


def png_bytes(array: np.ndarray) -> bytes:
    """Return an image (H, W) or (H, W, 3), uint8, as the bytes of a PNG file.

    >>> png_bytes(np.zeros((2, 2), np.uint8))[1:4]
    b'PNG'
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError(
            "pictures need Pillow; install it with: pip install pillow"
        ) from error
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
