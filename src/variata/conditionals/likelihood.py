"""Likelihood heads: raw network outputs in, p(x | z) out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.distributions import (
    Bernoulli,
    Categorical,
    DiscretisedLogistic,
    Gaussian,
    LogisticMixture,
    NegativeBinomial,
    Poisson,
)
from variata.errors import UsageError, did_you_mean
from variata.shapes import Shape

COUNTS = frozenset({"poisson", "negative_binomial"})  # likelihoods
SCALE_GAIN = 10.0  # a single scale serves all examples: it may move faster than a weight
SMALLEST_MEAN = 0.02
BELOW_A_LEVEL = 3.0  # a logistic's scale is at least exp(-3) of a grey level


class BernoulliHead(nn.Module):
    """Values 0 or 1."""

    per_element, levels = 1, 2

    def forward(self, raw: Tensor) -> Bernoulli:
        return Bernoulli(raw.squeeze(2), raw.dim() - 3)

    def start(self, mean: Tensor, scale: Tensor) -> Tensor:
        return torch.logit(mean * (1 - 2 * SMALLEST_MEAN) + SMALLEST_MEAN)[None]


class GaussianHead(nn.Module):
    """Real values, with a learned scale of their own, floored at the data's resolution.

    A learned ("calibrated") scale is what makes the balance of rate and distortion right without
    a weight to tune; the floor keeps the likelihood bounded.

    Args:
        scale_shape: shape of the learned scale: () for one shared by all elements, or the
            example's shape for one each.
        floor: smallest scale, in model space: a number, or one for each element.

    Reference:
        Simple and Effective VAE Training with Calibrated Decoders (Rybkin et al., 2020),
        arXiv:2006.13202
    """

    per_element = 1
    locations = slice(0, 1)
    floor: Tensor

    def __init__(self, scale_shape: Shape, floor: float | Sequence[float]) -> None:
        super().__init__()
        self.raw_scale = nn.Parameter(torch.zeros(scale_shape))
        self.register_buffer("floor", torch.as_tensor(floor), persistent=False)

    def scale(self) -> Tensor:
        """The standard deviation of x given z, in model space."""
        return self.floor + torch.exp(SCALE_GAIN * self.raw_scale)

    def forward(self, raw: Tensor) -> Gaussian:
        return Gaussian(raw.squeeze(2), self.scale(), raw.dim() - 3)

    def start(self, mean: Tensor, scale: Tensor) -> Tensor:
        with torch.no_grad():
            spread = scale if self.raw_scale.dim() else scale.square().mean().sqrt()
            self.raw_scale.copy_(spread.clamp_min(1e-3).log() / SCALE_GAIN)
        return mean[None]


class LogisticHead(nn.Module):
    """Values on an even grid of `levels` in [0, 1], with a predicted scale for every element."""

    per_element = 2
    locations = slice(0, 1)

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels, self.lowest = levels, _lowest_log_scale(levels)

    def forward(self, raw: Tensor) -> DiscretisedLogistic:
        mean, log_scale = raw.unbind(2)
        log_scale = self.lowest + F.softplus(log_scale)
        return DiscretisedLogistic(mean, log_scale, self.levels, raw.dim() - 3)

    def start(self, mean: Tensor, scale: Tensor) -> Tensor:
        return torch.stack([mean, _raw_log_scale(scale, self.lowest)])


class LogisticMixtureHead(nn.Module):
    """The same with a mixture of logistics for every element, which can put mass on both ends."""

    def __init__(self, levels: int, components: int) -> None:
        super().__init__()
        self.levels, self.lowest, self.components = levels, _lowest_log_scale(levels), components
        self.per_element = 3 * components
        self.locations = slice(components, 2 * components)

    def forward(self, raw: Tensor) -> LogisticMixture:
        weights, means, log_scales = raw.movedim(2, -1).chunk(3, -1)
        log_scales = self.lowest + F.softplus(log_scales)
        return LogisticMixture(weights, means, log_scales, self.levels, raw.dim() - 3)

    def start(self, mean: Tensor, scale: Tensor) -> Tensor:
        offsets = torch.linspace(-1, 1, self.components).view(-1, *(1 for _ in mean.shape))
        means = mean + offsets * scale
        return torch.cat(
            [
                torch.zeros_like(means),
                means,
                _raw_log_scale(scale, self.lowest).expand(means.shape),
            ]
        )


class CategoricalHead(nn.Module):
    """Categories 0 .. classes - 1, without order."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.per_element = classes

    def forward(self, raw: Tensor) -> Categorical:
        return Categorical(raw.movedim(2, -1), raw.dim() - 3)

    def start(self, mean: Tensor, scale: Tensor) -> Tensor:
        return torch.zeros(self.per_element, *mean.shape)


