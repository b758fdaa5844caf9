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
    scores = open_model(run, device, condition).score(data, k=k, seed=seed, out=out)
    facts = {"shape": list(scores.shape), "mean": float(scores.mean()), "unit": "nats"}
    written(out, as_json, **facts)
