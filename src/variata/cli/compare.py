"""`variata compare`."""

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
    SizeOption,
    parsed_words,
    read_options,
)
from variata.durations import seconds_of
from variata.errors import UsageError


def compare(
    data: DataArgument,
    recipes: Annotated[
        str,
        typer.Option(
            metavar="A,B,...",
            help="Names, with arguments such as beta_vae:beta=4; by default those that suit DATA.",
        ),
    ] = "",
    budget: Annotated[
        str | None, typer.Option(help="Time of each training, such as 30s; 2m unless said.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the data instead of a budget.")
    ] = None,
    seeds: Annotated[
        str, typer.Option(metavar="S,T,...", help="A training of each recipe for each of these.")
    ] = "0,1,2",
    quick: Annotated[bool, typer.Option("--quick", help="The first seed alone.")] = False,
    rows: Annotated[int, typer.Option(min=2, help="Test rows, and samples, at most.")] = 2_000,
    k: Annotated[int, typer.Option(min=1, help="Draws of the bound of the likelihood.")] = 32,
    jobs: Annotated[
        int, typer.Option(min=1, help="Trainings at a time, which share the processor's threads.")
    ] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; else runs/compare-DATA-BUDGET.")
    ] = None,
    label: LabelOption = None,
    ignore: IgnoreOption = None,
    key: KeyOption = None,
    size: SizeOption = None,
    binarise: BinariseOption = False,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Train recipes on DATA, alike, and measure which is best for what: tables, answers, a report.

    Each training has a process of its own; one that fails leaves a row that says so. The same
    command again goes on where this one ended."""
    from variata.tasks.comparison.compare import compare as run
    from variata.tasks.comparison.measures import ONE_SEED
    from variata.tasks.comparison.page import write_page
    from variata.tasks.comparison.tables import tables

    chosen = [_seed(text) for text in parsed_words(seeds)]
    found = run(
        data,
        parsed_words(recipes),
        budget=seconds_of(budget),
        epochs=epochs,
        seeds=chosen[:1] if quick else chosen,
        options=read_options(label, ignore, key, size, binarise),
        rows=rows,
        k=k,
        jobs=jobs,
        out=out,
        device=device,
        announce=say,
    )
    report = write_page(found)
    if as_json:
        emit_json(found.as_dict() | {"report": str(report)})
    else:
        for title, table in tables(found.rows).items():
            print(f"{title}\n")
            emit_table(table)
            print()
        for answer in found.answers:
            print(answer.text)
        if len(found.about["seeds"]) == 1:
            print(ONE_SEED)
    say(f"Wrote {report}")


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise UsageError(f"--seeds needs whole numbers such as 0,1,2, got '{text}'.")
    return int(text)
