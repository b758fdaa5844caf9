"""`variata encode`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variata.cli.opening import (
    DataArgument,
    DeviceOption,
    JsonOption,
    RunArgument,
    inputs,
    open_model,
    written,
)

ArrayOption = Annotated[Path, typer.Option("--out", "-o", help="A .npy file.")]


def encode(
    run: RunArgument,
    data: DataArgument,
    out: ArrayOption = Path("z.npy"),
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Write the posterior mean of every row of DATA, (rows, latent)."""
    from variata.tasks.output import write_array

    model = open_model(run, device)
    latents = model.encode(data)
    path = write_array(out, latents, inputs(model, data))
    written(path, as_json, shape=list(latents.shape))
