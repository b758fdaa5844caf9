"""variata on the shared task, with its defaults: validation, reports and averaging counted."""

from __future__ import annotations

from typing import Any

import networks
import numpy as np
import torch
from task import LATENT, VALID, Task, report, seconds_of

TEST = 1e-5  # share of the rows given that `fit` keeps for a test: one
SETTINGS = ("precision", "compile", "threads", "budget")


def main() -> None:
    task = Task.read(*SETTINGS)
    from variata import fit

    given = {name: getattr(task.asked, name) for name in SETTINGS}
    given = {name: value for name, value in given.items() if value is not None}
    x = task.x if task.net == "mlp" else task.x[:, 0]

    def run() -> Any:
        return fit(
            x,
            **arguments_of(task.net),
            epochs=None if "budget" in given else task.epochs,
            batch_size=task.batch_size,
            fractions=(1 - VALID - TEST, VALID, TEST),
            seed=task.seed,
            **given,
        )

    model, seconds = seconds_of(run)
    reports = model.history
    shown = reports[-1]["epoch"] * model.saved.about["data"]["rows"][0]
    more: dict[str, Any] = {"images_per_second": shown / seconds, "notes": notes(model)}
    more["epoch_images_per_second"] = speed_once_running(reports, shown)
    if len(task.test):
        more["test_nats"] = nats(model, task.test)
    report(task, seconds, -max(r["valid"]["elbo"] for r in reports), **more)


def arguments_of(net: str) -> dict[str, Any]:
    """The recipe and its arguments."""
    if net == "deep":
        return {"recipe": "deep_vae"}
    parts = {"encoder": networks.encoder(net), "decoder": networks.decoder(net)}
    plain = {"recipe": "beta_vae", "beta": 1.0, "warm_up_share": 0.0}
    return plain | {"latent": LATENT} | parts


def speed_once_running(reports: list[dict[str, Any]], shown: float) -> float | None:
    """Images per second from the first report after an epoch to the last; with validation."""
    first = next((r for r in reports if r["epoch"] >= 1), reports[-1])
    last, rows = reports[-1], shown / reports[-1]["epoch"]
    if last["epoch"] - first["epoch"] < 0.5:
        return None
    return rows * (last["epoch"] - first["epoch"]) / (last["seconds"] - first["seconds"])


def notes(model: Any) -> list[str]:
    """What training chose by measuring."""
    return list(model.saved.about["training"].get("notes", []))


@torch.no_grad()
def nats(model: Any, rows: np.ndarray) -> float:
    """The negative ELBO per example."""
    from variata.tasks.bulk import batch_of

    examples, total = model.examples(rows if rows.ndim == 2 else rows[:, 0]), 0.0
    model.module.eval()
    for first in range(0, len(examples), 500):
        part = range(first, min(first + 500, len(examples)))
        trace = model.module.observe(batch_of(model.module, examples, part), 1)
        total += float((trace.distortion() + trace.rate()).sum())
    return total / len(examples)


if __name__ == "__main__":
    main()
