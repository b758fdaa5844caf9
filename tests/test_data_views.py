"""Shifted images: who moves, where to, and what comes in."""

import pytest
import torch

from variata.batch import Batch
from variata.data.views import shift
from variata.errors import ShapeError


def _dots(n):
    x = torch.zeros(n, 1, 7, 7)
    x[:, 0, 3, 3] = 1
    return Batch(x=x, seen=x.clone(), y=torch.arange(n))


def _places(x):
    return [tuple(p) for p in x[:, 0].nonzero()[:, 1:].tolist()]


def test_dots_move_to_all_neighbours_and_views_agree():
    torch.manual_seed(0)
    batch = _dots(4000)
    moved = shift(batch, probability=0.5)
    assert torch.equal(moved.x, moved.seen)
    assert moved.y is batch.y
    places = _places(moved.x)
    assert set(places) == {(y, x) for y in (2, 3, 4) for x in (2, 3, 4)}
    stayed = sum(p == (3, 3) for p in places) / 4000
    assert stayed == pytest.approx(0.5, abs=4 * (0.25 / 250) ** 0.5)
    assert batch.x[:, 0, 3, 3].all()


def test_probability_ends():
    batch = _dots(100)
    assert torch.equal(shift(batch, probability=0.0).x, batch.x)
    assert (3, 3) not in _places(shift(batch, probability=1.0).x)


def test_farther_shifts_stay_within_reach():
    places = _places(shift(_dots(3000), pixels=2, probability=1.0).x)
    assert {max(abs(y - 3), abs(x - 3)) for y, x in places} == {1, 2}
    assert len(set(places)) == 24


def test_background_comes_in_or_the_edge_is_repeated():
    x = torch.ones(200, 2, 5, 5)
    torch.manual_seed(1)
    dark = shift(Batch(x=x, seen=x), probability=1.0)
    assert (dark.x.sum((1, 2, 3)) < 50).all()
    assert dark.seen is dark.x
    assert torch.equal(shift(Batch(x=x, seen=x), probability=1.0, background=None).x, x)


def test_mask_moves_along():
    torch.manual_seed(2)
    batch = _dots(50)
    moved = shift(Batch(x=batch.x, seen=batch.x, mask=1 - batch.x), probability=1.0)
    assert moved.mask is not None
    assert torch.equal(moved.mask, 1 - moved.x)


def test_the_seed_decides():
    batch = _dots(50)
    torch.manual_seed(3)
    first = shift(batch)
    torch.manual_seed(3)
    assert torch.equal(first.x, shift(batch).x)


def test_vectors_are_refused():
    with pytest.raises(ShapeError, match="images"):
        shift(Batch(x=torch.zeros(2, 5), seen=torch.zeros(2, 5)))
