"""From data to noise and back along the path of a diffusion, without noise on the way."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

RIGHT = math.pi / 2  # the angle at which nothing is left of the data
NEAR = 3e-3  # of a difference: where rounding and curvature cost about as little, in fp32
FINER = 2  # the power by which steps are shorter near the data, where paths bend most


class ProbabilityFlow(nn.Module):
    """The map x -> noise that follows a learned velocity dz/da = v(z, a) from a = 0 to pi / 2.

    In between lies z = cos(a) x + sin(a) noise, the variance-preserving diffusion with the cosine
    schedule, whose time is an angle. Its velocity cos(a) noise - sin(a) x, given z, is what a
    network that predicts v predicts, so that the equation whose solutions have the marginals of
    the diffusion is dz/da = v: diffusion with v-prediction is flow matching on circles.

    Heun's steps are taken in both directions, so that one undoes the other up to their error.

    Args:
        field: (z (N, L), a (N,) or (1,), *told) -> v (N, L), where what is told of every row is
            given to all methods last: for images, around a network of images.
        steps: how many; each asks the field twice.

    References:
        Progressive Distillation for Fast Sampling of Diffusion Models (Salimans and Ho, 2022),
        arXiv:2202.00512
        Score-Based Generative Modeling through SDEs (Song et al., 2020), arXiv:2011.13456
        Flow Matching for Generative Modeling (Lipman et al., 2022), arXiv:2210.02747

    >>> from variata.nn import TimedMLP
    >>> flow = ProbabilityFlow(TimedMLP(3, 16, 1), steps=4)
    >>> noise, log_det = flow(torch.ones(5, 3))
    >>> noise.shape, log_det.shape
    (torch.Size([5, 3]), torch.Size([5]))
    """

    def __init__(self, field: nn.Module, steps: int) -> None:
        super().__init__()
        self.field, self.steps = field, steps
        self.angles = [RIGHT * (i / steps) ** FINER for i in range(steps + 1)]

    def forward(self, x: Tensor, *told: Tensor) -> tuple[Tensor, Tensor]:
        """The noise that x (N, L) goes to, and an estimate of the logarithm of the volume change.

        That is the integral of the divergence of v, of which every step takes the part along one
        direction; as many directions as there are dimensions are orthogonal, and the same for all
        rows. Over random directions its mean is the integral, up to the error of the steps.
        """
        z, change = x, x.new_zeros(len(x))
        for i, along in enumerate(_directions(x.shape[-1], self.steps)):
            here, there = self.angles[i], self.angles[i + 1]
            v, growth = self._with_growth(z, here, along.to(x), *told)
            near = z + (there - here) * v
            ahead, growth_ahead = self._with_growth(near, there, along.to(x), *told)
            z = z + (there - here) / 2 * (v + ahead)
            change = change + (there - here) / 2 * (growth + growth_ahead)
        return z, change

    def inverse(self, y: Tensor, *told: Tensor) -> Tensor:
        """The x (..., L) that noise y comes from."""
        z = y.reshape(-1, y.shape[-1])
        for i in reversed(range(self.steps)):
            here, there = self.angles[i + 1], self.angles[i]
            v = self._velocity(z, here, *told)
            ahead = self._velocity(z + (there - here) * v, there, *told)
            z = z + (there - here) / 2 * (v + ahead)
        return z.view(y.shape)

    def error(self, x: Tensor, noise: Tensor, turn: Tensor, *told: Tensor) -> Tensor:
        """The squared error of v between x and noise (N, L), at shares `turn` (N,) of pi / 2, (N,).

        What it is trained by: the mean over all noise and turns is least for the true field.
        """
        angle = RIGHT * turn
        cos, sin = angle.cos()[:, None], angle.sin()[:, None]
        v = self.field(cos * x + sin * noise, angle, *told)
        return (v - (cos * noise - sin * x)).square().sum(-1)

    def _velocity(self, z: Tensor, angle: float, *told: Tensor) -> Tensor:
        return self.field(z, z.new_full((1,), angle), *told)

    def _with_growth(
        self, z: Tensor, angle: float, along: Tensor, *told: Tensor
    ) -> tuple[Tensor, Tensor]:
        """v at z, and how it grows along a direction in that direction, (N,): a central difference.

        It asks no more of a field than its values, and nothing of automatic differentiation.
        """
        ahead, behind = (self._velocity(z + h * along, angle, *told) for h in (NEAR, -NEAR))
        return (ahead + behind) / 2, (ahead - behind) @ along / (2 * NEAR)


def _directions(size: int, count: int) -> Tensor:
    """Fixed vectors of length sqrt(size), each `size` in a row orthogonal, (count, size)."""
    generator = torch.Generator("cpu").manual_seed(0)
    drawn = torch.randn(size, min(size, count), generator=generator, dtype=torch.float64)
    some = torch.linalg.qr(drawn)[0].T * math.sqrt(size)
    return some.repeat(-(-count // len(some)), 1)[:count]
