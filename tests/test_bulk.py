"""Verbs over many rows: results do not depend on memory, and may be larger than it."""

from __future__ import annotations

import copy
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from variata import memory
from variata.cli import progress
from variata.cli.app import run
from variata.data import npy
from variata.data.memory import mapped
from variata.distributions import Gaussian
from variata.errors import DataError, StoreError, UsageError
from variata.metrics import LogMeanExp
from variata.tasks import bulk, coding, pieces
from variata.tasks.bounds import Bounds
from variata.tasks.collect import Array
from variata.tasks.memory import bytes_made
from variata.tasks.model import Model
from variata.tasks.noise import Noise
from variata.tasks.passes import log_likelihood, one_pass

VERBS: dict[str, Callable[..., Array]] = {
    "encode": lambda model, data, **more: model.encode(data, **more),
    "decode": lambda model, data, **more: model.decode(model.encode(data), **more),
    "draw": lambda model, data, **more: model.decode(model.encode(data), seed=3, **more),
    "sample": lambda model, data, **more: model.sample(len(data), seed=5, **more),
    "means": lambda model, data, **more: model.sample(len(data), seed=5, mean=True, **more),
    "reconstruct": lambda model, data, **more: model.reconstruct(data, **more),
    "score": lambda model, data, **more: model.score(data[::10], k=70, **more),
}
every_verb = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())


class Small(nn.Module):
    """A network on a machine with room for so many rows."""

    def __init__(self, network: nn.Module, rows: int) -> None:
        super().__init__()
        self.network, self.rows, self.most = network, rows, 0

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.most = max(self.most, len(x))
        return self.network(x)


@pytest.fixture
def cramped(table_model: Model) -> Iterator[Callable[[int], Small]]:
    """Makes encoder and decoder of the model run out of memory above so many rows."""
    module: Any = table_model.module
    encoder, network = module.encoder, module.decoder.network

    def make(rows: int) -> Small:
        module.encoder, module.decoder.network = Small(encoder, rows), Small(network, rows)
        return module.decoder.network

    yield make
    module.encoder, module.decoder.network = encoder, network


@every_verb
@pytest.mark.parametrize("rows", [1, 7, 64])
def test_results_are_the_same_where_memory_runs_out(
    verb: Any, rows: int, table_model: Model, table: Array, cramped: Callable[[int], Small]
) -> None:
    expected = verb(table_model, table[:90])
    cramped(rows)
    np.testing.assert_allclose(verb(table_model, table[:90]), expected, rtol=1e-4, atol=1e-4)


@every_verb
def test_results_do_not_depend_on_how_many_fit(
    verb: Any, table_model: Model, table: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = verb(table_model, table[:90])
    for free in (1_000, 30_000):
        monkeypatch.setattr(pieces, "available", lambda _, free=free: free)
        np.testing.assert_allclose(verb(table_model, table[:90]), expected, rtol=1e-4, atol=1e-4)


def test_a_single_row_that_does_not_fit_is_an_error_of_memory(
    table_model: Model, table: Array, cramped: Callable[[int], Small]
) -> None:
    cramped(0)
    for verb in (VERBS["encode"], VERBS["sample"], VERBS["score"]):
        with pytest.raises(MemoryError, match="one example at a time"):
            verb(table_model, table[:9])


def test_an_evaluation_is_the_same_where_memory_runs_out(
    table_model: Model, table: Array, cramped: Callable[[int], Small]
) -> None:
    module, rows = table_model.module, table_model.examples(table)
    expected = one_pass(module, rows, seed=2)
    cramped(9)
    found = one_pass(module, rows, seed=2)
    torch.testing.assert_close(found.distortion, expected.distortion)
    torch.testing.assert_close(found.means, expected.means)
    assert isinstance(module.encoder, Small)  # what wrapped it is gone


def test_other_errors_are_not_taken_for_too_little_memory(
    table_model: Model, table: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_model.module.encoder, "forward", lambda _: torch.zeros(1, 3) @ 1)
    with pytest.raises(TypeError):
        table_model.encode(table)


def test_encoding_does_not_run_the_decoder(
    table_model: Model, table: Array, cramped: Callable[[int], Small]
) -> None:
    network = cramped(10**6)
    table_model.encode(table)
    table_model.posterior(table)
    assert network.most == 0


def test_thousands_of_draws_are_streamed(
    table_model: Model, table: Array, cramped: Callable[[int], Small]
) -> None:
    module, rows = table_model.module, table_model.examples(table[:2])
    network = cramped(10**6)
    found: list[Tensor] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "CACHED", 100_000)
        Bounds(module, rows, 5_000, seed=1).each(found.append)
    assert network.most < 1_000
    batch, total = rows.gather(torch.arange(2)), LogMeanExp()
    with torch.inference_mode():
        whole = module.observe(batch, 5_000, how=Noise(1, range(5_000), range(2)))
        total.add(whole.log_weight())
    torch.testing.assert_close(torch.cat(found), total.value(), rtol=0, atol=1e-5)


