"""`variata compress`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variata.cli.opening import DataArgument, JsonOption, RunArgument, open_model


def compress(
    run: RunArgument,
    data: DataArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="A .vrt file.")] = Path("rows.vrt"),
    chunk: Annotated[
        int | None,
        typer.Option(
            min=1, help="Rows of a chunk, which is read without the others; 4,096 unless said."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the rows of DATA to a file without loss; RUN makes them again (decompress)."""
    from variata.cli.console import emit_json, say

    model = open_model(run, "cpu")
    made = model.compress(data, out, chunk=chunk, compare=as_json)
    if as_json:
        emit_json(made.as_dict())
    else:
        say(
            f"Wrote {out}: {made.bytes:,} bytes for {made.rows:,} rows, {made.bits_per_row:,.1f} "
            f"bits each ({made.bits_per_dim:.4f} for each value)"
        )
