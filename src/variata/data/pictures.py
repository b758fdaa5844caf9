"""One picture file to an array of bytes, safely."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, TypeVar

import numpy as np

from variata.data.reasons import reason
from variata.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 100_000_000
ORIENTATION = 0x0112
ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N")
DEEP_CHANNELS = re.compile(r";16[BLN]")


T = TypeVar("T")


class UnreadableError(DataError):
    """A picture that cannot be used.

    Attributes:
        name: of the picture.
        what: which picture, and why.
    """

    def __init__(self, name: str, why: str) -> None:
        self.name, self.what = name, f"'{name}' {why}"
        super().__init__(f"The picture {self.what}.")


@dataclass(frozen=True)
class Picture:
    """A picture not yet read: its name in the folder, and how to open it."""

    name: str
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True)
class Look:
    """What a picture's header says."""

    height: int
    width: int
    grey: bool
    alpha: bool
    deep: bool


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep Pillow's warnings back, for as long as pictures are read by any thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def look(picture: Picture) -> Look:
    """Read the header of a picture only.

    Raises:
        UnreadableError: not a picture, or far too large.
        DataError: the system does not let it be read, or memory ran out.
    """
    return _guarded(picture, _look)


def read(picture: Picture, grey: bool, size: tuple[int, int] | None = None) -> np.ndarray:
    """Return a picture as uint8 (H, W) when `grey`, else (H, W, 3), resized to `size` (H, W).

    16-bit grey values are divided by 257; transparency is dropped; of animations, the first frame.

    Raises:
        UnreadableError: damaged or truncated.
        DataError: the system does not let it be read, or memory ran out.
    """
    return _guarded(picture, lambda image: _pixels(image, grey, size))


def pixels_of(image: Image) -> np.ndarray:
    """Return a picture in memory as uint8, (H, W) when it is grey, else (H, W, 3)."""
    return _pixels(image, _is_grey(image), None)


def _guarded(picture: Picture, use: Callable[[Image], T]) -> T:
    from PIL import Image, UnidentifiedImageError

    try:
        with picture.open() as stream, Image.open(stream) as image:
            _refuse_bomb(image)
            return use(image)
    except Image.DecompressionBombError as error:
        raise UnreadableError(picture.name, f"is too large: {reason(error)}") from error
    except UnidentifiedImageError as error:
        raise UnreadableError(picture.name, "is damaged or no picture") from error
    except DataError as error:
        raise UnreadableError(picture.name, reason(error)) from error
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, MemoryError) as error:
        why = f"cannot be read: {reason(error)}"
        if isinstance(error, MemoryError) or getattr(error, "errno", None) is not None:
            raise DataError(
                f"The picture '{picture.name}' {why}."
            ) from error  # no fault of its own
        raise UnreadableError(picture.name, why) from error


def _refuse_bomb(image: Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise DataError(f"is too large: {image.height}x{image.width} pixels.")


def _look(image: Image) -> Look:
    height, width = image.height, image.width
    deep = image.mode in DEEP or DEEP_CHANNELS.search(str(getattr(image, "tile", ""))) is not None
    if image.getexif().get(ORIENTATION, 1) >= 5:
        height, width = width, height
    alpha = image.mode in ALPHA or "transparency" in image.info
    return Look(height, width, _is_grey(image), alpha, deep)


def _is_grey(image: Image) -> bool:
    if image.mode == "P" and image.palette is not None:
        colours = np.asarray(image.getpalette("RGB") or [0, 0, 1]).reshape(-1, 3)
        return bool((colours == colours[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La", *DEEP)


def _pixels(image: Image, grey: bool, size: tuple[int, int] | None) -> np.ndarray:
    from PIL import Image, ImageOps

    if image.mode == "F":
        raise DataError("holds floating-point values; save them as a .npy array.")
    upright = ImageOps.exif_transpose(image)
    upright = _eight_bits(upright) if upright.mode in DEEP else upright
    plain = upright.convert("L" if grey else "RGB")
    if size is not None and plain.size != (size[1], size[0]):
        plain = plain.resize((size[1], size[0]), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.asarray(plain, dtype=np.uint8)


def _eight_bits(image: Image) -> Image:
    from PIL import Image

    values = np.asarray(image).astype(np.float64)
    if values.max(initial=0) > 65535 or values.min(initial=0) < 0:
        raise DataError("holds values outside 0 to 65535; save them as a .npy array.")
    return Image.fromarray(np.rint(values / 257).astype(np.uint8))
