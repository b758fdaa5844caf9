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
    steps: Annotated[
        int, typer.Option(min=2, help="Steps from one example to the next, both included.")
    ] = 10,
    stops: Annotated[int, typer.Option(min=2, help="Examples on each path.")] = 2,
    path: Annotated[
        str,
        typer.Option(
            help="linear, spherical (of even norm), or geodesic (decoding changes least)."
        ),
    ] = "linear",
    loop: Annotated[bool, typer.Option("--loop", help="Go back to the first example.")] = False,
    fps: Annotated[float, typer.Option(help="Frames a second of a film.")] = 10.0,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="A .png for a picture, .gif for a film, or .npy.")
    ] = Path("interpolations.png"),
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Show what lies between examples in the latent space."""
    from variata.tasks.output import write_output
    from variata.tasks.show_paths import (
        interpolation_film,
        interpolation_picture,
        interpolation_values,
    )

    model = open_model(run, device, condition)
    rows = held_out(model, data)
    values = interpolation_values(model, rows, n, steps, stops, path, loop)
    target = write_output(
        out,
        lambda: interpolation_picture(model, values),
        lambda: values,
        inputs(model, data),
        lambda: interpolation_film(model, values, fps),
    )
    written(target, as_json, shape=list(values.shape))
