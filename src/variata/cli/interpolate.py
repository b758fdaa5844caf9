"""`variata interpolate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variata.cli.opening import (
    ConditionOption,
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


def interpolate(
    run: RunArgument,
    data: OptionalData = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Paths.")] = 6,
    steps: Annotated[int, typer.Option(min=2, help="Steps of each path.")] = 10,
    out: PictureOption = Path("interpolations.png"),
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Show what lies between pairs of examples in the latent space."""
    from variata.tasks.output import write_output
    from variata.tasks.show import interpolation_picture, interpolation_values

    model = open_model(run, device, condition)
    values = interpolation_values(model, held_out(model, data), n, steps)
    path = write_output(
        out, lambda: interpolation_picture(model, values), lambda: values, inputs(model, data)
    )
    written(path, as_json, shape=list(values.shape))
