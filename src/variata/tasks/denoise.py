"""Noisy rows made clean, by a model whose encoder learnt from corrupted examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from variata.data import Examples, Schema, corruption
from variata.data.corruptions import checked_corruption
from variata.data.schema import BOUNDED
from variata.errors import DataError, UsageError
from variata.metrics import Estimate, psnr, rms_error, ssim
from variata.tasks.model import Array, Model
from variata.tasks.rows import examples_of
from variata.tasks.show import SHOWN_POINTS, compared, is_table
from variata.tasks.source import options_of
from variata.tasks.trained import Trained
from variata.training import forked

SHOWN = 12  # examples in a picture


def noisy_rows(model: Trained, data: Any, condition: Any = None) -> Examples:
    """Rows as the module sees them, where noise may have left the levels and the range of the data.

    Raises:
        DataError: they cannot be used, or are categories or counts that are none.
    """
    options = options_of(model.saved.about.get("data", {}))
    given = model.assumed if condition is None else condition
    return examples_of(data, model.schema.loosened(), options, model.condition, given)


def cleaned(likelihood: Any, noisy: Tensor, sigma: float = 0.0) -> Tensor:
    """What clean examples are, (B, *X), by p(x | z) and what was seen of them, in model space.

    Without noise of a known size, the mean of p(x | z). Of y = x + N(0, sigma^2), the best linear
    estimate given z, mean + v / (v + sigma^2) (y - mean), where v is the variance of p(x | z): what
    z does not know of a pixel, the pixel itself says. For a Gaussian likelihood it is E[x | z, y].

    Args:
        likelihood: p(x | z), of one draw of z.
        noisy: y, (B, *X).

    >>> from variata.distributions import Gaussian
    >>> import torch
    >>> p = Gaussian(torch.zeros(1, 1, 2), torch.tensor([1.0, 0.1]))
    >>> cleaned(p, torch.ones(1, 2), sigma=1.0)
    tensor([[0.5000, 0.0099]])
    """
    mean = likelihood.point()[0]
    if not sigma:
        return mean
    variance = likelihood.variance.expand(1, *mean.shape)[0]
    return mean + variance / (variance + sigma**2) * (noisy - mean)


def known_sigma(model: Trained) -> float:
    """The standard deviation of the noise, in model space, where noise is all that was learnt."""
    learnt = learnt_corruption(model)
    return learnt["gaussian"] if set(learnt) == {"gaussian"} else 0.0


def learnt_corruption(model: Trained) -> dict[str, float]:
    """What the model was trained to see through; empty for clean examples."""
    return checked_corruption(model.saved.about.get("settings", {}).get("corrupt", {}))


def corrupted(
    model: Model, examples: Examples, corrupt: Mapping[str, float] | None = None, seed: int = 0
) -> Examples:
    """The same rows with noise, gaps or blur.

    Args:
        corrupt: amounts by name; None takes what the model was trained to see through.

    Raises:
        UsageError: the model was trained on clean examples, and nobody says what to add.
    """
    view = corruption(checked_corruption(corrupt or learnt_corruption(model)), model.schema)
    if view is None:
        raise UsageError(
            "This model was trained on clean examples, so there is no noise that it knows: name "
            "noisy rows or say what to add (--corrupt gaussian=0.5), or train with --corrupt."
        )
    with forked("cpu", seed):
        seen = view(examples.all()).seen
    return replace(examples, codes=seen, schema=model.schema.loosened(), rows=None)


def fidelity(schema: Schema, clean: Any, rows: Any) -> dict[str, Estimate]:
    """How near rows are to clean ones: RMS error in own units; of images, also PSNR (dB) and SSIM.

    The peak is the range of the levels, or, for real values, of the clean images.

    Args:
        clean, rows: (N, *own), in own units.

    Raises:
        DataError: they are not as many.
    """
    if len(clean) != len(rows):
        raise DataError(
            f"There are {len(rows):,} rows and {len(clean):,} clean ones: give as many."
        )
    found = {"rms": rms_error(np.asarray(clean), np.asarray(rows))}
    if schema.layout != "image":
        return found
    loose = schema.loosened()
    a, b = (loose.encode(values).float() for values in (clean, rows))
    peak = 1.0 if schema.kind in BOUNDED else float(a.max() - a.min()) or 1.0
    return found | {"psnr": psnr(a, b, peak), "ssim": ssim(a, b, peak)}


def denoised_picture(
    schema: Schema,
    noisy: Array,
    cleaned: Array,
    clean: Array | None = None,
    count: int | None = None,
) -> bytes:
    """Noisy rows above cleaned ones, and clean ones below where they are known.

    Vectors are drawn as cleaned ones against clean ones, or against noisy ones.
    """
    sets = {"noisy": noisy, "cleaned": cleaned} | ({} if clean is None else {"clean": clean})
    if schema.layout != "image" and clean is not None:
        sets = {"clean": clean, "cleaned": cleaned}
    most = count or (SHOWN_POINTS if is_table(schema) else SHOWN)
    return compared(schema, {name: np.asarray(rows[:most]) for name, rows in sets.items()})
