"""`variata edit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variata.cli.amounts import parsed_amounts
from variata.cli.opening import (
    ConditionOption,
    DeviceOption,
    JsonOption,
    OptionalData,
    PictureOption,
    RunArgument,
    held_out,
    inputs,
    into,
    open_model,
    written,
)


def edit(
    run: RunArgument,
    add: Annotated[
        list[str],
        typer.Option(metavar="CLASS=AMOUNT", help="An attribute, such as smile=+1; repeatable."),
    ],
    data: OptionalData = None,
    groups: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Labelled rows that tell it; those of training."),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option("-n", min=1, help="Examples in the picture; 24 by default, 500 of a table."),
    ] = None,
    out: PictureOption = Path("edited.png"),
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Give rows more of an attribute, or less: mean latents of rows with it less those without."""
    from variata.tasks.edit import attribute_shift
    from variata.tasks.output import write_output
    from variata.tasks.show import reconstruction_picture
    from variata.tasks.source import reopened

    amounts = parsed_amounts(add)
    model = open_model(run, device, condition)
    rows = held_out(model, data)
    known = groups if groups is not None else reopened(model.saved.about.get("data", {})).train
    shift = attribute_shift(model, known, amounts)
    target = into(out, model, data, groups)
    if target is None:
        picture = reconstruction_picture(model, rows, n, shift=shift)
        write_output(out, lambda: picture, bytes, inputs(model, data, groups))
    else:
        model.reconstruct(rows, shift=shift, out=target)
    written(out, as_json, shift=shift.tolist())
