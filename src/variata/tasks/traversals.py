"""Ways through the latent space along single dimensions, and what they decode to."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn import functional as F

from variata.distributions import OneHot
from variata.metrics import KnownPrior
from variata.shapes import draw_mean
from variata.tasks.bulk import quiet
from variata.tasks.codes import has_codes
from variata.tasks.model import Array, Model
from variata.tasks.passes import Pass
from variata.tasks.spaces import on_sphere

SPREAD = tuple(np.linspace(-3, 3, 9).tolist())
DRAWS = 500  # of a prior whose mean and standard deviation have no formula


def importance(observed: Pass) -> Tensor:
    """What latent dimensions are ordered by: rates in nats; where there are none, widths."""
    carried = observed.carried
    return observed.means.var(0) if carried is None else carried


def traversal_values(
    model: Model,
    observed: Pass,
    prior: KnownPrior | None,
    dimensions: int,
    values: tuple[float, ...] = SPREAD,
) -> tuple[Array, list[int]]:
    """Decoder means where single dimensions move, (R, V, *own); the highest rate first.

    Of several levels, those above the moved one have the means of their priors (classes: the one
    that is told most often), and those below the means that follow from it. Dimensions of classes
    are left out.

    Args:
        prior: None for N(0, I), for codes, and for several levels.
        values: in standard deviations of the prior, from its mean (for codes: of the vectors of
            the codes of the data).
    """
    order = importance(observed).argsort(descending=True).tolist()
    if len(model.module.levels) > 1 and not has_codes(model.module):
        return _of_levels(model, observed, order, dimensions, values)
    order = order[:dimensions]
    origin, sd = _centre(model, observed, prior)
    moved = [origin[d] + sd[d] * np.asarray(values) for d in order]
    paths = zip(order, moved, strict=True)
    return np.stack([model.traverse(origin, d, path) for d, path in paths]), order


def _centre(model: Model, observed: Pass, prior: KnownPrior | None) -> tuple[Array, Array]:
    """Mean and standard deviation of every latent dimension; on a sphere, the data's direction."""
    if has_codes(model.module):
        return observed.means.mean(0).numpy(), observed.means.std(0, unbiased=False).numpy()
    if prior is None:
        return np.zeros(model.latent), np.ones(model.latent)
    if on_sphere(model.module):
        return F.normalize(observed.means.mean(0), dim=0).numpy(), prior.sd.numpy()
    return prior.mean.numpy(), prior.sd.numpy()


def _of_levels(
    model: Model, observed: Pass, order: list[int], dimensions: int, values: tuple[float, ...]
) -> tuple[Array, list[int]]:
    steps = torch.tensor(values)
    some = next(model.module.parameters())
    context = model.context(None, len(steps))
    c = None if context is None else context.gather(torch.arange(len(steps))).to(some)
    told = observed.means.mean(0).split(model.widths)
    with quiet(model.module, 0):

        def descended(given: dict[int, Tensor]) -> Any:
            return model.module.imagine(len(steps), c, given, _mean).stages

        levels = enumerate(descended({}))
        classes = {
            i: F.one_hot(told[i].argmax(), len(told[i])).to(some).expand(len(steps), -1)
            for i, stage in levels
            if isinstance(stage.p, OneHot)
        }
        usual, made, shown = descended(classes), [], []
        starts = [0, *accumulate(model.widths)]
        for d in order:
            level = next(i for i, end in enumerate(starts[1:]) if d < end)
            if level in classes or len(shown) == dimensions:
                continue
            z, place = usual[level].z[0].clone(), d - starts[level]
            z[:, place] += _deviation(usual[level].p, len(steps))[:, place] * steps.to(z)
            given = {i: stage.z[0] for i, stage in enumerate(usual[:level])} | {level: z}
            made.append(torch.cat([stage.z[0] for stage in descended(given | classes)], -1))
            shown.append(d)
    return np.stack([model.decode(z.cpu().numpy()) for z in made]), shown


def _mean(p: Distribution, k: int, n: int) -> Tensor:
    try:
        return draw_mean(p, k, n)
    except NotImplementedError:
        return p.sample(torch.Size((DRAWS,))).mean(0).expand(k, n, *p.event_shape)


def _deviation(p: Distribution, n: int) -> Tensor:
    """Standard deviations of latents, (n, L)."""
    try:
        return p.variance.expand(1, n, *p.event_shape)[0].sqrt()
    except NotImplementedError:
        return p.sample(torch.Size((DRAWS,))).std(0).expand(1, n, *p.event_shape)[0]
