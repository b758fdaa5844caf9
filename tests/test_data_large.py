"""Data larger than memory: the same results as in memory, and files that are kept or made anew."""

import gzip
import json
import os
import signal
import time
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from variata import fit
from variata.data import Examples, images, infer_schema, memory, npy, open_source, split, values
from variata.data import examples as examples_room
from variata.data.lazy import LazyCodes
from variata.data.spool import with_columns
from variata.errors import DataError, InterruptError, StoreError
from variata.tasks.rows import examples_of
from variata.tasks.source import DataOptions, prepare_data
from variata.tasks.train import resume
from variata.training import Callback

RNG = np.random.default_rng(7)
BYTES = RNG.integers(0, 256, (60, 8, 8), dtype=np.uint8)

KINDS = {
    "bits": (RNG.integers(0, 2, (60, 5)), None),
    "bit images": (RNG.integers(0, 2, (60, 5, 5)) * 255, None),
    "booleans": (RNG.random((60, 5)) < 0.5, None),
    "bytes": (BYTES, None),
    "bytes flat": (BYTES.reshape(60, 64), None),
    "fractions": ((BYTES / 255).astype(np.float32), None),
    "fractions flat": (BYTES.reshape(60, 64) / 255, None),
    "4 bits flat": (RNG.integers(0, 16, (60, 32)), None),
    "colour": (RNG.integers(0, 256, (60, 6, 5, 3), dtype=np.uint8), None),
    "colour first": (RNG.integers(0, 256, (60, 3, 6, 5), dtype=np.uint8), None),
    "counts": (RNG.poisson(1.5, (60, 6)), None),
    "dispersed counts": (RNG.negative_binomial(1, 0.1, (60, 6)), None),
    "reals": (RNG.normal([0, 50.0, 3.0], [1e-3, 20.0, 0.0], (60, 3)), None),
    "halves": (RNG.normal(size=(60, 3)).astype(np.float16), None),
    "big endian": (RNG.normal(size=(60, 3)).astype(">f8"), None),
    "by column": (np.asfortranarray(RNG.normal(size=(60, 4))), None),
    "real images": (RNG.normal(size=(60, 4, 5, 3)).astype(np.float32), None),
    "ages": (RNG.integers(18, 90, (60, 2)), None),
    "categories": (RNG.integers(0, 300, (60, 4)), "categorical"),
    "signed levels": (RNG.integers(-3, 4, (60, 4)), "logistic"),
    "bytes as reals": (BYTES, "gaussian"),
    "bytes as counts": (BYTES, "poisson"),
}


@pytest.fixture
def no_memory(monkeypatch, tmp_path):
    """Nothing fits in memory, and a chunk is a few rows."""
    monkeypatch.setenv("VARIATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(memory, "limit", lambda: 0)
    monkeypatch.setattr(npy, "MAPPED_FROM", 0)
    monkeypatch.setattr(values, "CHUNK_ELEMENTS", 100)
    return tmp_path / "cache"


def _in_memory(monkeypatch, make):
    with monkeypatch.context() as patch:
        patch.setattr(memory, "limit", lambda: 1 << 40)
        return make()


def _same(one: Examples, other: Examples):
    index = torch.arange(len(one))
    assert one.schema == other.schema
    assert torch.equal(one.gather(index).x, other.gather(index).x)
    assert one.fingerprint() == other.fingerprint()


@pytest.mark.parametrize("name", KINDS)
def test_a_mapped_file_is_what_the_array_is(name, tmp_path, no_memory, monkeypatch):
    array, likelihood = KINDS[name]
    np.save(tmp_path / "a.npy", array)
    options = DataOptions(likelihood=likelihood)
    mapped = prepare_data(tmp_path / "a.npy", options, 3)
    held = _in_memory(monkeypatch, lambda: prepare_data(array, options, 3))
    assert isinstance(mapped.splits.train.codes, LazyCodes)
    assert isinstance(held.splits.train.codes, torch.Tensor)
    assert mapped.schema == held.schema
    assert mapped.record["fingerprint"] == held.record["fingerprint"]
    for one, other in zip(mapped.splits, held.splits, strict=True):
        _same(one, other)


def test_training_on_a_mapped_file_gives_the_same_bits(tmp_path, no_memory, monkeypatch):
    array = RNG.normal(size=(90, 4)).astype(np.float32)
    np.save(tmp_path / "a.npy", array)
    arguments = {"latent": 2, "hidden": (8,), "epochs": 2, "threads": 1}
    large = fit(tmp_path / "a.npy", **arguments)
    small = _in_memory(monkeypatch, lambda: fit(array, **arguments))
    np.testing.assert_array_equal(large.encode(array), small.encode(array))
    np.testing.assert_array_equal(large.score(tmp_path / "a.npy"), small.score(array))


def test_bad_values_of_a_mapped_file_are_located(tmp_path, no_memory):
    array = RNG.normal(size=(400, 3))
    schema = infer_schema(array)
    array[371, 2] = np.nan
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match="nan at row 371, column 2"):
        prepare_data(tmp_path / "a.npy", DataOptions(), 0)
    with pytest.raises(DataError, match="nan at row 371, column 2"):
        examples_of(tmp_path / "a.npy", schema)
    bits = infer_schema(RNG.integers(0, 2, (9, 3)))
    np.save(tmp_path / "b.npy", np.where(np.isnan(array), 3, 0).astype(np.int32))
    with pytest.raises(DataError, match="only the values 0 and 1, got 3 at row 371, column 2"):
        examples_of(tmp_path / "b.npy", bits)


