"""`variata decompress`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from variata.cli.opening import JsonOption, RunArgument, open_model, written
from variata.errors import UsageError


def decompress(
    run: RunArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .vrt file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="A .npy file.")] = Path("x.npy"),
    rows: Annotated[
        str | None, typer.Option(metavar="A:B", help="Only rows A to B - 1, counted from 0.")
    ] = None,
    recover: Annotated[
        bool, typer.Option("--recover", help="Leave out chunks that are damaged, and say which.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the rows of a .vrt file, as they were, to a .npy file; RUN is the one that wrote it."""
    from variata.cli.console import warn
    from variata.tasks.compression.decompress import decompress as read

    made = read(open_model(run, "cpu"), file, parsed_rows(rows), recover, out)
    for part in made.damage:
        warn(f"{part} is damaged")
    for start, stop in made.lost:
        warn(f"rows {start} to {stop - 1} are damaged and left out")
    facts = {"lost": made.lost, "damage": made.damage}
    written(out, as_json, shape=list(made.values.shape), **facts)


def parsed_rows(text: str | None) -> tuple[int, int] | None:
    """The first row and the last + 1 from "100:200".

    >>> parsed_rows("100:200")
    (100, 200)
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,15}):(\d{1,15})", text)
    if match is None:
        raise UsageError(f"--rows needs two numbers such as 100:200, got '{text}'.")
    return int(match[1]), int(match[2])
