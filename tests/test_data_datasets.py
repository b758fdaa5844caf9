"""Data sets of torch's kind and other iterables."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from variata import fit
from variata.data import infer_schema, memory, open_source
from variata.errors import DataError, UsageError

RNG = np.random.default_rng(3)
ROWS = RNG.normal(size=(40, 4)).astype(np.float32)
BYTES = RNG.integers(0, 256, (12, 6, 5, 3), dtype=np.uint8)


class ByPosition(Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


class OneByOne(IterableDataset):
    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


@pytest.mark.parametrize("kind", [ByPosition, OneByOne, iter])
@pytest.mark.parametrize(
    "item",
    [
        lambda i: ROWS[i],
        lambda i: torch.from_numpy(ROWS[i]),
        lambda i: (torch.from_numpy(ROWS[i]),),
        lambda i: {"x": ROWS[i]},
        lambda i: (ROWS[i], np.zeros(3)),
    ],
)
def test_items_without_labels(kind, item):
    source = open_source(kind([item(i) for i in range(40)]))
    np.testing.assert_array_equal(source.values, ROWS)
    assert source.values.dtype == np.float32
    assert source.labels is None


@pytest.mark.parametrize(
    "item",
    [
        lambda i: (ROWS[i], i % 3),
        lambda i: (torch.from_numpy(ROWS[i]), torch.tensor(i % 3)),
        lambda i: {"x": ROWS[i], "y": np.int64(i % 3)},
        lambda i: {"image": ROWS[i], "label": str(i % 3)},
    ],
)
def test_items_with_labels(item):
    source = open_source(ByPosition([item(i) for i in range(40)]))
    np.testing.assert_array_equal(source.values, ROWS)
    assert source.label_names == ("0", "1", "2")
    assert source.labels is not None
    assert source.labels.tolist() == [i % 3 for i in range(40)]


def test_pictures_in_memory():
    source = open_source(ByPosition([(Image.fromarray(p), 0) for p in BYTES]))
    np.testing.assert_array_equal(source.values, BYTES)
    assert infer_schema(source.values).shape == (3, 6, 5)
    grey = open_source(ByPosition([Image.fromarray(p[..., 0]) for p in BYTES]))
    np.testing.assert_array_equal(grey.values, BYTES[..., 0])


def test_one_buffer_filled_again_and_again():
    def items():
        row = np.empty(4)
        for i in range(5):
            row[:] = i
            yield row

    assert open_source(items()).values[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_what_torch_has_at_hand():
    data = TensorDataset(torch.from_numpy(ROWS), torch.arange(40) % 2)
    np.testing.assert_array_equal(open_source(data).values, ROWS)
    np.testing.assert_array_equal(open_source(Subset(data, range(5, 9))).values, ROWS[5:9])
    with pytest.raises(DataError, match=r"loader\.dataset"):
        open_source(DataLoader(data))


def test_items_that_do_not_fit_in_memory_are_mapped(monkeypatch, tmp_path):
    monkeypatch.setenv("VARIATA_CACHE", str(tmp_path))
    monkeypatch.setattr(memory, "limit", lambda: 0)
    monkeypatch.setattr("variata.data.datasets.CHUNK_ELEMENTS", 50)
    lines = []
    source = open_source(OneByOne([(row, 7) for row in ROWS]), say=lines.append)
    assert memory.mapped(source.values) is not None
    np.testing.assert_array_equal(source.values, ROWS)
    assert len(lines) == 1
    assert "does not fit in memory" in lines[0]


def test_training_and_verbs_take_data_sets():
    data = TensorDataset(torch.from_numpy(ROWS))
    model = fit(data, latent=2, hidden=(8,), epochs=2, threads=1)
    same = fit(ROWS, latent=2, hidden=(8,), epochs=2, threads=1)
    np.testing.assert_array_equal(model.encode(data), same.encode(ROWS))
    assert model.score(iter(ROWS)).shape == (40,)


def _broken():
    yield ROWS[0]
    raise RuntimeError("the disk is gone")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "no items"),
        ([ROWS[0], ROWS[1], ROWS[2][:3]], r"Item 2 .* has shape \(3,\), those before \(4,\)"),
        ([np.arange(4), ROWS[1]], "Item 1 of the data set holds float32 numbers"),
        ([ROWS[0], "text"], "Item 1 of the data set: Expected numbers"),
        ([ROWS[0], {"z": 1}], "Item 1 of the data set: Expected numbers"),
        (_broken(), "Item 1 of the data set could not be read: RuntimeError, the disk is gone"),
    ],
)
def test_bad_items_are_refused_with_their_number(data, words):
    with pytest.raises(DataError, match=words):
        open_source(iter(data))


def test_options_of_files_have_no_use_for_data_sets():
    with pytest.raises(UsageError, match="--label has no use for data sets"):
        open_source(OneByOne(ROWS), label="a")
