"""Elements that count: 0, 1, 2, ... as floats."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Gamma
from torch.nn.functional import softplus
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW, Factorised, outside

LOG_DISPERSION_LIMIT = 20.0
STIRLING_FROM = 20.0


def _count_check(value: Tensor) -> str | None:
    inside = (value >= 0) & (value == value.round()) & value.isfinite()
    return outside(value, inside, "values other than the counts 0, 1, 2, ...")


class Poisson(Factorised):
    """Poisson elements, parametrised by the logarithm of their rate.

    log p(x) = x * log_rate - exp(log_rate) - log x!, nats; mean and variance are exp(log_rate).

    Args:
        log_rate: (K, B, *X).
        event_dim: number of trailing dimensions that form the event.

    >>> p = Poisson(torch.zeros(1, 3, 2))
    >>> p.log_prob(torch.ones(3, 2))
    tensor([[-2., -2., -2.]])
    """

    def __init__(self, log_rate: Tensor, event_dim: int = 1) -> None:
        self.log_rate = log_rate
        super().__init__(log_rate.shape, event_dim)

    def log_prob_each(self, value: Tensor) -> Tensor:
        return value * self.log_rate - self.log_rate.exp() - torch.lgamma(value + 1)

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        with torch.no_grad():
            return torch.poisson(self.mean.expand(self._extended_shape(sample_shape)))

    @property
    def mean(self) -> Tensor:
        return self.log_rate.exp()

    @property
    def variance(self) -> Tensor:
        return self.mean

    def support_check(self, value: Tensor) -> str | None:
        return _count_check(value)


class NegativeBinomial(Factorised):
    """Negative binomial elements: counts with more variance than a Poisson has.

    With m = exp(log_mean) and r = exp(log_dispersion), in nats:

    log p(x) = log [G(x + r) / (G(r) x!)] + r log [r / (r + m)] + x log [m / (r + m)],

    where G is the gamma function. The mean is m, the variance m + m^2 / r; a large r gives back
    the Poisson. `log_dispersion` is held within -20 to 20.

    Args:
        log_mean: (K, B, *X); its shape is the distribution's.
        log_dispersion: broadcast against `log_mean`, often (*X): one per feature.
        event_dim: number of trailing dimensions that form the event.

    Reference: Deep generative modeling for single-cell transcriptomics, Lopez, Regier, Cole,
    Jordan & Yosef, 2018, Nature Methods 15.

    >>> p = NegativeBinomial(torch.zeros(1, 3, 2), torch.zeros(2))
    >>> p.variance[0, 0]
    tensor([2., 2.])
    >>> round(p.log_prob(torch.zeros(3, 2))[0, 0].item(), 4)
    -1.3863
    """

    def __init__(self, log_mean: Tensor, log_dispersion: Tensor, event_dim: int = 1) -> None:
        self.log_mean = log_mean
        self.log_dispersion = log_dispersion.clamp(-LOG_DISPERSION_LIMIT, LOG_DISPERSION_LIMIT)
        super().__init__(log_mean.shape, event_dim)

    def log_prob_each(self, value: Tensor) -> Tensor:
        # x log r is taken out of both the gamma ratio and the last term: the two cancel
        r = self.log_dispersion.exp()
        spread = softplus(self.log_mean - self.log_dispersion, threshold=40.0)
        ratio = _log_gamma_ratio(value, r, self.log_dispersion) - torch.lgamma(value + 1)
        return ratio + value * self.log_mean - (value + r) * spread

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        """Draw a Poisson whose rate is drawn from a gamma distribution."""
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            r = self.log_dispersion.exp().expand(shape)
            rate = Gamma(r, r / self.log_mean.exp(), validate_args=False).sample()
            return torch.poisson(rate)

    @property
    def mean(self) -> Tensor:
        return self.log_mean.exp()

    @property
    def variance(self) -> Tensor:
        return self.mean + (2 * self.log_mean - self.log_dispersion).exp()

    def support_check(self, value: Tensor) -> str | None:
        return _count_check(value)


def _log_gamma_ratio(x: Tensor, r: Tensor, log_r: Tensor) -> Tensor:
    """log G(x + r) - log G(r) - x log r.

    The plain difference loses every digit of float32 once r is large, so Stirling's series is
    subtracted term by term there.
    """
    plain = torch.lgamma(x + r) - torch.lgamma(r) - x * log_r
    large = r.clamp(min=STIRLING_FROM)  # keeps the branch not taken finite, and its gradient
    series = _stirling_rest(x + large) - _stirling_rest(large)
    stirling = (x + large - 0.5) * torch.log1p(x / large) - x + series
    return torch.where(r < STIRLING_FROM, plain, stirling)


def _stirling_rest(a: Tensor) -> Tensor:
    """log G(a) - (a - 1/2) log a + a - log(2 pi) / 2, to 1e-12 from a = 20 on."""
    t = a.reciprocal()
    square = t.square()
    return t * (1 / 12 - square * (1 / 360 - square / 1260))