def test_rows_have_noise_of_their_own_or_share_it() -> None:
    q = Gaussian(torch.zeros(9, 2), torch.ones(2))
    own, shared = (Noise(0, range(500), range(9), own=own)(q, 500, 9) for own in (True, False))
    assert (shared[:, :1] == shared).all()
    flat = own.movedim(0, -1).flatten(0, 1)
    correlation = torch.corrcoef(flat) - torch.eye(18)
    assert correlation.abs().max() < 0.2  # of 500 draws: 0.045 is one standard deviation
    assert flat.mean().abs() < 0.05
    assert (flat.std() - 1).abs() < 0.05


def test_levels_and_seeds_have_noise_of_their_own() -> None:
    q, noise = Gaussian(torch.zeros(4, 2), torch.ones(2)), Noise(0, range(3), range(4))
    other = Noise(1, range(3), range(4))(q, 3, 4)
    first, second = noise(q, 3, 4), noise(q, 3, 4)
    assert not torch.isclose(first, second).any()
    assert not torch.isclose(first, other).any()


def test_whole_blocks_of_samples_do_not_depend_on_how_many_follow(
    table_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST", 16)
    some, more = table_model.sample(32, seed=2), table_model.sample(50, seed=2)
    np.testing.assert_array_equal(some, more[:32])
    assert not np.isclose(more[:16], more[16:32]).any()


def test_bounds_of_evaluation_have_a_mean_that_many_draws_confirm(
    table_model: Model, table: Array
) -> None:
    rows = table_model.examples(table[:50])
    few, many = (log_likelihood(table_model.module, rows, k, seed=k) for k in (2_000, 3_000))
    assert abs(float((few - many).mean())) < 0.02


@every_verb
def test_a_result_in_a_file_is_the_result(
    verb: Any, table_model: Model, table: Array, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST", 32)
    expected, path = verb(table_model, table), tmp_path / "new" / "x.npy"
    mapped = verb(table_model, table, out=path)
    assert isinstance(mapped, np.memmap)
    assert not mapped.flags.writeable
    assert mapped.dtype == expected.dtype
    np.testing.assert_array_equal(mapped, expected)
    np.testing.assert_array_equal(np.load(path), expected)
    assert [p.name for p in path.parent.iterdir()] == ["x.npy"]


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond 200 bytes: not even that of what the tests print, so not for long."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@every_verb
def test_a_full_disk_leaves_what_was_there(
    verb: Any, table_model: Model, table: Array, tmp_path: Path
) -> None:
    (tmp_path / "x.npy").write_bytes(b"before")
    with pytest.raises(StoreError, match=r"Cannot write .*x\.npy: File too large"), full_disk():
        verb(table_model, table, out=tmp_path / "x.npy")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"before"]


def test_what_is_read_is_never_written_over(
    table_model: Model, table: Array, tmp_path: Path
) -> None:
    path = tmp_path / "x.npy"
    np.save(path, table)
    with pytest.raises(UsageError, match="is read here"):
        table_model.encode(str(path), out=path)
    with pytest.raises(UsageError, match=r"must end in \.npy"):
        table_model.sample(3, out=tmp_path / "x.png")


def test_latents_of_a_mapped_file_are_decoded_in_pieces_and_let_go(
    table_model: Model, table: Array, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table_model.encode(table, out=tmp_path / "z.npy")
    table_model.save(tmp_path / "run")
    expected = table_model.decode(np.load(tmp_path / "z.npy"))
    let_go: list[bool] = []
    monkeypatch.setattr(npy, "MAPPED_FROM", 0)
    monkeypatch.setattr(bulk, "MOST", 64)
    monkeypatch.setattr(coding, "forget", lambda z: let_go.append(mapped(z) is not None))
    words = [str(tmp_path / name) for name in ("run", "z.npy", "x.npy")]
    assert run(["decode", *words[:2], "--out", words[2]]) == 0
    assert let_go == [True] * 9  # 7 blocks of 400 rows, and two that are measured first
    np.testing.assert_allclose(np.load(words[2]), expected, rtol=1e-4, atol=1e-4)


def test_no_rows_are_refused(table_model: Model) -> None:
    with pytest.raises(DataError, match="no rows"):
        table_model.decode(np.zeros((0, 2)))


def test_the_share_that_is_done_is_told(
    table_model: Model, table: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    monkeypatch.setattr(table_model, "watch", told.append)
    monkeypatch.setattr(pieces, "available", lambda _: 30_000)
    table_model.encode(table)
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) > 1


def test_a_bar_appears_only_where_work_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    share, now = progress.Share(), [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    share.begun = 0.0
    share(0.5)
    assert share.bar is None
    now[0] = 2 * progress.LATE
    share(0.7)
    bar = share.bar
    assert bar.tasks[0].completed == 0.7
    share(1.0)
    assert bar.finished
    assert share.bar is None


def test_a_piece_takes_a_share_of_what_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    for free, most in ((10**12, 48), (160, 32), (80, 16), (3, 1)):
        monkeypatch.setattr(pieces, "CACHED", 2**20 * 48)
        monkeypatch.setattr(pieces, "available", lambda _, free=free: free * 2**20)
        size = pieces.size_for(2**20, cpu)
        assert most / 2 < size <= max(1, min(most, free / 4))


def test_available_memory_is_the_least_of_machine_and_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, group, root = tmp_path / "meminfo", tmp_path / "cgroup", tmp_path / "fs"
    machine.write_text("MemTotal: 999 kB\nMemAvailable:    1000 kB\n")
    group.write_text("0::/a/b\n")
    (root / "a" / "b").mkdir(parents=True)
    for name, path in (("MACHINE", machine), ("OWN_GROUP", group), ("GROUPS", root)):
        monkeypatch.setattr(memory, name, path)
    assert memory.free() == 1_024_000
    (root / "a" / "b" / "memory.max").write_text("max\n")
    (root / "a" / "memory.max").write_text("600000\n")
    (root / "a" / "memory.current").write_text("500000\n")
    (root / "a" / "memory.stat").write_text("anon 1\ninactive_file 20000\n")
    assert memory.free() == 120_000
    machine.unlink()
    assert memory.free() == 120_000


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_an_accelerator_gives_what_the_processor_gives(table_model: Model, table: Array) -> None:
    module = copy.deepcopy(table_model.module).cuda()
    other = Model(replace(table_model.saved, module=module))
    for verb in ("encode", "decode", "reconstruct"):
        expected = VERBS[verb](table_model, table)
        np.testing.assert_allclose(VERBS[verb](other, table), expected, rtol=1e-3, atol=1e-2)
    np.testing.assert_array_equal(other.sample(50, seed=1), other.sample(50, seed=1))
    gap = other.score(table, k=500) - table_model.score(table, k=500)
    assert abs(gap.mean()) < 0.1


def test_what_operations_make_is_counted_without_views() -> None:
    x = torch.zeros(100)
    layer = nn.Linear(100, 50)
    with torch.inference_mode():
        made = bytes_made(lambda: layer(x.view(1, 100)).relu_().view(50).exp())
    assert made == 2 * 50 * 4
