"""`variata detect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from variata.cli.opening import (
    ConditionOption,
    DeviceOption,
    IgnoreOption,
    JsonOption,
    LabelOption,
    SeedOption,
    held_out,
    open_model,
)
from variata.errors import UsageError

if TYPE_CHECKING:
    from variata.tasks.detection.told import Found
    from variata.tasks.model import Model


def detect(
    run: Annotated[
        str, typer.Argument(metavar="RUN|DATA", help="A trained run, or usual rows to learn from.")
    ],
    data: Annotated[
        str | None,
        typer.Argument(metavar="[ROWS]", help="Rows to judge; the run's test rows, or DATA's own."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="A .csv of all rows, a .npy of scores, a .png heat map."),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say which columns or pixels are surprising.")
    ] = False,
    contamination: Annotated[
        float, typer.Option(help="Share of the known rows to call anomalies, at most 0.5.")
    ] = 0.1,
    n: Annotated[int, typer.Option("-n", min=1, help="Rows to show, the most unusual.")] = 10,
    normal: Annotated[
        str | None, typer.Option(metavar="DATA", help="Usual rows, instead of those of RUN.")
    ] = None,
    label: LabelOption = None,
    ignore: IgnoreOption = None,
    seed: SeedOption = 0,
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Find unusual rows, by a trained run or by small models of DATA, and say what is unusual."""
    from variata.cli.console import emit_json, emit_table, say
    from variata.store import exists
    from variata.tasks.detection.told import checked_output, write_found

    if out is not None:
        checked_output(out, [path for path in (run, data, normal) if path is not None])
    if exists(Path(run)):
        if label or ignore:
            raise UsageError("--label and --ignore are for DATA: a run knows its own columns.")
        found = _by_run(open_model(Path(run), device, condition), data, normal, contamination)
    else:
        if normal or condition:
            raise UsageError("--normal and --condition are for a run: all of DATA is usual.")
        found = _by_data(run, data, contamination, seed, device, label, tuple(ignore or ()))
    if out is not None:
        write_found(out, found, n, explain)
        say(f"Wrote {out}")
    told = found.records(n, explain)
    facts: dict[str, Any] = {"rows": len(found.scores), "anomalies": int(found.labels.sum())}
    facts["threshold"] = found.detector.threshold_
    if as_json:
        emit_json(facts | {"most_unusual": told, "out": None if out is None else str(out)})
        return
    emit_table([(name, f"{value:.4g}") for name, value in facts.items()])
    emit_table([("row", "score", "anomaly", "surprising" if explain else ""), *map(_line, told)])


def _by_run(model: Model, data: str | None, normal: str | None, contamination: float) -> Found:
    from variata.tasks.detection.run import detector_of
    from variata.tasks.detection.told import Found

    rows = held_out(model, data)
    detector = detector_of(model, normal, contamination)
    return Found(detector, rows, detector.decision_function(rows))


def _by_data(
    known: str,
    data: str | None,
    contamination: float,
    seed: int,
    device: str,
    label: str | None,
    ignore: tuple[str, ...],
) -> Found:
    from variata.tasks import Detector
    from variata.tasks.detection.told import Found
    from variata.tasks.source import DataOptions, opened

    options = DataOptions(label=label, ignore=ignore)
    source = opened(known, options)
    judged = source if data is None else opened(data, options)
    detector = Detector(contamination, random_state=seed, device=device).fit(source)
    rows = detector.examples(judged)
    scores = detector.decision_scores_ if data is None else detector.decision_function(rows)
    return Found(detector, rows, scores)


def _line(record: dict[str, Any]) -> tuple[str, ...]:
    told = "; ".join(
        f"{part['column']} {part['value']:.4g}, expected {part['expected']:.4g}"
        for part in record.get("surprising", [])
    )
    return str(record["row"]), f"{record['score']:.3f}", str(record["anomaly"]), told
