"""`variata sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variata.cli.console import emit_json, emit_table, say
from variata.cli.opening import (
    BinariseOption,
    DataArgument,
    DeviceOption,
    IgnoreOption,
    JsonOption,
    KeyOption,
    LabelOption,
    SeedOption,
    SizeOption,
    read_options,
)
from variata.durations import seconds_of


def sweep(
    data: DataArgument,
    vary: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=V,W,... NAME=A..B",
            help="Arguments of the recipe or settings: lists, or ranges; several may follow.",
        ),
    ],
    recipe: Annotated[
        str, typer.Option(help="Name, with fixed arguments such as beta_vae:latent=8.")
    ] = "vae",
    trials: Annotated[
        int | None, typer.Option(min=1, help="Of ranges, 20 unless said; lists are all tried.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Time of each training, such as 30s; 2m unless said.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the data instead of a budget.")
    ] = None,
    rows: Annotated[int, typer.Option(min=2, help="Validation rows, at most.")] = 2_000,
    storage: Annotated[
        str, typer.Option(metavar="URL", help="Database of several machines; else a file in --out.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; else runs/sweep-DATA-RECIPE-BUDGET.")
    ] = None,
    label: LabelOption = None,
    ignore: IgnoreOption = None,
    key: KeyOption = None,
    size: SizeOption = None,
    binarise: BinariseOption = False,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Train a recipe with many arguments and draw rate against distortion; needs Optuna.

    The same command again goes on where this one ended."""
    from variata.tasks.sweep.page import best_said, table, write_page
    from variata.tasks.sweep.sweep import sweep as run

    found = run(
        data,
        vary,
        recipe,
        trials=trials,
        budget=seconds_of(budget),
        epochs=epochs,
        seed=seed,
        options=read_options(label, ignore, key, size, binarise),
        rows=rows,
        storage=storage,
        out=out,
        device=device,
        announce=say,
    )
    report = write_page(found)
    if as_json:
        emit_json(found.as_dict() | {"report": str(report)})
    else:
        emit_table(table(found))
        print(best_said(found))
    say(f"Wrote {report}")
