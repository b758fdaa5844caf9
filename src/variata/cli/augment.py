"""`variata augment`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variata.cli.opening import (
    DeviceOption,
    JsonOption,
    RunArgument,
    SeedOption,
    inputs,
    open_model,
)
from variata.errors import UsageError


def augment(
    run: RunArgument,
    data: Annotated[
        str | None,
        typer.Argument(metavar="[DATA]", help="Rows with labels, instead of those of training."),
    ] = None,
    n: Annotated[
        int | None, typer.Option("-n", min=1, help="Rows to make; as many as there are.")
    ] = None,
    labels: Annotated[
        int | None, typer.Option(help="Use so few of the labels, the same of each class.")
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Rows to measure a classifier on; the run's test rows."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=0, help="Classifiers to measure by; 0: none.")] = 5,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="A .npz file, or a .csv of a table.")
    ] = Path("enlarged.npz"),
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Write labelled rows with new ones that the model makes, and tell what a classifier gains.

    (The argument --augment of some recipes is another thing: other views of images in training.)"""
    from variata.cli.console import emit_json, say
    from variata.data.few_labels import keep_labels
    from variata.metrics import Estimate
    from variata.tasks.augment import enlarged, gain
    from variata.tasks.labelled_file import write_labelled
    from variata.tasks.source import reopened

    if data is not None and test is None and seeds:
        raise UsageError(
            "The run's test rows may be among DATA: name rows to measure on (--test), or measure "
            "nothing (--seeds 0)."
        )
    model = open_model(run, device)
    about = model.saved.about.get("data", {})
    rows = reopened(about).train if data is None else model.examples(data)
    rows = rows if labels is None else keep_labels(rows, labels, seed)
    judged = None
    if seeds:
        judged = reopened(about).test if test is None else model.examples(test)
    found = enlarged(model, rows, n, seed)
    write_labelled(model.schema, found, out, inputs(model, data, test))
    told = {} if judged is None else gain(found, judged, range(seeds))
    rows_now = {"rows": len(found.y), "made": found.made, "how": found.how}
    if as_json:
        right = {name: estimate.as_dict() for name, estimate in told.items()}
        emit_json({"out": str(out), **rows_now, "accuracy": right})
        return
    say(f"Wrote {out}: {len(found.y):,} rows, {found.made:,} of them new, by {found.how}")
    for name, estimate in told.items():
        percent = Estimate(100 * estimate.mean, 100 * estimate.se)
        print(f"accuracy {name} them  {percent} %")
