"""`variata classify`."""

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
)


def classify(
    run: RunArgument,
    data: OptionalData = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A .npy file for the probabilities.")
    ] = None,
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Tell the classes of rows by q(y | x), and how many are right where labels are known."""
    from variata.cli.console import emit_json, emit_table, say
    from variata.pictures.numbers import plus_minus
    from variata.tasks.classify import classify as tell
    from variata.tasks.output import array_file, write_output

    model = open_model(run, device, condition)
    found = tell(model, held_out(model, data))
    if out is not None:
        target = array_file(out, inputs(model, data))
        say(f"Wrote {write_output(target, bytes, lambda: found.probabilities)}")
    counts = {name: found.labels.count(name) for name in found.names}
    if as_json:
        right = found.accuracy and found.accuracy.as_dict()
        emit_json({"rows": len(found.labels), "classes": counts, "accuracy": right})
        return
    rows = [("rows", f"{len(found.labels):,}")]
    if found.accuracy is not None:
        share = plus_minus(100 * found.accuracy.mean, 100 * found.accuracy.se)
        rows.append(("accuracy", f"{share} %"))
    emit_table(rows + [(f"class {name}", f"{count:,}") for name, count in counts.items()])