class PoissonHead(nn.Module):
    """Counts whose variance is their mean."""

    per_element = 1

    def forward(self, raw: Tensor) -> Poisson:
        return Poisson(raw.squeeze(2), raw.dim() - 3)

    def start(self, mean: Tensor, scale: Tensor) -> Tensor:
        return (mean + SMALLEST_MEAN).log()[None]


class NegativeBinomialHead(nn.Module):
    """Counts that vary more than their mean, with a learned dispersion for every element."""

    per_element = 1

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.raw_dispersion = nn.Parameter(torch.zeros(shape))

    def forward(self, raw: Tensor) -> NegativeBinomial:
        dispersion = SCALE_GAIN * self.raw_dispersion
        return NegativeBinomial(raw.squeeze(2), dispersion, raw.dim() - 3)

    def start(self, mean: Tensor, scale: Tensor) -> Tensor:
        return (mean + SMALLEST_MEAN).log()[None]


def _gaussian(shape: Shape, floor: Any, **_: Any) -> nn.Module:
    return GaussianHead(shape if len(shape) == 1 else (), floor)


HEADS: dict[str, Callable[..., nn.Module]] = {
    "bernoulli": lambda **_: BernoulliHead(),
    "gaussian": _gaussian,
    "logistic": lambda levels, **_: LogisticHead(levels),
    "logistic_mixture": lambda levels, components, **_: LogisticMixtureHead(levels, components),
    "categorical": lambda levels, **_: CategoricalHead(levels),
    "poisson": lambda **_: PoissonHead(),
    "negative_binomial": lambda shape, **_: NegativeBinomialHead(shape),
}


def likelihood_head(
    name: str,
    shape: Shape,
    levels: int | None = None,
    floor: float | Sequence[float] = 1e-3,
    components: int = 5,
) -> nn.Module:
    """Make the head of a likelihood by its name.

    Args:
        name: one of `HEADS`.
        shape: X, of one example in model space.
        levels: grey levels or categories, where the likelihood needs them.
        floor: smallest Gaussian scale, in model space.
        components: of the logistic mixture.

    Raises:
        UsageError: for an unknown name, or one that needs `levels` and has none.

    >>> likelihood_head("logistic", (1, 8, 8), levels=17).per_element
    2
    """
    if name not in HEADS:
        known = ", ".join(sorted(HEADS))
        raise UsageError(f"Unknown likelihood '{name}'.{did_you_mean(name, HEADS)} Known: {known}.")
    if name in {"logistic", "logistic_mixture", "categorical"} and levels is None:
        raise UsageError(f"The {name} likelihood needs `levels`, the number of distinct values.")
    return HEADS[name](shape=shape, levels=levels, floor=floor, components=components)


def _lowest_log_scale(levels: int) -> float:
    return math.log(1 / (levels - 1)) - BELOW_A_LEVEL


def _raw_log_scale(scale: Tensor, lowest: float) -> Tensor:
    above = (scale.clamp_min(math.exp(lowest + 0.5)) * math.sqrt(3) / math.pi).log() - lowest
    return torch.log(torch.expm1(above.clamp_min(0.1)))
