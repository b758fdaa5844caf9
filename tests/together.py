"""What `torchrun` starts in the tests: the same small trainings, by any number of processes.

torchrun --nproc-per-node 2 tests/together.py FOLDER
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import torch

from players import with_a_critic
from rows import Rows
from variata import recipes
from variata.models import LatentModel
from variata.training import Callback, Checkpoint, History, Phase, Settings, fit, joined
from variata.training.processes import Processes

STOP_AT = 33


class StopOne(Callback):
    """The last process alone is asked to stop."""

    def __init__(self, processes: Processes) -> None:
        self.me, self.seen = processes.rank == processes.count - 1, 0

    def on_step(self, progress: float, seconds: float) -> None:
        self.seen += 1
        if self.me and self.seen == STOP_AT:
            os.kill(os.getpid(), signal.SIGTERM)


def main(folder: Path) -> None:
    with joined(torch.device("cpu")) as processes:
        found = {name: trained(name, processes) for name in MADE}
        found["resumed"] = resumed(processes, folder)
        rank = processes.rank
    (folder / f"{rank}.json").write_text(json.dumps(found))


def trained(name: str, processes: Processes) -> list[float]:
    """The losses of a training, then a sum over its weights."""
    model, phases, x = MADE[name]()
    settings = SHORT if name == "convolutions" else SETTINGS
    return figures(fit(model, phases, x, x, settings, processes=processes), model)


def resumed(processes: Processes, folder: Path) -> list[float]:
    """The same as `critic`, interrupted once by a signal to one process."""
    for expected in ("interrupted", "finished"):
        model, phases, x = MADE["critic"]()
        history = fit(
            model,
            phases,
            x,
            x,
            SETTINGS,
            checkpoint=Checkpoint(folder / "checkpoint"),
            callbacks=[StopOne(processes)] if expected == "interrupted" else [],
            processes=processes,
        )
        assert history.ended == expected, history.ended
    return figures(history, model)


def figures(history: History, model: LatentModel) -> list[float]:
    losses = [value for report in history.reports for value in report.train.values()]
    return [*losses, float(sum(p.detach().abs().sum() for p in model.parameters()))]


def _critic() -> tuple[LatentModel, list[Phase], Rows]:
    model, phases, _ = with_a_critic()
    return model, phases, _rows(5)


def _shifted_images_then_several_draws() -> tuple[LatentModel, list[Phase], Rows]:
    torch.manual_seed(0)
    made = recipes.vae(shape=(1, 16, 16), latent=2, hidden=(8,), likelihood="gaussian")
    return made.model, list(made.phases), Rows(_rows(256).x.view(-1, 1, 16, 16))


def _convolutions() -> tuple[LatentModel, list[Phase], Rows]:
    torch.manual_seed(0)
    shape = (1, 8, 8)
    made = recipes.vae(shape=shape, latent=2, network="conv", likelihood="gaussian", channels=8)
    return made.model, list(made.phases), Rows(_rows(64).x.view(-1, *shape))


def _rows(width: int) -> Rows:
    generator = torch.Generator().manual_seed(0)
    causes = torch.randn(200, 2, generator=generator)
    return Rows(causes @ torch.randn(2, width, generator=generator))


MADE = {
    "critic": _critic,
    "images": _shifted_images_then_several_draws,
    "convolutions": _convolutions,
}
SETTINGS = Settings(epochs=10, batch_size=20, lr=3e-3, patience=1.0, precision="fp32")
SHORT = replace(SETTINGS, epochs=2)

if __name__ == "__main__":
    main(Path(sys.argv[1]))
