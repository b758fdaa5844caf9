"""What an encoder is shown instead of an example: noise, gaps or blur, in model space."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from variata.batch import Batch
from variata.data.schema import BOUNDED, Schema
from variata.errors import DataError, UsageError, did_you_mean
from variata.noise import noise

REACH = 3.0  # standard deviations of a blur that its kernel covers


def gaussian(x: Tensor, amount: float) -> Tensor:
    """Add N(0, amount^2) to every value (B, *X); nothing is cut off."""
    return x + amount * noise(torch.randn, x.shape, x.ndim - 1, dtype=x.dtype, device=x.device)


def salt_and_pepper(x: Tensor, amount: float) -> Tensor:
    """Replace a share of the values, or of the pixels of images, by 0 or 1, as often by either."""
    u = _each(x)
    return torch.where(u < amount, (u < amount / 2).to(x.dtype), x)


def mask(x: Tensor, amount: float) -> Tensor:
    """Replace a share of the values, or of the pixels of images, by 0: the lowest, or the mean."""
    return torch.where(_each(x) < amount, torch.zeros_like(x), x)


def blur(x: Tensor, amount: float) -> Tensor:
    """Smooth images (B, C, H, W) by a Gaussian with a standard deviation of so many pixels.

    >>> bool(torch.allclose(blur(torch.ones(1, 1, 5, 5), 1.0), torch.ones(1, 1, 5, 5)))
    True
    """
    reach = max(1, math.ceil(REACH * amount))
    at = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    kernel = torch.softmax(-at.square() / (2 * amount**2), 0)
    flat = x.reshape(-1, 1, *x.shape[-2:])
    for shape, border in (
        ((1, 1, 1, -1), (reach, reach, 0, 0)),
        ((1, 1, -1, 1), (0, 0, reach, reach)),
    ):
        flat = functional.conv2d(functional.pad(flat, border, "replicate"), kernel.view(shape))
    return flat.view_as(x)


CORRUPTIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "gaussian": gaussian,
    "salt_and_pepper": salt_and_pepper,
    "mask": mask,
    "blur": blur,
}
SHARES = ("salt_and_pepper", "mask")
View = Callable[[Batch], Batch]


def checked_corruption(corrupt: Any) -> dict[str, float]:
    """Corruptions by name with their amounts, such as {"gaussian": 0.5}.

    Raises:
        UsageError: an unknown name, or an amount that means nothing.

    >>> checked_corruption({"gaussian": 1})
    {'gaussian': 1.0}
    """
    if not isinstance(corrupt, Mapping):
        raise UsageError(f'corrupt takes amounts by name, {{"gaussian": 0.5}}; got {corrupt!r}.')
    return {name: _amount(name, amount) for name, amount in corrupt.items()}


def corruption(corrupt: Mapping[str, float], schema: Schema) -> View | None:
    """The view that shows the encoder corrupted examples; x stays. None for no corruption.

    Several are applied in order. Random numbers come from torch's global generator, and belong to
    a row's place in its batch.

    Args:
        corrupt: amounts by name. Of "gaussian", a standard deviation in model space (grey levels
            lie in [0, 1], real columns have a standard deviation of 1); of "salt_and_pepper" and
            "mask", a share; of "blur", a standard deviation in pixels.
        schema: of the data.

    Raises:
        DataError: for a corruption that the data cannot have.

    References:
        Extracting and Composing Robust Features with Denoising Autoencoders (Vincent et al., 2008)
        Denoising Criterion for Variational Auto-Encoding Framework (Im et al., 2015),
        arXiv:1511.06406

    >>> from variata.data.infer import infer_schema
    >>> view = corruption({"mask": 1.0}, infer_schema([[0, 1], [1, 1]]))
    >>> x = torch.ones(1, 2)
    >>> view(Batch(x, x)).seen, view(Batch(x, x)).x
    (tensor([[0., 0.]]), tensor([[1., 1.]]))
    """
    for name in corrupt:
        _refuse_unfit(name, schema)
    return partial(_seen_corrupted, dict(corrupt)) if corrupt else None


class Rows(Protocol):
    """Examples of any kind."""

    def __len__(self) -> int: ...
    def gather(self, index: Tensor) -> Batch:
        """The rows at these positions."""
        ...


@dataclass(frozen=True)
class Viewed:
    """Examples in another view, with noise from torch's global generator."""

    examples: Rows
    view: View

    def __len__(self) -> int:
        return len(self.examples)

    def gather(self, index: Tensor) -> Batch:
        """The rows `index` (B,) in this view."""
        return self.view(self.examples.gather(index))


def _seen_corrupted(corrupt: dict[str, float], batch: Batch) -> Batch:
    seen = batch.seen
    for name, amount in corrupt.items():
        seen = CORRUPTIONS[name](seen, amount)
    return replace(batch, seen=seen)


def _each(x: Tensor) -> Tensor:
    """Uniform numbers, one for every value or pixel."""
    shape = torch.Size((len(x), 1, *x.shape[2:])) if x.ndim == 4 else x.shape
    return noise(torch.rand, shape, x.ndim - 1, dtype=x.dtype, device=x.device)


def _amount(name: Any, amount: Any) -> float:
    if name not in CORRUPTIONS:
        hint, known = did_you_mean(str(name), CORRUPTIONS), ", ".join(CORRUPTIONS)
        raise UsageError(f"There is no corruption '{name}'.{hint} Known: {known}.")
    number = isinstance(amount, int | float) and not isinstance(amount, bool)
    most = 1.0 if name in SHARES else 100.0
    if not number or not 0 < amount <= most:
        raise UsageError(
            f"corrupt: {name} takes a number above 0, at most {most:g}; got {amount!r}."
        )
    return float(amount)


def _refuse_unfit(name: str, schema: Schema) -> None:
    needs = {"salt_and_pepper": "values between two ends, such as grey levels", "blur": "images"}
    fits = {"salt_and_pepper": schema.kind in BOUNDED, "blur": schema.layout == "image"}
    whole = schema.kind in ("count", "category") and name != "mask"
    if whole or not fits.get(name, True):
        wanted = "values that are no counts or categories" if whole else needs[name]
        raise DataError(f"The corruption {name} needs {wanted}; these are {schema.describe()}.")
