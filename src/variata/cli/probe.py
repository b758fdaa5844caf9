"""`variata probe`."""

from __future__ import annotations

from typing import Annotated

import typer

from variata.cli.opening import (
    ConditionOption,
    DeviceOption,
    JsonOption,
    RunArgument,
    SeedOption,
    open_model,
)


def probe(
    run: RunArgument,
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="Rows with labels, instead of the run's own."),
    ] = None,
    labels: Annotated[
        list[int] | None,
        typer.Option(help="How many to learn from; repeatable; 10, 100 and 1,000 by default."),
    ] = None,
    draws: Annotated[int, typer.Option(min=1, help="Of the labels.")] = 5,
    seed: SeedOption = 0,
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Tell what latents are worth to a classifier with few labels, beside PCA and raw values."""
    from variata.cli.console import emit_json, emit_table
    from variata.tasks.probe import LABELS
    from variata.tasks.probe import probe as tell

    model = open_model(run, device, condition)
    found = tell(model, data, labels=labels or LABELS, draws=draws, seed=seed)
    if as_json:
        readings = [reading.as_dict() for reading in found.readings]
        emit_json({"size": found.size, "rows": found.rows, "readings": readings, "draws": draws})
        return
    lines = [
        (f"{r.labels:,}", r.features, f"{100 * r.mean:.2f}", f"{100 * r.sd:.2f}")
        for r in found.readings
    ]
    emit_table([("labels", "features", "accuracy, %", "sd"), *lines])
