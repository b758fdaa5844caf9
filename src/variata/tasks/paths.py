"""Ways from one latent to another: straight, on a sphere, or along the data."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Decode = Callable[[Tensor], Tensor]
SEGMENTS = 32  # of a path whose energy is minimised, at least
ITERATIONS = 200  # of L-BFGS, at most
ON_ONE_LINE = 1e-6  # sine of the angle below which two latents have no circle of their own


def straight(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """(1 - t) start + t end at even t from 0 to 1, (steps, L).

    >>> straight(torch.zeros(1), torch.ones(1), 3).flatten()
    tensor([0.0000, 0.5000, 1.0000])
    """
    t = torch.linspace(0, 1, steps, dtype=start.dtype)[:, None]
    return (1 - t) * start + t * end


def spherical(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """sin((1 - t) w) / sin(w) start + sin(t w) / sin(w) end, w the angle between them, (steps, L).

    Between latents of one norm it keeps that norm, where N(0, I) of many dimensions has its mass.
    Where both lie on one line through the origin it is straight.

    References:
        Animating Rotation with Quaternion Curves (Shoemake, 1985)
        Sampling Generative Networks (White, 2016), arXiv:1609.04468

    >>> spherical(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 3)[1]
    tensor([0.7071, 0.7071])
    """
    a, b = start.double(), end.double()
    norms = a.norm() * b.norm()
    angle = torch.acos((a @ b / norms).clamp(-1, 1)) if norms > 0 else norms
    if angle.sin() < ON_ONE_LINE:
        return straight(start, end, steps)
    t = torch.linspace(0, 1, steps, dtype=a.dtype)[:, None]
    way = (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()
    return way.to(start.dtype)


def geodesic(decode: Decode, start: Tensor, end: Tensor, steps: int) -> Tensor:
    """The way whose decoded points move least, at even speed, (steps, L).

    It minimises `energy` over paths of at least 32 segments with these ends, from the straight one
    on; its energy is never above that one's. Deviations are sums of sines, each divided by its
    frequency, in which the energy of a path is about equally curved along all of them.

    Args:
        decode: latents (N, L) -> points (N, ...), with a gradient.

    References:
        Latent Space Oddity: on the Curvature of Deep Generative Models (Arvanitidis, Hansen and
        Hauberg, 2017), arXiv:1710.11379
        The Riemannian Geometry of Deep Generative Models (Shao, Kumar and Fletcher, 2017),
        arXiv:1711.08014

    >>> up, right = torch.tensor([1.0, 0.0]), torch.tensor([1.0, math.pi / 2])
    >>> polar = lambda z: torch.stack([z[:, 0] * z[:, 1].cos(), z[:, 0] * z[:, 1].sin()], 1)
    >>> polar(geodesic(polar, up, right, 3))[1]
    tensor([0.5000, 0.5000])
    """
    each = -(-SEGMENTS // (steps - 1))
    line = straight(start, end, each * (steps - 1) + 1)
    t = torch.linspace(0, 1, len(line), dtype=line.dtype)[:, None]
    frequencies = torch.arange(1, len(line) - 1, dtype=line.dtype)
    sines = (math.pi * t * frequencies).sin() / frequencies
    sines[-1] = 0  # which rounding misses
    with torch.no_grad():
        before = energy(decode, line)
    if not before > 0:
        return line[::each]
    weights = torch.zeros(len(frequencies), line.shape[1], dtype=line.dtype, requires_grad=True)
    _minimise(lambda: energy(decode, line + sines @ weights) / before, weights)
    with torch.no_grad():
        way = line + sines @ weights
        return (way if energy(decode, way) < before else line)[::each]


def energy(decode: Decode, path: Tensor) -> Tensor:
    """The integral over t from 0 to 1 of |d decode(z(t)) / dt|^2, by differences along (N, L).

    >>> energy(lambda z: 3 * z, torch.tensor([[0.0], [0.5], [1.0]]))
    tensor(9.)
    """
    points = decode(path).flatten(1)
    return (len(path) - 1) * points.diff(dim=0).square().sum()


def _minimise(cost: Callable[[], Tensor], weights: Tensor) -> None:
    optimiser = torch.optim.LBFGS([weights], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        with torch.enable_grad():
            value = cost()
            (weights.grad,) = torch.autograd.grad(value, [weights])
        return value.detach()

    optimiser.step(closure)  # type: ignore[arg-type]
