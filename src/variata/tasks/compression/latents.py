"""Latents on a stack, by the prior."""

from __future__ import annotations

import numpy as np

from variata.errors import DataError
from variata.exact import ExactModel, GaussianMixture
from variata.tasks.compression.stack import Stack, Whole


def push_latents(stack: Stack, model: ExactModel, cells: Whole, direct: bool) -> None:
    """Push the cells of latents, (B * L,).

    Args:
        direct: whether nothing is to be popped: the component is then the one nearest.
    """
    if model.prior is None:
        stack.push_even(cells, 1 << model.lattice.bits)
        return
    z = model.lattice.values(cells)
    responsible = model.prior.responsible(z)
    k = responsible.likeliest() if direct else stack.pop(responsible)
    steps = model.prior.steps(k, model.lattice)
    values = [cells] if model.prior.at_once else list(cells.reshape(z.shape).T)
    given = [next(steps), *(steps.send(z[:, j, None]) for j in range(len(values) - 1))]
    for symbols, value in reversed(list(zip(given, values, strict=True))):
        stack.push(symbols, value)
    stack.push(model.prior.chosen(len(z)), k)


def pop_latents(stack: Stack, model: ExactModel, rows: int, direct: bool) -> Whole:
    """What `push_latents` pushed, (B * L,).

    Raises:
        DataError: it is not what this model pushes.
    """
    if model.prior is None:
        return stack.pop_even(rows * model.latent, 1 << model.lattice.bits)
    k = stack.pop(model.prior.chosen(rows))
    if (k >= model.prior.components).any():
        raise DataError("it holds components that there are not")
    cells = _popped(stack, model, model.prior, k)
    responsible = model.prior.responsible(model.lattice.values(cells))
    if not direct:
        stack.push(responsible, k)
    elif (k != responsible.likeliest()).any():
        raise DataError("its first rows are not those of this model")
    return cells


def _popped(stack: Stack, model: ExactModel, prior: GaussianMixture, k: Whole) -> Whole:
    steps = prior.steps(k, model.lattice)
    found = [stack.pop(next(steps))]
    while not prior.at_once and len(found) < model.latent:
        before = model.lattice.only(len(found) - 1)
        found.append(stack.pop(steps.send(before.values(found[-1]))))
    return np.stack(found, 1).reshape(-1)
