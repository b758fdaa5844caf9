"""Images as PNG bytes and files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from variata.atomic import write_bytes
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


def save_png(array: np.ndarray, path: str | Path) -> Path:
    """Write an image (H, W) or (H, W, 3), uint8, as a PNG file, whole or not at all.

    Raises:
        StoreError: the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_png(np.zeros((2, 2), np.uint8), Path(folder) / "a.png").name
    'a.png'
    """
    path = Path(path)
    write_bytes(path, png_bytes(array))
    return path
