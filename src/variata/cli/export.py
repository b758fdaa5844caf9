"""`variata export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variata.cli.opening import ConditionOption, JsonOption, RunArgument, open_model


def export(
    run: RunArgument,
    what: Annotated[
        list[str] | None,
        typer.Option(help="encode, decode or reconstruct; may be repeated; all by default."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="A folder, or a .onnx file for one graph.")
    ] = Path("onnx"),
    condition: ConditionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write ONNX graphs that run without variata, compared with the model first.

    With --condition the graphs hold that condition; without it, a conditional model's take one.
    """
    from variata.cli.console import emit_json, say

    paths = [str(path) for path in open_model(run, "cpu", condition).export(out, what)]
    if as_json:
        emit_json({"out": paths})
    for path in [] if as_json else paths:
        say(f"Wrote {path}")
