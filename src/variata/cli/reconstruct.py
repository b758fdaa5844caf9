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
    inputs,
    open_model,
    written,
)


def reconstruct(
    run: RunArgument,
    data: OptionalData = None,
    n: Annotated[
        int | None,
        typer.Option("-n", min=1, help="Examples in the picture; 24 by default, 500 of a table."),
    ] = None,
    out: PictureOption = Path("reconstructions.png"),
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Show data beside its reconstructions, or write the reconstructions of all rows."""
    from variata.tasks.output import write_output
    from variata.tasks.show import reconstruction_picture

    model = open_model(run, device)
    rows = held_out(model, data)
    path = write_output(
        out,
        lambda: reconstruction_picture(model, rows, n),
        lambda: model.reconstruct(rows),
        inputs(model, data),
    )
    written(path, as_json)
