"""`variata reconstruct`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variata.cli.opening import (
    DeviceOption,
    JsonOption,
    OptionalData,
    PictureOption,
    RunArgument,
    held_out,
    open_model,
    written,
)


def reconstruct(
    run: RunArgument,
    data: OptionalData = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Examples in the picture.")] = 24,
    out: PictureOption = Path("reconstructions.png"),
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Show data above its reconstructions, or write the reconstructions of all rows."""
    from variata.tasks.show import reconstruction_picture, write_output

    model = open_model(run, device)
    rows = held_out(model, data)
    path = write_output(
        out, lambda: reconstruction_picture(model, rows, n), lambda: model.reconstruct(rows)
    )
    written(path, as_json)
