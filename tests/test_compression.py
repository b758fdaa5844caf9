"""Compression: rows come back to the last bit, in as many bits as the model says."""

from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from compressing import CASES, LEVELS, golden, model_of, rows
from variata import fit, load
from variata.cli.app import run
from variata.errors import MissingExtraError, UsageError
from variata.exact import ExactModel, Paths, Symbols
from variata.exact.symbols import PRECISION
from variata.tasks.compression import chain
from variata.tasks.compression.chain import Chain
from variata.tasks.compression.stack import Stack, Whole
from variata.tasks.model import Model

QUICK = settings(max_examples=25, derandomize=True, deadline=None, database=None)

READ_GOLDEN = """
import numpy, torch
from compressing import CASES, golden
print(torch.backends.cpu.get_cpu_capability())
for model, path in map(golden, CASES):
    print(numpy.array_equal(model.decompress(path), numpy.load(path.with_suffix(".npy"))))
"""


class Metered(Stack):
    """A stack that sums what its symbols say that they take, less what popping gives."""

    net = 0.0

    def push(self, symbols: Symbols, values: Whole) -> None:
        super().push(symbols, values)
        Metered.net += _bits(symbols, values)

    def pop(self, symbols: Symbols) -> Whole:
        values = super().pop(symbols)
        Metered.net -= _bits(symbols, values)
        return values

    def push_even(self, values: Whole, size: int) -> None:
        super().push_even(values, size)
        Metered.net += len(values) * np.log2(size)


