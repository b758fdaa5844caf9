"""The von Mises-Fisher distribution, by its quantiles."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from variata.distributions.kl import register_kl
from variata.distributions.sphere import OnSphere, UniformSphere, log_area, rate_each

CELLS = 256


class VonMisesFisher(OnSphere):
    """Density proportional to exp(concentration cos angle) on the unit sphere.

    The usual draws are rejections, whose number depends on the data, and the normaliser is a
    Bessel function of any order. Here both come from one grid over y with cosine = -tanh(y), around
    the mode and as wide as the density: the normaliser as its sum, exact to double precision, and
    a draw as the quantile of a uniform number, even within a cell. So draws are smooth in the
    concentration, and exact but for the width of a cell, some hundredths of a standard deviation.

    Args:
        direction: of unit length, (B, L), L at least 2.
        concentration: positive, (B,).

    Reference:
        Hyperspherical Variational Auto-Encoders (Davidson et al., 2018), arXiv:1804.00891

    >>> q = VonMisesFisher(torch.eye(3), torch.tensor([1e-9, 1.0, 9.0]))
    >>> q.rate().round(decimals=4)
    tensor([0.0000, 0.1516, 1.8904])
    """

    def __init__(self, direction: Tensor, concentration: Tensor) -> None:
        super().__init__(direction, concentration)
        self._lay(precise(concentration).unsqueeze(-1), direction.shape[-1] - 1)

    @property
    def noise_along(self) -> int:
        return 1

    def along(self, normal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        target = torch.special.ndtr(precise(normal))
        masses = self.masses.expand(*target.shape[:-1], CELLS)
        ends = masses.cumsum(-1)
        cell = (ends < target).sum(-1, keepdim=True).clamp_max(CELLS - 1)
        mass = masses.gather(-1, cell)
        within = ((target - ends.gather(-1, cell)) / mass + 1).clamp(0, 1)
        y = self.places.expand_as(masses).gather(-1, cell) + self.width * (within - 0.5)
        cosine, sine = -y.tanh().squeeze(-1), y.cosh().reciprocal().squeeze(-1)
        return cosine.to(normal), sine.to(normal), self._log_density(cosine).to(normal)

    def density(self, value: Tensor) -> Tensor:
        return self._log_density(precise((value * self.direction).sum(-1))).to(value)

    def moments(self) -> tuple[Tensor, Tensor]:
        cosines = -self.places.tanh()
        pair = (self.masses * cosines).sum(-1), (self.masses * cosines.square()).sum(-1)
        return pair[0].to(self.like), pair[1].to(self.like)

    def rate(self) -> Tensor:
        mean = -(self.masses * self.places.tanh()).sum(-1)
        return (precise(self.concentration) * mean - self.log_total).to(self.like)

    def _log_density(self, cosine: Tensor) -> Tensor:
        known = self.log_total + log_area(self.like.shape[-1])
        return precise(self.concentration) * cosine - known

    def _lay(self, concentration: Tensor, power: int) -> None:
        """The grid: log density of y is concentration * cosine - power * log cosh y."""
        root = (power**2 + 4 * concentration.square()).sqrt()
        steep = 2 * concentration / (power + root)  # -tanh of the mode
        spread = ((1 - steep.square()) * root).rsqrt()
        reach = 6 + 16 / math.sqrt(power)  # tails fall off as exp(-power |y|), or faster
        self.width = 2 * reach / CELLS * spread
        order = torch.arange(CELLS, dtype=spread.dtype, device=spread.device)
        self.places = (order - (CELLS - 1) / 2) * self.width - steep.atanh()
        size = self.places.abs()
        log_cosh = size + softplus(-2 * size) - math.log(2)
        scores = -concentration * self.places.tanh() - power * log_cosh
        self.masses = scores.softmax(-1)
        area = log_area(power + 1) - log_area(power)
        self.log_total = (scores.logsumexp(-1) + self.width.squeeze(-1).log()) - area


def precise(value: Tensor) -> Tensor:
    """In double precision, where the device has it."""
    return value if value.device.type == "mps" else value.double()


register_kl(VonMisesFisher, UniformSphere)(rate_each)
