"""`variata traverse`."""

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


def traverse(
    run: RunArgument,
    data: OptionalData = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Latent dimensions.")] = 10,
    out: PictureOption = Path("traversals.png"),
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Show what each latent dimension does, from -3 to 3, the one with the highest rate first."""
    from variata.tasks.latents import known_prior
    from variata.tasks.output import write_output
    from variata.tasks.show import observe_some, traversal_picture, under
    from variata.tasks.traversals import traversal_values

    model = open_model(run, device, condition)
    rows, observed = observe_some(model, held_out(model, data))
    model, prior = under(model, rows), known_prior(model.module)
    values, order = traversal_values(model, observed, prior, n)
    path = write_output(
        out,
        lambda: traversal_picture(model, observed, prior, n, data=rows),
        lambda: values,
        inputs(model, data),
    )
    written(path, as_json, dimensions=order, shape=list(values.shape))
