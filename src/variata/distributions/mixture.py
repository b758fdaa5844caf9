"""Elements with ordered levels and several peaks."""

from __future__ import annotations

import torch
from torch import Size, Tensor
from torch.types import _size

from variata.distributions.bins import (
    FEW_LEVELS,
    bin_moments,
    clamped_mean,
    log_bin_mass,
    sample_bins,
    smooth_draw,
)
from variata.distributions.factorised import ONE_DRAW, Factorised
from variata.distributions.logistic import check_levels, levels_check
from variata.noise import noise


class LogisticMixture(Factorised):
    """A mixture of M discretised logistics in every element.

    log p(x) = log sum_m softmax(weights_logits)_m * mass_m(x), nats, with the masses of
    `DiscretisedLogistic`. Elements are independent: PixelCNN++'s colour channels, where green
    reads red, are not modelled here.

    Args:
        weights_logits: unnormalised log weights, (K, B, *X, M): the component axis is the last.
        means: centres in units of x, (K, B, *X, M); its shape is the distribution's.
        log_scales: broadcast against `means`, held within -20 to 20.
        levels: number of levels, 2 or more; a value is code / (levels - 1).
        event_dim: number of trailing dimensions of (K, B, *X) that form the event.

    Raises:
        UsageError: `levels` is below 2.

    Reference: PixelCNN++, Salimans, Karpathy, Chen & Kingma, 2017, arXiv 1701.05517.

    >>> means = torch.tensor([0.0, 1.0]).expand(1, 3, 2, 2)
    >>> p = LogisticMixture(torch.zeros(1, 3, 2, 2), means, torch.full((2,), -9.0), levels=256)
    >>> p
    LogisticMixture(batch=(1, 3), event=(2,), levels=256, components=2)
    >>> p.log_prob_each(torch.ones(3, 2))[0, 0]
    tensor([-0.6931, -0.6931])
    """

    def __init__(
        self,
        weights_logits: Tensor,
        means: Tensor,
        log_scales: Tensor,
        levels: int,
        event_dim: int = 1,
    ) -> None:
        check_levels(levels)
        self.weights_logits = weights_logits
        self.means = means
        self.log_scales = log_scales
        self.levels = levels
        super().__init__(means.shape[:-1], event_dim)

    def log_prob_each(self, value: Tensor) -> Tensor:
        mass = log_bin_mass(value.unsqueeze(-1), self.means, self.log_scales, self.levels)
        return torch.logsumexp(mass + self.weights_logits.log_softmax(-1), dim=-1)

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        """Draw a component, then a level of it, (*sample_shape, K, B, *X)."""
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            chosen = self._sample_components(sample_shape).reshape(shape).unsqueeze(-1)
            mean = self._pick(self.means, chosen)
            return sample_bins(mean, self._pick(self.log_scales, chosen), self.levels)

    @property
    def mean(self) -> Tensor:
        """Exact mean over the levels, in [0, 1]."""
        return (self._weights() * self._moments()[0]).sum(-1)

    def point(self) -> Tensor:
        """The mean; beyond 32 levels to within half a level, without a sum over them."""
        if self.levels <= FEW_LEVELS:
            return self.mean
        return (self._weights() * clamped_mean(self.means, self.log_scales)).sum(-1)

    def glance(self) -> Tensor:
        """A draw before it is rounded, with gradients to mean and scale of its component."""
        options = {"dtype": self.means.dtype, "device": self.means.device}
        uniform = noise(torch.rand, self.means.shape, self.event_dim + 1, **options)
        gumbel = -(-uniform.log()).log()
        chosen = (self.weights_logits + gumbel).argmax(-1, keepdim=True)
        mean, log_scale = self._pick(self.means, chosen), self._pick(self.log_scales, chosen)
        return smooth_draw(mean, log_scale, self.event_dim)

    @property
    def variance(self) -> Tensor:
        """Exact variance over the levels: within the components and between them."""
        means, variances = self._moments()
        weights = self._weights()
        apart = means - (weights * means).sum(-1, keepdim=True)
        return (weights * (variances + apart.square())).sum(-1)

    def support_check(self, value: Tensor) -> str | None:
        return levels_check(value, self.levels)

    def _weights(self) -> Tensor:
        return self.weights_logits.expand_as(self.means).softmax(-1)

    def _moments(self) -> tuple[Tensor, Tensor]:
        return bin_moments(self.means, self.log_scales, self.levels)

    def _sample_components(self, sample_shape: _size) -> Tensor:
        rows = self._weights().reshape(-1, self.means.shape[-1])
        return torch.multinomial(rows, Size(sample_shape).numel(), replacement=True).T

    def _pick(self, parameter: Tensor, chosen: Tensor) -> Tensor:
        shape = (*chosen.shape[:-1], self.means.shape[-1])
        return parameter.expand(shape).gather(-1, chosen).squeeze(-1)

    def _extra_repr(self) -> list[str]:
        return [f"levels={self.levels}", f"components={self.means.shape[-1]}"]
