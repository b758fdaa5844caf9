"""`variata encode`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variata.cli.opening import (
    ConditionOption,
    DataArgument,
    DeviceOption,
    JsonOption,
    RunArgument,
    open_model,
    written,
)

ArrayOption = Annotated[Path, typer.Option("--out", "-o", help="A .npy file.")]


def encode(
    run: RunArgument,
    data: DataArgument,
    out: ArrayOption = Path("z.npy"),
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Write the posterior mean of every row of DATA, (rows, latent)."""
    latents = open_model(run, device, condition).encode(data, out=out)
    written(out, as_json, shape=list(latents.shape))
