"""Damaged files: one sentence, or the same weights; nothing executed, no memory for mere claims."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from targets import make_seeds, targets
from variata import load
from variata.cli.config import read_config
from variata.data import open_source
from variata.errors import DataError, StoreError, UsageError

PARSERS = ("a.npy", "packed.npz", "sparse.npz", "images.idx3.gz", "t.csv", "pictures.zip")
QUICK = settings(max_examples=60, derandomize=True, deadline=None, database=None)
SLOWER = settings(QUICK, max_examples=25)
HUGE = """
import resource, sys
from pathlib import Path
from variata import load
from variata.data import open_source
from variata.errors import VariataError
used = int(next(l for l in open("/proc/self/status") if l.startswith("VmPeak")).split()[1]) * 1024
limit = used + (200 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for path in map(Path, sys.argv[1:]):
    try:
        load(path) if path.is_dir() else open_source(path)
    except VariataError as error:
        assert "memory" not in str(error), error
        print(error)
"""


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_seeds(tmp_path_factory.mktemp("fuzz") / "seeds")


@QUICK
@given(number=st.integers(0, 2**32))
@pytest.mark.parametrize("name", ["saved", "refitted-gmm", "refitted-flow", "asked", "config"])
def test_what_is_saved_or_asked_is_refused_or_the_same(seeds: Path, name: str, number: int) -> None:
    assert targets(seeds)[name](seeds, Random(number))


@SLOWER
@given(number=st.integers(0, 2**32))
def test_a_training_goes_on_from_its_state_or_refuses_it(seeds: Path, number: int) -> None:
    assert targets(seeds)["state"](seeds, Random(number))


@QUICK
@given(number=st.integers(0, 2**32))
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PARSERS)
def test_data_is_read_or_refused(seeds: Path, name: str, number: int) -> None:
    assert targets(seeds)[name](seeds, Random(number)) in {"read", "refused"}


def npy_that_claims(path: Path, shape: str) -> Path:
    """A .npy of 12 numbers whose header says another shape."""
    np.save(path, np.zeros((4, 3)))
    content = path.read_bytes()
    claim = content.replace(b"(4, 3), }" + b" " * 20, f"({shape}), }}".ljust(29).encode())
    assert len(claim) == len(content) != content.count(claim)
    path.write_bytes(claim)
    return path


def model_that_claims(folder: Path, hidden: list[int]) -> Path:
    """A saved model whose configuration, with the hash that belongs to it, says other widths."""
    config, manifest = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("config", "manifest")
    )
    config["arguments"]["hidden"] = hidden
    (folder / "config.json").write_text(json.dumps(config))
    digest = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    manifest["files"]["config.json"]["sha256"] = digest
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_claims_of_huge_arrays_and_models_take_no_memory(seeds: Path, tmp_path: Path) -> None:
    idx = tmp_path / "b-ubyte"
    idx.write_bytes(struct.pack(">HBBIII", 0, 8, 3, 2**20, 2**6, 2**7))
    array = npy_that_claims(tmp_path / "a.npy", "400000000, 300")
    copy = shutil.copytree(seeds / "saved", tmp_path / "model")
    model = model_that_claims(Path(copy), [2**20, 2**20])
    command = [sys.executable, "-c", HUGE, str(array), str(idx), str(model)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert len(said) == 3
    for words, line in zip(("damaged", "should hold", "not hold the weights"), said, strict=True):
        assert words in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &a [x, x]\nb: &b [*a, *a]\nhidden: *b", "write it out"),
        ("hidden: " + "[" * 5000, "nested too deep"),
        ("epochs: " + "9" * 5000, "no YAML"),
        ("out: 2001-99-99", "no YAML"),
        ("split: 3", "split=3 does not suit"),
        ("data: [1, 2]", "data must be text"),
        ("!!python/object/apply:os.system ['false']", "no YAML"),
        ("budget: .inf", "budget must be a number"),
    ],
)
def test_a_configuration_that_is_a_trap_is_one_sentence(
    tmp_path: Path, text: str, words: str
) -> None:
    from variata.training import Settings

    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(UsageError, match=words):
        Settings(**read_config(tmp_path / "c.yaml"))


def test_a_sparse_matrix_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    parts = {"data": [1.0], "indices": [0], "indptr": [0, 1], "shape": [10**6, 10**6]}
    np.savez(tmp_path / "s.npz", format="csr", **parts)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="8,000,000,000,000 bytes"):
        open_source(tmp_path / "s.npz")


def test_a_history_that_is_none_is_refused_by_its_line(seeds: Path, tmp_path: Path) -> None:
    from variata.store.history import read_history

    (tmp_path / "h.jsonl").write_text((seeds / "saved" / "history.jsonl").read_text() + "{}\n")
    with pytest.raises(StoreError, match="is no report of a training"):
        read_history(tmp_path / "h.jsonl")
    assert load(seeds / "saved").history
