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
    into,
    open_model,
    told,
    written,
)


def reconstruct(
    run: RunArgument,
    data: OptionalData = None,
    n: Annotated[
        int | None,
        typer.Option("-n", min=1, help="Examples in the picture; 24 by default, 500 of a table."),
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VALUE|NAME=VALUE",
            help="Decode with this instead: the same style, another class.",
        ),
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
    aim = told(condition) if condition else None
    target = into(out, model, data)
    if target is None:
        picture = reconstruction_picture(model, rows, n, aim)
        write_output(out, lambda: picture, bytes, inputs(model, data))
    else:
        model.reconstruct(rows, target=aim, out=target)
    written(out, as_json)
