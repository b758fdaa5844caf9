"""`variata cluster`."""

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


def cluster(
    run: RunArgument,
    data: OptionalData = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A .npy file for the responsibilities.")
    ] = None,
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Tell the clusters of rows, and how well they agree with labels where these are known."""
    from variata.cli.console import emit_json, emit_table, say
    from variata.tasks.cluster import cluster as tell
    from variata.tasks.output import array_file, write_output

    model = open_model(run, device, condition)
    found = tell(model, held_out(model, data))
    if out is not None:
        target = array_file(out, inputs(model, data))
        say(f"Wrote {write_output(target, bytes, lambda: found.responsibilities)}")
    components = found.responsibilities.shape[1]
    counts = {str(c): int((found.labels == c).sum()) for c in range(components)}
    agreement = found.agreement and found.agreement.as_dict()
    if as_json:
        emit_json({"rows": len(found.labels), "clusters": counts, "agreement": agreement})
        return
    rows = [("rows", f"{len(found.labels):,}")]
    rows += [(name, f"{value:.4f}") for name, value in (agreement or {}).items()]
    emit_table(rows + [(f"cluster {name}", f"{count:,}") for name, count in counts.items()])
