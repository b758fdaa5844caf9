"""Frozen records of one pass. Objectives, metrics and tasks read them and run nothing again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add, sub

import torch
from torch import Tensor
from torch.distributions import Distribution

from variata.batch import Batch
from variata.distributions import Dirac, OneHot, has_kl, kl_each
from variata.errors import NoDensityError

NO_RATE = (
    "This latent has no posterior here (it was given, imagined, or the model is a generator), so "
    "it has no rate: use model.observe with a recipe that encodes, such as vae."
)


@dataclass(frozen=True)
class Stage:
    """One level in one pass.

    Attributes:
        z: the latent, (K, B, *Z).
        p: the prior of this level.
        q: the posterior; None where the latent was given or imagined, and in a generator.
    """

    z: Tensor
    p: Distribution
    q: Distribution | None = None

    @property
    def exact(self) -> bool:
        """Whether `rate` is a closed Kullback-Leibler divergence rather than an estimate."""
        return self.q is not None and has_kl(self.q, self.p)

    def rate_each(self) -> Tensor:
        """KL(q || p) of every latent element, (K, B, *Z), in nats.

        Raises:
            NoDensityError: when the level has no posterior, or a pair without a closed divergence.
        """
        if self.q is None:
            raise NoDensityError(NO_RATE)
        return kl_each(self.q, self.p).expand(self.z.shape)

    def rate(self) -> Tensor:
        """KL(q || p), (K, B), in nats: closed where `exact`, else log q(z) - log p(z).

        Of classes, log q is averaged exactly: their relaxed draws are none.
        """
        if self.exact:
            return self.rate_each().flatten(2).sum(-1)
        if isinstance(self.q, OneHot):
            return -self.q.entropy() - self.p.log_prob(self.z)
        return self.log_ratio()

    def log_ratio(self) -> Tensor:
        """log q(z) - log p(z) at the drawn z, (K, B), in nats."""
        if self.q is None:
            raise NoDensityError(NO_RATE)
        if isinstance(self.q, Dirac):
            raise NoDensityError(
                "The posterior is a point: it has no density and so no rate, and the model no "
                "likelihood. Use a recipe whose posterior has a width, such as vae."
            )
        return self.q.log_prob(self.z) - self.p.log_prob(self.z)


@dataclass(frozen=True)
class Trace:
    """One pass through a model: its stages from the top, and p(x | z).

    Attributes:
        stages: one for each level.
        likelihood: p(x | z), batch shape (K, B), event shape X.
        batch: what was observed; None when imagined.
    """

    stages: tuple[Stage, ...]
    likelihood: Distribution
    batch: Batch | None = None

    @property
    def observed(self) -> Batch:
        """The batch that this is a pass over.

        Raises:
            NoDensityError: the trace was imagined.
        """
        if self.batch is None:
            raise NoDensityError(
                "This trace was imagined, so there is no example to compare it with: use "
                "model.observe."
            )
        return self.batch

    def distortion(self) -> Tensor:
        """-log p(x | z), (K, B), in nats per example."""
        return -self.likelihood.log_prob(self.observed.x)

    def rate(self) -> Tensor:
        """KL(q(z | x) || p(z)) summed over levels, (K, B), in nats per example; 0 without any."""
        if not self.stages:
            return torch.zeros_like(self.distortion())
        return reduce(add, (stage.rate() for stage in self.stages))

    def log_weight(self) -> Tensor:
        """log p(x, z) - log q(z | x) at the drawn z, (K, B), in nats."""
        return reduce(sub, (s.log_ratio() for s in self.stages), -self.distortion())
