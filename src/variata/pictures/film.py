"""Films as GIF bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from variata.errors import UsageError

FASTEST = 50.0  # frames a second: a GIF counts in hundredths, and players refuse a single one


def gif_bytes(frames: Sequence[np.ndarray], fps: float = 10.0) -> bytes:
    """Return frames, (H, W) or (H, W, 3) uint8 each, as a GIF that is played again and again.

    A frame like the one before it lengthens that one. Colours are the nearest of 256 a frame.

    Args:
        fps: frames a second, up to 50; rounded to what a GIF can say.

    Raises:
        UsageError: another speed.

    >>> gif_bytes([np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8)])[:6]
    b'GIF89a'
    """
    from PIL import Image

    if not 0 < fps <= FASTEST:
        raise UsageError(f"A film needs more than 0 and up to 50 frames a second, got {fps:g}.")
    first, *rest = (Image.fromarray(np.ascontiguousarray(frame)) for frame in frames)
    buffer = io.BytesIO()
    hold = 10 * round(100 / fps)  # milliseconds
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=hold, loop=0)
    return buffer.getvalue()
