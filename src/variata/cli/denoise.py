"""`variata denoise`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from variata.cli.amounts import CorruptOption, parsed_corruption
from variata.cli.opening import (
    ConditionOption,
    DeviceOption,
    JsonOption,
    PictureOption,
    RunArgument,
    SeedOption,
    held_out,
    inputs,
    into,
    open_model,
    written,
)
from variata.errors import UsageError


def denoise(
    run: RunArgument,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]", help="Noisy rows; without, the run's own test rows made noisy."
        ),
    ] = None,
    corrupt: CorruptOption = None,
    clean: Annotated[
        str | None, typer.Option(metavar="DATA", help="What noisy DATA should be, to measure by.")
    ] = None,
    n: Annotated[
        int | None,
        typer.Option("-n", min=1, help="Examples in the picture; 12 by default, 500 of a table."),
    ] = None,
    out: PictureOption = Path("denoised.png"),
    seed: SeedOption = 0,
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Clean noisy rows by a model trained with --corrupt; where clean ones are known, say how well.

    --corrupt says that DATA is clean, and makes it noisy first."""
    from variata.cli.console import warn
    from variata.tasks.denoise import (
        corrupted,
        denoised_picture,
        fidelity,
        learnt_corruption,
        noisy_rows,
    )
    from variata.tasks.output import write_output
    from variata.tasks.show import in_own_units

    if clean is not None and (data is None or corrupt):
        raise UsageError("--clean goes with noisy DATA; what --corrupt makes noisy is known.")
    model = open_model(run, device, condition)
    if data is not None and not corrupt:
        known = None if clean is None else model.examples(clean)
        rows = noisy_rows(model, data)
        if not learnt_corruption(model):
            warn(f"{run} was trained on clean rows: models trained with --corrupt clean better.")
    else:
        known = held_out(model, data)
        rows = corrupted(model, known, parsed_corruption(corrupt), seed)
    target = into(out, model, data, clean)
    cleaned = model.denoise(rows, out=target)
    noisy, right = in_own_units(rows), None if known is None else in_own_units(known)
    if target is None:
        picture = denoised_picture(model.schema, noisy, cleaned, right, n)
        write_output(out, lambda: picture, bytes, inputs(model, data, clean))
    sets = {} if right is None else {"noisy": noisy, "cleaned": cleaned}
    figures = {name: fidelity(model.schema, right, values) for name, values in sets.items()}
    _told(figures, out, len(rows), as_json)


def _told(figures: dict[str, dict[str, Any]], out: Path, rows: int, as_json: bool) -> None:
    from variata.cli.console import emit_table

    numbers = {s: {n: e.as_dict() for n, e in found.items()} for s, found in figures.items()}
    if not as_json and figures:
        names = list(figures["noisy"])
        lines = [(s, *(str(found[name]) for name in names)) for s, found in figures.items()]
        emit_table([("", *names), *lines])
    written(out, as_json, rows=rows, **numbers)
