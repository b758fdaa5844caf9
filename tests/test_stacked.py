"""M1+M2: a class and a style above codes, of which alone the example is decoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from variata import fit, load, recipes
from variata.batch import Batch
from variata.distributions import kl
from variata.errors import UsageError
from variata.objectives import EnumeratedBound
from variata.schedules import Moment

CLASSES, STYLE, ROWS = 3, 2, 5
END = Moment(2**31, 1.0)


def made(**more: Any) -> Any:
    torch.manual_seed(0)
    small = {"shape": (4,), "latent": 2, "hidden": (8,), "classes": CLASSES, "style": STYLE}
    return recipes.m1_m2(**small, **more).model


def rows(y: list[int] | None = None) -> Batch:
    x = torch.randn(ROWS, 4, generator=torch.Generator().manual_seed(1))
    return Batch(x, x, y=None if y is None else torch.tensor(y))


def bounded(model: Any, batch: Batch, screened: bool) -> Tensor:
    torch.manual_seed(3)
    trace = model.observe(batch)
    torch.manual_seed(2)
    return EnumeratedBound(screened)(model, trace, END)


def test_the_bound_is_brute_force_enumeration_of_what_stands_above_the_codes() -> None:
    """log p(x | z1) at one z1, and both rates for one class after the other."""
    model, batch = made(), rows([-1, 2, -1, 0, -1])
    torch.manual_seed(3)
    trace = model.observe(batch)
    bound = bounded(model, batch, screened=True)
    q, costs = trace.stages[0].q, torch.zeros(ROWS, CLASSES)
    shape = (1, CLASSES * ROWS, STYLE)
    eps = torch.randn(shape, generator=torch.manual_seed(2)).view(CLASSES, ROWS, STYLE)
    features, codes = model.encoder(batch.seen), trace.stages[2].q
    for c in range(CLASSES):
        y = torch.eye(CLASSES)[c].expand(ROWS, -1)[None]
        style = model.levels[1].posterior(y, features)
        z2 = style.loc + style.scale * eps[c]
        prior = model.levels[2].prior(torch.cat([z2, y], -1))
        rates = kl(style, model.levels[1].prior(None)) + kl(codes, prior) + np.log(CLASSES)
        costs[:, c] = rates[0] + trace.distortion()[0]
    unknown = (q.probs * (costs + q.log_probs)).sum(1)
    expected = torch.where(batch.y < 0, unknown, costs[torch.arange(ROWS), batch.y])  # type: ignore[operator, index]
    assert torch.allclose(bound, expected, atol=1e-4)


def test_decoding_once_is_decoding_for_every_class_where_codes_are_points() -> None:
    model = made()
    head = model.levels[2].posterior.posterior.linear
    with torch.no_grad():
        head.bias[2:] = -1e3  # the least scale, e^-7
        head.weight[2:] = 0
    once, always = (bounded(model, rows(), screened) for screened in (True, False))
    assert torch.allclose(once, always, atol=0.05, rtol=1e-3)
    assert not torch.equal(once, always)


def test_nothing_but_codes_is_decoded() -> None:
    model, z1 = made(), torch.randn(ROWS, 2)
    of = [torch.eye(CLASSES)[torch.full((ROWS,), c)] for c in (0, 1)]
    logits = [model.imagine(ROWS, given={0: y, 2: z1}).likelihood.mean for y in of]
    assert torch.equal(*logits)


def test_a_condition_goes_down_beside_all_three() -> None:
    model, batch = made(context=2), rows()
    a, b = (Batch(batch.x, batch.x, c=torch.full((ROWS, 2), value)) for value in (0.0, 1.0))
    z1 = torch.randn(ROWS, 2)
    traces = [model.observe(part, given={2: z1}) for part in (a, b)]
    assert not torch.equal(traces[0].distortion(), traces[1].distortion())
    assert torch.isfinite(bounded(model, a, screened=True)).all()
    assert model.levels[2].merge(torch.zeros(1, ROWS, 7), z1[None]).shape == (1, ROWS, 4)


def test_few_labels_and_many_rows(tmp_path: Any) -> None:
    """Two groups, one of which has two parts: ten labels tell which parts belong together."""
    random = np.random.default_rng(0)
    part = random.integers(0, 3, 600)
    x = np.array([[-4, 0], [4, 0], [0, 6]])[part] + random.normal(size=(600, 2))
    y = np.array(["lower", "lower", "upper"])[part]
    few = np.where(random.random(600) < 0.05, y, "")
    model = fit(x, "m1_m2", label=few, latent=2, style=1, hidden=(32,), epochs=30, seed=0)
    found = model.classify(x)
    assert (np.array(found.labels) == y).mean() > 0.95
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert np.array_equal(again.classify(x).probabilities, found.probabilities)
    assert again.encode(x).shape == (600, 2 + 1 + 2)
    assert again.sample(3).shape == (3, 2)


def test_without_labels_there_is_no_class() -> None:
    with pytest.raises(UsageError, match="m1_m2 learns from labels"):
        recipes.m1_m2(shape=(4,))
