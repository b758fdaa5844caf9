"""How what is decoded changes with its latents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.data import Examples
from variata.distributions import Autoregressive
from variata.shapes import draw_mean
from variata.tasks.bulk import read
from variata.tasks.model import Model
from variata.tasks.moments import means

STEP = 0.1  # of a slope, in standard deviations of a latent dimension
Decoded = Callable[[Tensor], Tensor]


def decoded(model: Model, z: Tensor, batch: Batch) -> Any:
    """The likelihood (1, B, *X) of latents (B, L), of all levels side by side.

    Elements that depend on others are told these from the batch, so that none is drawn.
    """
    given = dict(enumerate(z.split(model.widths, -1)))
    likelihood = model.module.imagine(len(z), batch.c, given).likelihood
    return likelihood.given(batch.x) if isinstance(likelihood, Autoregressive) else likelihood


def decoded_mean(model: Model, batch: Batch) -> Decoded:
    """The function from latents (B, L), of all levels side by side, to the likelihood's mean."""
    return lambda z: decoded(model, z, batch).mean[0].flatten(1)


def slopes(mean: Decoded, z: Tensor, spread: Tensor) -> Iterator[Tensor]:
    """Central differences of a mean (B, D) of what is decoded, around z (B, L), latent by latent.

    Args:
        spread: standard deviation of every latent, (L,).
    """
    for i, step in enumerate((STEP * spread).tolist()):
        move = torch.zeros_like(z)
        move[:, i] = step
        yield (mean(z + move) - mean(z - move)) / (2 * step)


def effects(model: Model, examples: Examples, spread: Tensor) -> Tensor:
    """What each latent does, (L,): the root mean square slope of the decoded mean, in model space.

    The diagonal of the decoder's pullback metric, as a length, so that latents times their effects
    are in units of x: of a linear model, its principal components where these are its latents.

    Args:
        examples: rows around whose posterior means slopes are taken.
        spread: standard deviation of every latent, (L,).

    Reference:
        Latent Space Oddity: on the Curvature of Deep Generative Models (Arvanitidis et al., 2018),
        arXiv:1710.11379
    """
    found: list[Tensor] = []

    def work(batch: Batch) -> Tensor:
        z = means(model.module.infer(batch, how=draw_mean))
        moved = slopes(decoded_mean(model, batch), z, spread.to(z))
        return torch.stack([slope.square().mean(1) for slope in moved], -1)

    read(model.module, examples, work, found.append)
    return torch.cat(found).double().cpu().mean(0).sqrt()
