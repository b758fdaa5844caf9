"""variata on the shared task, with its defaults: validation, reports and averaging counted."""

from __future__ import annotations

from task import HIDDEN, LATENT, VALID, Task, report, seconds_of
from torch import nn


def main() -> None:
    task = Task.read()
    from variata import fit

    def run() -> float:
        encoder = nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU())
        decoder = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 784))
        model = fit(
            task.x,
            recipe="beta_vae",
            beta=1.0,
            warm_up_share=0.0,
            latent=LATENT,
            encoder=encoder,
            decoder=decoder,
            epochs=task.epochs,
            batch_size=task.batch_size,
            lr=1e-3,
            fractions=(1 - 2 * VALID, VALID, VALID),
        )
        rows = model.saved.about["data"]["rows"]
        run.rows = rows[0]  # type: ignore[attr-defined]
        return -max(report["valid"]["elbo"] for report in model.history)

    loss, seconds = seconds_of(run)
    report(task, seconds, loss, rows=run.rows)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
