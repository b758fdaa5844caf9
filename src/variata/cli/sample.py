"""`variata sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variata.cli.opening import (
    ConditionOption,
    DeviceOption,
    JsonOption,
    PictureOption,
    RunArgument,
    SeedOption,
    inputs,
    into,
    open_model,
    written,
)


def sample(
    run: RunArgument,
    n: Annotated[int, typer.Option("-n", help="How many.")] = 64,
    out: PictureOption = Path("samples.png"),
    seed: SeedOption = 0,
    mean: Annotated[
        bool, typer.Option("--mean", help="Means of p(x | z) instead of draws from it.")
    ] = False,
    label: Annotated[
        str | None,
        typer.Option("--class", metavar="CLASS", help="Of this class: of a run of m2 or m1_m2."),
    ] = None,
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Draw new examples: a picture, or values in the data's own units and shape."""
    from variata.cli.console import say
    from variata.tasks.latents import prior_said
    from variata.tasks.output import write_output
    from variata.tasks.show import rows_beside, sample_picture

    model = open_model(run, device, condition)
    if model.saved.prior is not None:
        say(f"Latents are drawn from {prior_said(model)}.")
    target = into(out, model)
    values = model.sample(n, label=label, seed=seed, mean=mean, out=target)
    what = "mean" if mean else "sample"
    path = target or write_output(
        out,
        lambda: sample_picture(model, values, what, rows_beside(model)),
        lambda: values,
        inputs(model),
    )
    written(path, as_json, shape=list(values.shape), seed=seed)
