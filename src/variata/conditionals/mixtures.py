"""Priors that are mixtures of Gaussians, free or tied to the posteriors of chosen inputs."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
)

from variata.errors import NoDensityError
from variata.shapes import Shape, location_and_scale

FAR = 5.0  # in nats, below the least component: one that a fit left over
SPREAD = 1.0  # standard deviation of the means of a mixture that has not learnt yet


def gaussian_mixture(weights: Tensor, means: Tensor, scales: Tensor) -> Distribution:
    """sum_c softmax(weights)_c N(z; means_c, scales_c^2), a distribution over z (L,).

    Args:
        weights: before the softmax, (C,).
        means: (C, L). scales: broadcast against `means`.

    >>> p = gaussian_mixture(torch.zeros(3), torch.zeros(3, 2), torch.ones(()))
    >>> round(p.log_prob(torch.zeros(2)).item(), 4)
    -1.8379
    """
    parts = Independent(Normal(means, scales.expand_as(means), validate_args=False), 1)
    which = Categorical(logits=weights, validate_args=False)
    return MixtureSameFamily(which, parts, validate_args=False)


def responsibilities(p: MixtureSameFamily, z: Tensor) -> Tensor:
    """p(c | z), the share of every component in the density at z (..., L), in (..., C).

    >>> p = gaussian_mixture(torch.zeros(2), torch.tensor([[-9.0], [9.0]]), torch.ones(()))
    >>> responsibilities(p, torch.tensor([[9.0]]))
    tensor([[0., 1.]])
    """
    return log_responsibilities(p, z).exp()


def log_responsibilities(p: MixtureSameFamily, z: Tensor) -> Tensor:
    """log p(c | z) at z (..., L), in (..., C), nats."""
    parts: Any = p.component_distribution
    weights: Any = p.mixture_distribution
    return (parts.log_prob(z.unsqueeze(-2)) + weights.logits).log_softmax(-1)


class MixturePrior(nn.Module):
    """p(z) as a mixture of Gaussians with learned weights, means and scales.

    Args:
        latent: dimensions of z.
        components: how many Gaussians.

    Reference:
        Deep Unsupervised Clustering with Gaussian Mixture Variational Autoencoders (Dilokthanakul
        et al., 2016), arXiv:1611.02648

    >>> MixturePrior(2, components=5)(None).sample((3,)).shape
    torch.Size([3, 2])
    """

    def __init__(self, latent: int, components: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(components))
        self.means = nn.Parameter(SPREAD * torch.randn(components, latent))
        self.log_scales = nn.Parameter(torch.zeros(components, latent))

    def forward(self, h: Tensor | None) -> Distribution:
        return gaussian_mixture(self.weights, self.means, self.log_scales.exp())

    @torch.no_grad()
    def take(self, weights: Tensor, means: Tensor, variances: Tensor) -> None:
        """Take over a fitted mixture of at most as many components: (C,), (C, L) and (C, L)."""
        count = len(weights)
        self.weights.fill_(float(weights.min().log()) - FAR)[:count] = weights.log()
        self.means[:count] = means.to(self.means)
        self.log_scales[:count] = 0.5 * variances.log().to(self.log_scales)


class FullMixturePrior(nn.Module):
    """p(z) as a mixture of Gaussians with full covariances, fitted outside of training.

    Args:
        latent: dimensions of z.
        components: how many Gaussians.

    Reference:
        From Variational to Deterministic Autoencoders (Ghosh et al., 2019), arXiv:1903.12436

    >>> FullMixturePrior(2, components=5)(None).log_prob(torch.zeros(3, 2)).shape
    torch.Size([3])
    """

    log_weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, latent: int, components: int) -> None:
        super().__init__()
        self.register_buffer("log_weights", torch.zeros(components))
        self.register_buffer("means", torch.zeros(components, latent))
        self.register_buffer("factors", torch.eye(latent).repeat(components, 1, 1))

    def forward(self, h: Tensor | None) -> Distribution:
        parts = MultivariateNormal(self.means, scale_tril=self.factors, validate_args=False)
        which = Categorical(logits=self.log_weights, validate_args=False)
        return MixtureSameFamily(which, parts, validate_args=False)

    @torch.no_grad()
    def take(self, weights: Tensor, means: Tensor, covariances: Tensor) -> None:
        """Take over a fitted mixture: (C,), (C, L) and (C, L, L)."""
        self.log_weights.copy_(weights.log())
        self.means.copy_(means)
        self.factors.copy_(torch.linalg.cholesky(covariances))


class PosteriorMixturePrior(nn.Module):
    """p(z) as a mixture of the model's own posteriors of `components` inputs.

    The inputs are rows of the data at the start. They are learned (VampPrior), or kept as they
    are, with one scale learned for all of them (the prior of an exemplar VAE). Kept rows are a part
    of the model that is saved.

    Args:
        encoder, posterior: of the model, which owns them: here they are only called.
        shape: X. components: how many inputs. learned: whether they move.
        bounds: of values that inputs can have.

    References:
        VAE with a VampPrior (Tomczak and Welling, 2017), arXiv:1705.07120
        Exemplar VAE (Norouzi et al., 2020), arXiv:2004.04795
    """

    inputs: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        posterior: nn.Module,
        shape: Shape,
        components: int,
        learned: bool,
        bounds: tuple[float, float] = (-math.inf, math.inf),
    ) -> None:
        super().__init__()
        self.bounds = bounds
        self.borrowed: tuple[Any, Any] = (encoder, posterior)  # a tuple does not own modules
        self.learned = learned
        inputs = torch.rand(components, *shape)
        if learned:
            self.inputs = nn.Parameter(inputs)
            self.weights = nn.Parameter(torch.zeros(components))
        else:
            self.register_buffer("inputs", inputs)
            self.log_scale = nn.Parameter(torch.zeros(()))

    @property
    def shown(self) -> Tensor:
        """The inputs as the encoder sees them, (N, *X)."""
        return self.inputs.clamp(*self.bounds) if self.learned else self.inputs

    def forward(self, h: Tensor | None) -> Distribution:
        encoder, posterior = self.borrowed
        loc, scale = location_and_scale(posterior(None, encoder(self.shown)))
        if self.learned:
            return gaussian_mixture(self.weights, loc, scale)
        return gaussian_mixture(loc.new_zeros(len(loc)), loc, self.log_scale.exp())

    @torch.no_grad()
    def start(self, x: Tensor) -> None:
        """Take the inputs from rows x (N, *X), again from the first where there are too few.

        Raises:
            NoDensityError: when there is no row.
        """
        if not len(x):
            raise NoDensityError("A prior made of posteriors needs a row of data to start from.")
        order = torch.randperm(len(x))[: len(self.inputs)]
        rows = order.repeat(-(-len(self.inputs) // len(order)))[: len(self.inputs)]
        self.inputs.copy_(x[rows])
