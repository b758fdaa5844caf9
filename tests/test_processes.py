"""Several processes as one training: what torchrun starts ends like a single process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import sharded
from together import main
from variata import load
from variata.errors import UsageError
from variata.noise import Place, noise, placed
from variata.tasks.train import resume
from variata.training import Checkpoint
from variata.training.processes import Processes

HERE = Path(__file__).parent
CALM = {"OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}


def torchrun(count: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(count)]
    done = subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        cwd=HERE,
        env=os.environ | CALM,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    folder = tmp_path_factory.mktemp("alone")
    main(folder)
    return json.loads((folder / "0.json").read_text())


@pytest.mark.parametrize("count", [2, 4])
def test_losses_and_weights_are_those_of_one_process(
    count: int, alone: dict[str, list[float]], tmp_path: Path
) -> None:
    """Players, views, several draws, convolutions, and a signal to one process alone."""
    torchrun(count, "together.py", str(tmp_path))
    for rank in range(count):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert found.keys() == alone.keys()
        for name, figures in alone.items():
            assert found[name] == pytest.approx(figures, rel=1e-5, abs=1e-5), name


def test_shards_of_a_deep_model_train_like_the_whole(tmp_path: Path) -> None:
    """FSDP2 around the loss: each of two processes holds half of the weights, and no more."""
    sharded.main(tmp_path)
    alone = json.loads((tmp_path / "0.json").read_text())
    torchrun(2, "sharded.py", str(tmp_path))
    for rank in range(2):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert found["losses"] == pytest.approx(alone["losses"], rel=1e-4)
        assert found["norms"] == pytest.approx(alone["norms"], rel=1e-4, abs=1e-5)
        assert found["held"] == pytest.approx(alone["held"] / 2, rel=0.02)


def test_torchrun_trains_one_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    more = ["--hidden", "8", "--latent", "2", "--epochs", "2"]
    done = torchrun(2, "-m", "variata", "train", "digits", "--out", str(run), *more)
    assert done.stdout.split() == [str(run)]
    assert done.stderr.count("Training ended") == 1
    assert "by 2 processes" in done.stderr
    assert load(run).sample(3).shape == (3, 8, 8)


def test_a_run_of_two_processes_goes_on_in_one(tmp_path: Path) -> None:
    """A signal to the launcher ends both with a state, which any number of processes takes up."""
    run = tmp_path / "run"
    more = ["--hidden", "8", "--latent", "2", "--epochs", "300", "--set", "save_every=0.2"]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--signals-to-handle", "SIGTERM,SIGINT,SIGUSR1", "-m", "variata", "train"]
    command += ["digits", "--out", str(run), *more]
    with subprocess.Popen(command, env=os.environ | CALM, stderr=subprocess.PIPE) as launcher:
        state = Checkpoint(run / "checkpoint")
        while state.step() <= 0:
            time.sleep(0.1)
            assert launcher.poll() is None
        launcher.send_signal(signal.SIGUSR1)
        launcher.communicate(timeout=120)
    assert (run / "training.json").is_file()
    step = state.step()
    assert step > 0
    model = resume(run)
    assert model.saved.about["training"]["steps"] > step
    assert any("after cpu by 2 processes" in n for n in model.saved.about["training"]["notes"])


def test_too_small_batches_for_so_many_processes_are_refused() -> None:
    with pytest.raises(UsageError, match="4 processes need a batch size of at least 8"):
        Processes(0, 4).check(7)


@pytest.mark.parametrize("rows", [1, 5, 16, 33])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_every_row_has_one_process_and_its_own_noise(rows: int, count: int) -> None:
    def drawn(place: Place) -> torch.Tensor:
        torch.manual_seed(0)
        shape = torch.Size((2, place.stop - place.start, 3))
        with placed(place):
            return noise(torch.randn, shape, 1)

    parts = [drawn(Processes(rank, count).place(rows)) for rank in range(count)]
    assert torch.equal(torch.cat(parts, 1), drawn(Place(0, rows, rows)))