class ByHand(Stack):
    """The same stack, in whole numbers of any size: a state above words of 32 bits."""

    def __init__(self, words: NDArray[np.uint32] | None = None) -> None:
        self.below = [int(w) for w in (words if words is not None else [])]
        self.state = 0
        while self.below and self.state < 2**32:
            self.state = self.state << 32 | self.below.pop()

    @property
    def words(self) -> NDArray[np.uint32]:
        top = [self.state & 0xFFFFFFFF, self.state >> 32]
        kept = top[: (self.state > 0) + (self.state >= 2**32)]
        return np.array(self.below + kept, dtype=np.uint32)

    @property
    def bits(self) -> int:
        return 32 * len(self.words)

    @property
    def empty(self) -> bool:
        return not self.words.size

    def put(self, mass: int, before: int) -> None:
        if self.state >= mass << 40:
            self.below.append(self.state & 0xFFFFFFFF)
            self.state >>= 32
        self.state = (self.state // mass << 24) + before + self.state % mass

    def take(self, mass: int, before: int) -> None:
        self.state = (self.state >> 24) * mass + self.state % PRECISION - before
        if self.state < 2**32 and self.below:
            self.state = self.state << 32 | self.below.pop()

    def push_even(self, values: Whole, size: int) -> None:
        for value in reversed(values.tolist()):
            self.put(*_even(value, size))

    def pop_even(self, count: int, size: int) -> Whole:
        values = []
        for _ in range(count):
            values.append(min(self.state % PRECISION // (PRECISION // size), size - 1))
            self.take(*_even(values[-1], size))
        return np.array(values, dtype=np.int64)

    def push(self, symbols: Symbols, values: Whole) -> None:
        paths, steps = Paths(symbols), []
        for left in paths.lefts():
            right = values >= paths.middle
            paths.go(right)
            steps += list(zip(right.tolist(), left.tolist(), strict=True))
        for right, left in reversed(steps):
            first = _first(left)
            self.put(*((PRECISION - first, first) if right else (first, 0)))

    def pop(self, symbols: Symbols) -> Whole:
        paths = Paths(symbols)
        for left in paths.lefts():
            right = []
            for first in map(_first, left.tolist()):
                right.append(self.state % PRECISION >= first)
                self.take(*((PRECISION - first, first) if right[-1] else (first, 0)))
            paths.go(np.array(right))
        return paths.first


def _first(left: float) -> int:
    """What the coder makes of a probability: every choice keeps a mass of one at least."""
    return (int(left * PRECISION) * (PRECISION - 2) // PRECISION) + 1


def _even(value: int, size: int) -> tuple[int, int]:
    each = PRECISION // size
    return (each if value < size - 1 else PRECISION - each * (size - 1)), each * value


def _bits(symbols: Symbols, values: Whole) -> float:
    paths, total = Paths(symbols), 0.0
    for left in paths.lefts():
        right = values >= paths.middle
        total -= float(np.log2(np.where(right, 1 - left, left)).sum())
        paths.go(right)
    return total


def chained(name: str, count: int) -> tuple[Chain, Any]:
    model, _ = golden(name)
    codes = model.schema.encode_all(model.sample(count)).numpy().astype(np.int64)
    return Chain(ExactModel(model.module, LEVELS[CASES[name][0]])), codes


@QUICK
@given(
    likelihood=st.sampled_from(sorted(LEVELS)),
    shape=st.sampled_from([(1,), (5,), (4, 3), (12, 9)]),
    count=st.integers(1, 40),
    chunk=st.integers(1, 40),
    dtype=st.sampled_from(["uint8", "int64", "float32", ">f8"]),
    seed=st.integers(0, 9),
)
def test_rows_come_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory,
    likelihood: str,
    shape: tuple[int, ...],
    count: int,
    chunk: int,
    dtype: str,
    seed: int,
) -> None:
    path = tmp_path_factory.mktemp("round") / "f.vrt"
    model = model_of(likelihood, shape)
    known = seed % 2 == 0  # and so worth coding by the model
    values = model.sample(count, seed=seed) if known else rows(likelihood, shape, count, seed)
    values = values.astype(dtype)
    made = model.compress(values, path, chunk=chunk)
    back = model.decompress(path)
    assert back.dtype == values.dtype.newbyteorder("<")
    assert np.array_equal(back, values)
    assert made.bytes == path.stat().st_size
    assert made.chunks == -(-count // chunk)
    around = 2 * (100 + 4 * len(shape)) + 40 * made.chunks
    assert made.bytes <= values.nbytes + around


@QUICK
@given(start=st.integers(0, 99), length=st.integers(1, 100))
def test_some_rows_are_read_alone(
    tmp_path_factory: pytest.TempPathFactory, start: int, length: int
) -> None:
    path = tmp_path_factory.mktemp("some") / "f.vrt"
    model, values = model_of("bernoulli"), rows("bernoulli", (5,), 100)
    model.compress(values, path, chunk=9)
    stop = min(100, start + length)
    assert np.array_equal(model.decompress(path, rows=(start, stop)), values[start:stop])


@pytest.mark.parametrize("name", CASES)
def test_the_size_is_what_the_probabilities_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "Stack", Metered)
    Metered.net = 0.0
    made, codes = chained(name, 400)
    words, direct = made.write(codes)
    assert direct == 1
    assert 32 * words.size <= 1.001 * Metered.net + 64


@pytest.mark.parametrize("name", CASES)
def test_whole_numbers_by_hand_make_the_same_words(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, codes = chained(name, 60)
    words, _ = made.write(codes)
    monkeypatch.setattr(chain, "Stack", ByHand)
    assert np.array_equal(made.write(codes)[0], words)
    assert np.array_equal(made.read(words, 60), codes)


def test_popping_more_than_there_is_can_be_undone() -> None:
    made, codes = chained("bernoulli", 3)
    q, _ = made.model.infer(codes)
    stack = Stack(np.array([77], dtype=np.uint32))
    stack.push(q, stack.pop(q))
    assert stack.words.tolist() == [77]


def test_the_file_is_close_to_the_bound(digits_run: Path, tmp_path: Path) -> None:
    made = load(digits_run).compress("digits", tmp_path / "f.vrt", compare=True)
    assert made.model_bits_per_dim is not None
    assert made.bits_per_dim < 1.02 * made.model_bits_per_dim
    assert made.bits_per_row == pytest.approx(64 * made.bits_per_dim)
    assert made.rows_without_bits_back == made.chunks == 1
    assert made.first_bits <= 80


@pytest.mark.parametrize("name", CASES)
def test_golden_files_are_read_and_written_bit_for_bit(name: str, tmp_path: Path) -> None:
    model, path = golden(name)
    values = np.load(path.with_suffix(".npy"))
    assert np.array_equal(model.decompress(path), values)
    made = model.compress(values, tmp_path / "again.vrt", chunk=20)
    assert made.chunks_without_model == 0
    assert (tmp_path / "again.vrt").read_bytes() == path.read_bytes()


def test_an_older_processor_reads_the_golden_files() -> None:
    old = {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    }
    command = [sys.executable, "-W", "ignore", "-c", READ_GOLDEN]
    paths = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
    environment = {**os.environ, **old, "PYTHONPATH": paths}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["DEFAULT", *["True"] * len(CASES)], done.stderr


def test_values_between_levels_come_back_as_they_are(tmp_path: Path) -> None:
    model = model_of("logistic", (12,))
    values = rows("logistic", (12,), 20).astype(np.float32)
    values[3, 4] += 0.25
    values[12, 0] = -0.0
    made = model.compress(values, tmp_path / "f.vrt", chunk=8)
    back = model.decompress(tmp_path / "f.vrt")
    assert back.tobytes() == values.tobytes()
    assert made.chunks_without_model >= 2


def test_rows_that_the_model_does_not_know_take_no_more_than_deflated(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 17, (300, 12)).astype(np.uint8)
    made = model_of("logistic", (12,)).compress(values, tmp_path / "f.vrt")
    assert made.chunks_without_model == 1
    assert made.bytes < values.nbytes + 250


def test_threads_change_no_byte(tmp_path: Path) -> None:
    model, _ = golden("convolutional")
    values = model.sample(50)
    assert model.compress(values, tmp_path / "one.vrt").chunks_without_model == 0
    torch.set_num_threads(2)
    try:
        model.compress(values, tmp_path / "two.vrt")
    finally:
        torch.set_num_threads(1)
    assert (tmp_path / "one.vrt").read_bytes() == (tmp_path / "two.vrt").read_bytes()


def test_a_model_of_real_values_says_what_compression_needs(
    table_model: Model, table: np.ndarray, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="finitely many"):
        table_model.compress(table, tmp_path / "f.vrt")
    assert not list(tmp_path.iterdir())


def test_without_constriction_there_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name == "constriction":
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'variata\[compress\]'"):
        model_of("bernoulli").compress(rows("bernoulli", (5,), 3), tmp_path / "f.vrt")


def test_the_command_line(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, back = str(tmp_path / "f.vrt"), str(tmp_path / "x.npy")
    assert run(["compress", str(digits_run), "digits", "--out", file, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == 1_797
    assert told["bytes"] == Path(file).stat().st_size
    assert told["model_bits_per_dim"] < told["bits_per_dim"]
    wanted = ["decompress", str(digits_run), file, "--out", back]
    assert run([*wanted, "--rows", "100:110", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shape"] == [10, 8, 8]
    assert run(wanted) == 0
    again = fit("digits", latent=2, hidden=(8,), epochs=1).decompress
    with pytest.raises(OSError, match="another model"):
        again(file)
    assert run([*wanted, "--rows", "5"]) == 2
    assert run([*wanted, "--rows", "5:9999"]) == 2
