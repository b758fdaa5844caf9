"""`variata score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variata.cli.encode import ArrayOption
from variata.cli.opening import (
    ConditionOption,
    DataArgument,
    DeviceOption,
    JsonOption,
    RunArgument,
    SeedOption,
    open_model,
    written,
)


def score(
    run: RunArgument,
    data: DataArgument,
    k: Annotated[int, typer.Option(help="Draws of the importance-weighted bound.")] = 32,
    out: ArrayOption = Path("scores.npy"),
    seed: SeedOption = 0,
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Write a lower bound of log p(x) of every row of DATA, in nats: higher is more usual."""
    from variata.cli.console import say
    from variata.tasks.latents import density_estimated, prior_said

    model = open_model(run, device, condition)
    scores, estimated = model.score(data, k=k, seed=seed, out=out), density_estimated(model.module)
    if estimated:
        say(f"Scores are estimates, no bounds: the prior is {prior_said(model)}.")
    facts = {"shape": list(scores.shape), "mean": float(scores.mean()), "unit": "nats"}
    facts["estimated"] = estimated
    written(out, as_json, **facts)
