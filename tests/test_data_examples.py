"""Resident examples, their batches and fingerprints, and how they are split."""

import functools
import operator

import numpy as np
import pytest
import torch

from variata.data import Examples, infer_schema, split
from variata.errors import DataError, ShapeError, UsageError
from variata.tasks.source import DataOptions, prepare_data

RNG = np.random.default_rng(2)
BYTES = RNG.integers(0, 256, (40, 5, 6), dtype=np.uint8)


def _examples(values=BYTES, labels=None):
    return Examples.of(values, infer_schema(values), labels)


def test_gather_converts_only_the_batch():
    examples = _examples(labels=np.arange(40))
    assert examples.codes.dtype == torch.uint8
    index = torch.tensor([7, 0, 7])
    batch = examples.gather(index)
    assert batch.x.dtype == torch.float32
    torch.testing.assert_close(batch.x[0, 0], torch.from_numpy(BYTES[7] / 255).float())
    assert batch.seen is batch.x
    assert batch.y is not None
    assert batch.y.tolist() == [7, 0, 7]
    assert batch.index is not None
    assert batch.index.tolist() == [7, 0, 7]


def test_subset_keeps_rows_and_labels():
    part = _examples(labels=np.arange(40)).subset(torch.tensor([3, 9]))
    assert len(part) == 2
    assert part.labels is not None
    assert part.labels.tolist() == [3, 9]


def test_fingerprint_tells_data_apart():
    first = _examples().fingerprint()
    assert len(first) == 64
    assert _examples(BYTES.copy()).fingerprint() == first
    other = BYTES.copy()
    other[39, 4, 5] ^= 1
    assert _examples(other).fingerprint() != first
    assert _examples(BYTES.reshape(40, 6, 5)).fingerprint() != first
    assert _examples(BYTES.astype(float)).fingerprint() == first


def test_misfits_are_refused():
    schema = infer_schema(BYTES)
    with pytest.raises(ShapeError):
        Examples(torch.zeros(3, 2, 2), schema)
    with pytest.raises(ShapeError, match="40 labels"):
        _examples(labels=np.arange(39))
    with pytest.raises(DataError, match="whole number"):
        _examples(labels=np.full(40, 0.5))


def test_split_is_deterministic_and_covers_every_row_once():
    examples = _examples(labels=np.arange(40))
    parts = split(examples, seed=5)
    again = split(examples, seed=5)
    rows = [part.labels.tolist() for part in parts if part.labels is not None]
    assert [len(r) for r in rows] == [32, 4, 4]
    assert sorted(functools.reduce(operator.iadd, rows, [])) == list(range(40))
    assert all(a.fingerprint() == b.fingerprint() for a, b in zip(parts, again, strict=True))
    other = split(examples, seed=6)
    assert other.test.labels is not None
    assert other.test.labels.tolist() != rows[2]


@pytest.mark.parametrize("n", range(2, 12))
@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8)])
def test_tiny_data_splits_into_three_parts_with_rows(n, fractions):
    parts = split(_examples(BYTES[:n]), fractions)
    assert all(len(part) >= 1 for part in parts)
    assert sum(map(len, parts)) == max(n, 3)
    assert bool(parts.note) == (n == 2)


def test_parts_share_no_row_but_of_two_rows_with_a_note():
    for n in range(3, 12):
        labels = [part.labels for part in split(_examples(BYTES[:n], np.arange(n)))]
        rows = torch.cat([rows for rows in labels if rows is not None])
        assert sorted(rows.tolist()) == list(range(n))
    notes = prepare_data(np.array([[0.5, 1.0], [2.0, 7.0]]), DataOptions(), 0).notes
    assert any("2 rows are too few to keep any for the test" in note for note in notes)


def test_split_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    split(_examples())
    assert torch.equal(before, torch.get_rng_state())


def test_published_parts_are_kept():
    examples = _examples(labels=np.arange(40))
    published = (range(30), np.arange(30, 35), range(35, 40))
    parts = split(examples, published=published)
    assert [len(p) for p in parts] == [30, 5, 5]
    assert parts.test.labels is not None
    assert parts.test.labels.tolist() == [35, 36, 37, 38, 39]
    with pytest.raises(DataError, match="outside"):
        split(examples, published=(range(41), range(1), range(1)))
    with pytest.raises(DataError, match="2 parts"):
        split(examples, published=(range(30), range(30, 40)))


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.2), (1.0, 0.0, 0.0), (0.5, 0.5)])
def test_bad_fractions(fractions):
    with pytest.raises(UsageError, match="three positive fractions"):
        split(_examples(), fractions)
