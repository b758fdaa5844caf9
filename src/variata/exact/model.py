"""A latent model in exact arithmetic: q(z | x), p(z) and p(x | z) over whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from variata.conditionals import Decoder, GaussianPosterior
from variata.conditionals.likelihood import BernoulliHead, CategoricalHead
from variata.errors import UsageError
from variata.exact import convolutions as convolutions  # which registers them
from variata.exact.grid import ACTIVATION, LIMIT, WEIGHT, rounded
from variata.exact.lattice import Lattice
from variata.exact.likelihoods import likelihood
from variata.exact.networks import exact, raw
from variata.exact.priors import prior
from variata.exact.symbols import PRECISION, Cells, Symbols
from variata.exact.tables import ONE, PER_UNIT, Array, digest, inverse_scale
from variata.models import LatentModel
from variata.models.level import replace

LATENT_BITS = 10
Codes = NDArray[np.int64]


def arithmetic() -> str:
    """What decides the bits, and so which files can be read: a change of it is another format."""
    grids = f"weights 1/{WEIGHT}, activations 1/{ACTIVATION} to {LIMIT}, tables 1/{PER_UNIT}"
    return f"{grids} {digest()}, latents of {LATENT_BITS} bits, steps of 1/{PRECISION}"


class ExactModel:
    """One level of Gaussian latents, in cells, and a discrete likelihood.

    Args:
        model: a trained model.
        levels: values that an element of x can take, coded as 0 to levels - 1.

    Attributes:
        latent: L.
        prior: where it is not N(0, I), a mixture.
        lattice: cells of the latents, which a Gaussian of the prior's mean and spread gives the
            same mass.

    Raises:
        UsageError: for a model that has another posterior, prior or likelihood, or networks that
            have no exact arithmetic; the message names it.
    """

    def __init__(self, model: LatentModel, levels: int) -> None:
        level, decoder = _only_level(model), model.decoder
        if not isinstance(decoder, Decoder):
            raise _refused(decoder)
        self.likelihood = likelihood(decoder.head, levels)
        self.latent, self.shape = level.posterior.linear.out_features // 2, decoder.raw_shape[1:]
        self.encoder, self.posterior = exact(model.encoder), raw(level.posterior.linear)
        self.decoder, self.raw_shape = exact(decoder.network), decoder.raw_shape
        self.prior = prior(level.prior)
        plain = Lattice(np.zeros(self.latent), np.ones(self.latent), LATENT_BITS)
        self.lattice = plain if self.prior is None else self.prior.lattice(LATENT_BITS)
        self.scale = 1 if isinstance(decoder.head, BernoulliHead | CategoricalHead) else levels - 1

    def infer(self, codes: Codes) -> tuple[Cells, Codes]:
        """q(z | x) of examples (B, *X), B * L symbols; and the cells of its means, (B * L,)."""
        x = rounded(torch.from_numpy(codes.astype(np.float64)) / self.scale)
        mean, log_scale = self.posterior(self.encoder(x)).chunk(2, -1)
        narrow = inverse_scale()(log_scale.numpy()) / ONE
        return self.lattice.under(mean.numpy(), narrow), self.lattice.of(mean.numpy())

    def generate(self, cells: Codes) -> Symbols:
        """p(x | z) for latents (B * L,), B * numel(X) symbols."""
        z = rounded(torch.from_numpy(self.lattice.values(cells)))
        made = self.decoder(z).reshape(-1, *self.raw_shape)
        return self.likelihood(_parameters_first(made))


def _only_level(model: LatentModel) -> Any:
    """The only level, where it can be coded."""
    levels: list[Any] = list(model.levels)
    if len(levels) != 1:
        raise _refused(f"{len(levels)} levels of latents")
    if not isinstance(levels[0].posterior, GaussianPosterior):
        raise _refused(levels[0].posterior)
    if levels[0].merge is not replace:
        raise _refused("a merge of its own, such as a condition's")
    return levels[0]


def _parameters_first(made: Tensor) -> Array:
    return made.flatten(2).transpose(0, 1).flatten(1).numpy()


def _refused(part: Any) -> UsageError:
    name = part if isinstance(part, str) else type(part).__name__
    return UsageError(
        f"Compression cannot code a model with {name}. It codes models with one level of Gaussian "
        "latents, without a condition: train the recipe vae."
    )