def test_columns_of_a_mapped_file(tmp_path, no_memory):
    array = RNG.normal(size=(80, 5))
    array[:, 2] = np.arange(80) % 3
    np.save(tmp_path / "a.npy", array)
    source = open_source(tmp_path / "a.npy", label=2, ignore=["0"])
    np.testing.assert_array_equal(source.values, array[:, [1, 3, 4]])
    assert memory.mapped(source.values) is not None
    assert source.label_names == ("0", "1", "2")
    neighbours = with_columns(open_source(tmp_path / "a.npy").values, [1, 2])
    np.testing.assert_array_equal(neighbours, array[:, 1:3])
    assert memory.mapped(neighbours) is not None


def test_only_pages_that_are_in_the_file_are_let_go(tmp_path):
    np.save(tmp_path / "a.npy", BYTES)
    for mode, kept in (("c", 9), ("r+", 9)):
        array = np.load(tmp_path / "a.npy", mmap_mode=mode)
        array[:] = kept
        memory.forget(np.asarray(array)[3:])
        assert (array == kept).all()
    memory.forget(BYTES)


def test_parts_share_the_codes():
    examples = Examples.of(BYTES, infer_schema(BYTES), np.arange(60))
    assert isinstance(examples.codes, torch.Tensor)
    whole = examples.codes.untyped_storage().data_ptr()
    parts = [*split(examples), *split(examples, published=(range(9, 50), range(9), range(50, 60)))]
    for part in parts:
        assert isinstance(part.codes, torch.Tensor)
        assert part.codes.untyped_storage().data_ptr() == whole
    assert [part.rows is None for part in parts[3:]] == [True, True, True]
    part = parts[0].subset(torch.tensor([5, 2])).subset(torch.tensor([1]))
    assert part.labels is not None
    expected = BYTES[part.labels.numpy()][:, None] / np.float32(255)
    np.testing.assert_array_equal(part.gather(torch.tensor([0])).x.numpy(), expected)


def test_an_array_in_memory_is_not_held_twice_when_it_is_large(monkeypatch):
    monkeypatch.setattr(memory, "COPIED", 1_000)
    array = RNG.normal(size=(60, 5))
    assert isinstance(Examples.of(array, infer_schema(array)).codes, LazyCodes)
    assert isinstance(Examples.of(array[:20], infer_schema(array)).codes, torch.Tensor)


def test_fingerprints_of_large_data_read_evenly_spaced_blocks(monkeypatch):
    array = RNG.integers(0, 256, (4_096, 16), dtype=np.uint8).reshape(-1, 4, 4)
    schema = infer_schema(array)
    monkeypatch.setattr(examples_room, "HASH_BYTES", 64)
    exact = Examples.of(array, schema).fingerprint()
    monkeypatch.setattr(examples_room, "EXACT_BYTES", 1 << 12)

    def found(values):
        return Examples.of(values, schema).fingerprint()

    first = found(array)
    assert first != exact
    assert first == found(array.copy())
    for row in (0, 3, 4_093, 4_095):  # of the first and the last block
        changed = array.copy()
        changed[row, 0, 0] ^= 1
        assert found(changed) != first
    between = array.copy()
    between[20, 0, 0] ^= 1
    assert found(between) == first
    assert found(array[:-1]) != first


class Stop(Callback):
    """Asks for an end after the first step, as a person does."""

    def on_step(self, progress, seconds):
        signal.raise_signal(signal.SIGTERM)


def test_resuming_refuses_a_changed_mapped_file(tmp_path, no_memory):
    np.save(tmp_path / "a.npy", BYTES)
    out = tmp_path / "run"
    with pytest.raises(InterruptError):
        fit(tmp_path / "a.npy", latent=2, hidden=(8,), epochs=2, out=out, callbacks=[Stop()])
    changed = BYTES.copy()
    changed[59, 7, 7] ^= 1
    np.save(tmp_path / "a.npy", changed)
    with pytest.raises(StoreError, match="values have changed since"):
        resume(out)
    np.save(tmp_path / "a.npy", BYTES)
    assert resume(out).saved.about["training"]["ended"] == "finished"


def _csv(path):
    rows = [f"{i},{RNG.normal()},{'ab'[i % 2]},x{i},{i * 7 % 5}" for i in range(150)]
    path.write_text("\n".join(["id,a,kind,uuid,b", *rows]))
    return {"label": "kind"}


def _whole_csv(path):
    rows = [f"{RNG.integers(0, 9)};{'4,0' if i % 2 else '3'}" for i in range(150)]
    path.write_text("\n".join(["n_id;m", *rows]))
    return {}


