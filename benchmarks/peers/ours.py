"""variata on the shared task, with its defaults: validation, reports and averaging counted."""

from __future__ import annotations

import statistics
from typing import Any

from task import HIDDEN, LATENT, VALID, Task, report, seconds_of
from torch import nn


def main() -> None:
    task = Task.read()
    from variata import fit

    def run() -> Any:
        encoder = nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU())
        decoder = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 784))
        return fit(
            task.x,
            recipe="beta_vae",
            beta=1.0,
            warm_up_share=0.0,
            latent=LATENT,
            encoder=encoder,
            decoder=decoder,
            epochs=task.epochs,
            batch_size=task.batch_size,
            fractions=(1 - 2 * VALID, VALID, VALID),
        )

    model, seconds = seconds_of(run)
    rows = model.saved.about["data"]["rows"][0]
    loss = -max(report["valid"]["elbo"] for report in model.history)
    loop = statistics.median(report["speed"] for report in model.history[1:])
    report(task, seconds, loss, rows=rows, loop=loop)


if __name__ == "__main__":
    main()
