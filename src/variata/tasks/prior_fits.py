"""How priors are fitted to latents: by expectation maximisation, or by the `fit` of a VAE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from variata.batch import Batch
from variata.models import LatentModel
from variata.objectives import Denoising, Distortion, Objective
from variata.recipes.fitted_mixture import fit_mixture
from variata.schedules import constant
from variata.training import Callback, Phase, Settings
from variata.training import fit as train

MIXED = 20_000  # latents that a mixture is fitted to
RIDGE = 1e-6  # added to the variances of a mixture, as a share of those of the latents
SEQUENCES = 200_000  # of codes that a transformer is shown
CODES = Settings(batch_size=250, lr=2e-3, patience=0.3, weight_decay=0.01)
FLOW = Settings(epochs=12, batch_size=500, lr=2e-3)
DIFFUSION = Settings(epochs=30, batch_size=500, lr=2e-3)
LIKELIHOOD = Objective(distortion=(constant(1), Distortion()))
TRAINED = {
    "flow": (FLOW, LIKELIHOOD),
    "diffusion": (DIFFUSION, Objective(velocity_error=(constant(1), Denoising()))),
}


@dataclass(frozen=True)
class Latents:
    """Latents (N, L) as examples, each with what lies above it, (N, C)."""

    z: Tensor
    h: Tensor | None = None

    def __len__(self) -> int:
        return len(self.z)

    def part(self, start: int, stop: int) -> Latents:
        """Some in a row."""
        h = None if self.h is None else self.h[start:stop]
        return Latents(self.z[start:stop], h)

    def gather(self, index: Tensor) -> Batch:
        """A batch of them."""
        z, h = self.z[index], None if self.h is None else self.h[index]
        return Batch(z, z, c=h, index=index)


def fit_prior(
    name: str,
    prior: Any,
    learning: Tensor,
    choosing: Tensor,
    seed: int,
    callbacks: Sequence[Callback],
) -> None:
    """Fit a prior of real latents.

    Args:
        name: of `variata.recipes.refit`.
        learning: what it is fitted to, (N, L). choosing: what chooses the weights of a network.
    """
    if name not in TRAINED:
        z = torch.cat([choosing, learning])
        return fit_mixture(prior, z[torch.randperm(len(z))[:MIXED]], "full", RIDGE, seed)
    settings, objective = TRAINED[name]
    prior.standardise(learning)
    known, valid = Latents(learning), Latents(choosing)
    return fit_network(prior, objective, known, valid, replace(settings, seed=seed), callbacks)


def fit_codes(
    prior: nn.Module, known: Latents, valid: Latents, seed: int, callbacks: Sequence[Callback]
) -> None:
    """Fit a prior of codes, in as many epochs as show it about as many whatever there are."""
    epochs = max(3, min(400, SEQUENCES // max(1, len(known))))
    settings = replace(CODES, epochs=epochs, seed=seed)
    fit_network(prior, LIKELIHOOD, known, valid, settings, callbacks)


def fit_network(
    prior: nn.Module,
    objective: Objective,
    known: Latents,
    valid: Latents,
    settings: Settings,
    callbacks: Sequence[Callback],
) -> None:
    """Train a prior on latents: the `fit` of a VAE without z, whose likelihood it is."""
    density = LatentModel(nn.Identity(), [], _Unconditional(prior))
    train(density, [Phase(objective)], known, valid, settings, callbacks=callbacks)


class _Unconditional(nn.Module):
    """A prior in the place of a decoder: a model without latents, whose likelihood it is."""

    def __init__(self, prior: nn.Module) -> None:
        super().__init__()
        self.prior = prior

    def forward(self, h: Tensor) -> Distribution:
        return self.prior(h if h.shape[-1] else None)
