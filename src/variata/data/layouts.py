"""How one example lies in the person's array, and how it lies in the model."""

from __future__ import annotations

import math

import numpy as np

from variata.errors import ShapeError, UsageError

CHANNELS = (1, 3, 4)


def arrange(own: tuple[int, ...], layout: str | None = None) -> tuple[str, tuple[int, ...]]:
    """Return the layout and the model's shape of one example of shape `own`.

    (D,) is a vector; (H, W), (H, W, C) and (C, H, W) with C in 1, 3, 4 are images, channels last
    where both readings hold. `layout` overrides: "vector" flattens, "image" makes a square.

    Raises:
        ShapeError: no dimension, more than three, or neither end of three is 1, 3 or 4.

    >>> arrange((28, 28)), arrange((32, 32, 3)), arrange((784,))
    (('image', (1, 28, 28)), ('image', (3, 32, 32)), ('vector', (784,)))
    >>> arrange((784,), "image")
    ('image', (1, 28, 28))
    """
    if layout not in (None, "image", "vector"):
        raise UsageError(f"Unknown layout {layout!r}; expected 'image' or 'vector'.")
    if not own or len(own) > 3:
        raise ShapeError(
            f"Expected one vector (D,) or one image (H, W), (H, W, C) or (C, H, W) per row,"
            f" got rows of shape {own}."
        )
    if 0 in own:
        raise ShapeError(f"Expected rows that hold numbers, got rows of shape {own}.")
    if layout == "vector" or (len(own) == 1 and layout is None):
        return "vector", (math.prod(own),)
    return "image", _image_shape(own)


def channels_last(own: tuple[int, ...]) -> bool:
    """Whether a person's image of shape `own` has its channels at the end."""
    return len(own) == 3 and own[-1] in CHANNELS


def to_model_order(values: np.ndarray, own: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Rearrange (N, *own) into (N, *shape)."""
    if len(shape) == 3 and channels_last(own):
        values = np.moveaxis(values, -1, 1)
    return values.reshape(len(values), *shape)


def to_own_order(values: np.ndarray, own: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Rearrange (..., *shape) into (..., *own): the inverse of `to_model_order`."""
    lead = values.shape[: values.ndim - len(shape)]
    if len(shape) == 3 and channels_last(own):
        return np.ascontiguousarray(np.moveaxis(values, -3, -1))
    return values.reshape(*lead, *own)


def _image_shape(own: tuple[int, ...]) -> tuple[int, ...]:
    if len(own) == 1:
        side = math.isqrt(own[0])
        if side * side != own[0]:
            raise ShapeError(f"Expected a square number of columns for images, got {own[0]}.")
        return (1, side, side)
    if len(own) == 2:
        return (1, *own)
    if channels_last(own):
        return (own[2], own[0], own[1])
    if own[0] in CHANNELS:
        return own
    raise ShapeError(
        f"Expected images with 1, 3 or 4 channels first or last, got rows of shape {own};"
        " use layout='vector' to flatten them."
    )