def _packed_csv(path):
    _csv(path)
    path.write_bytes(gzip.compress(path.read_bytes()))
    return {"ignore": ["kind"]}


def _parquet(path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(RNG.normal(size=(150, 3)), columns=["a", "b", "row_id"])
    frame.insert(1, "id", np.arange(150) + 3)
    frame.insert(2, "kind", ["cat" if i % 3 else None for i in range(150)])
    frame.to_parquet(path, row_group_size=40)
    return {"label": "kind"}


def _folder(path):
    for i in range(12):
        part = path / ("test" if i > 8 else "train") / ("cat" if i % 2 else "dog")
        part.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (6, 5, 3), dtype=np.uint8)).save(part / f"{i:02}.png")
    return {}


def _zip(path):
    _folder(path.with_name("unpacked"))
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(path.with_name("unpacked").rglob("*.png")):
            archive.write(file, file.relative_to(path.with_name("unpacked")))
    return {"size": (4, 4)}


MADE = {
    "t.csv": _csv,
    "whole.csv": _whole_csv,
    "t.csv.gz": _packed_csv,
    "t.parquet": _parquet,
    "pictures": _folder,
    "pictures.zip": _zip,
}


def _alike(one, other):
    np.testing.assert_array_equal(one.values, other.values)
    assert one.values.dtype == other.values.dtype
    if other.labels is not None:
        np.testing.assert_array_equal(one.labels, other.labels)
    for name in ("name", "label_names", "columns", "layout", "lossy", "note"):
        assert getattr(one, name) == getattr(other, name)
    assert (one.published is None) == (other.published is None)
    for a, b in zip(one.published or (), other.published or (), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", MADE)
def test_large_files_are_read_once_into_a_mapped_file(name, tmp_path, no_memory, monkeypatch):
    path = tmp_path / name
    options = MADE[name](path)
    small = _in_memory(monkeypatch, lambda: open_source(path, **options))
    assert memory.mapped(small.values) is None
    lines = []
    large = open_source(path, **options, say=lines.append)
    assert memory.mapped(large.values) is not None
    _alike(large, small)
    assert any("once" in line for line in lines)
    lines.clear()
    _alike(open_source(path, **options, say=lines.append), small)
    assert not lines


@pytest.mark.parametrize("hurt", ["cut", "record", "other", "half"])
def test_a_damaged_or_half_written_cache_is_made_anew(hurt, tmp_path, no_memory):
    options = _csv(tmp_path / "t.csv")
    first = open_source(tmp_path / "t.csv", **options)
    expected = np.array(first.values)
    (kept,) = (no_memory / "read").iterdir()
    about = kept / "about.json"
    if hurt == "cut":
        content = (kept / "values.npy").read_bytes()
        (kept / "values.npy").write_bytes(content[:-8])
    elif hurt == "other":
        content = bytearray((kept / "labels.npy").read_bytes())
        content[-8] ^= 1
        (kept / "labels.npy").write_bytes(bytes(content))
    elif hurt == "record":
        about.write_text(json.dumps({**json.loads(about.read_text()), "source": {"name": 3}}))
    else:
        about.unlink()
    again = open_source(tmp_path / "t.csv", **options)
    np.testing.assert_array_equal(again.values, expected)
    assert again.labels is not None
    assert again.labels.tolist() == [i % 2 for i in range(150)]
    assert about.exists()
    assert not list(kept.glob("*.part"))


def test_what_a_killed_writer_left_is_removed(tmp_path, no_memory):
    options = _csv(tmp_path / "t.csv")
    open_source(tmp_path / "t.csv", **options)
    (kept,) = (no_memory / "read").iterdir()
    for name, age in (("old", 7_200), ("new", 0)):
        part = kept / f".values.npy.{name}.part"
        part.write_bytes(b"half")
        os.utime(part, (time.time() - age,) * 2)
    (kept / "about.json").unlink()
    open_source(tmp_path / "t.csv", **options)
    assert [part.name for part in kept.glob(".*")] == [".values.npy.new.part"]


def test_a_changed_source_is_noticed(tmp_path, no_memory, monkeypatch):
    _folder(tmp_path / "pictures")
    open_source(tmp_path / "pictures")
    monkeypatch.setattr(images, "read", lambda *_: pytest.fail("read again"))
    open_source(tmp_path / "pictures")
    monkeypatch.undo()
    monkeypatch.setenv("VARIATA_CACHE", str(no_memory))
    monkeypatch.setattr(memory, "limit", lambda: 0)
    file = next((tmp_path / "pictures").rglob("*.png"))
    pixels = np.zeros((6, 5, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)
    assert (open_source(tmp_path / "pictures").values == 0).all((1, 2, 3)).any()
    assert len(list((no_memory / "read").iterdir())) == 1


def test_missing_values_in_a_large_parquet_file_are_located(tmp_path, no_memory):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": np.arange(150) % 7, "b": np.arange(150.0)})
    frame["a"] = frame["a"].astype("Int64")
    frame.loc[131, "a"] = pandas.NA
    frame.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="nan at row 131, column 'a'"):
        open_source(tmp_path / "t.parquet")
    assert not list(no_memory.rglob("about.json"))
