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
    from variata.tasks.source import DataOptions

USUAL = 0.1  # share of the known rows that are called anomalies, unless said


def detect(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|DETECTOR|DATA",
            help="A trained run, a saved detector, or usual rows to learn from.",
        ),
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
        float | None,
        typer.Option(
            help="Share of the known rows to call anomalies, at most 0.5.",
            show_default="0.1, or the saved detector's",
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Rows to show, the most unusual.")] = 10,
    normal: Annotated[
        str | None, typer.Option(metavar="DATA", help="Usual rows, instead of those of RUN.")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep what was learned from DATA, to judge more rows."),
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
    from variata.tasks.detection.told import checked_output, write_found
    from variata.tasks.source import DataOptions

    if out is not None:
        checked_output(out, [path for path in (run, data, normal) if path is not None])
    options = DataOptions(label=label, ignore=tuple(ignore or ()))
    kind = _kind(Path(run))
    _refuse_idle(kind, normal=normal, condition=condition, label=label, ignore=ignore, save=save)
    if kind == "run":
        model = open_model(Path(run), device, condition)
        found = _by_run(model, data, normal, USUAL if contamination is None else contamination)
    elif kind == "detector":
        found = _by_detector(run, data, contamination, device, options)
    else:
        share = USUAL if contamination is None else contamination
        found = _by_data(run, data, share, seed, device, options, save)
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


def _kind(path: Path) -> str:
    """What the first argument names: a "run", a "detector", or "data"."""
    from variata.store import exists
    from variata.tasks.detection import saved

    return "run" if exists(path) else "detector" if saved.exists(path) else "data"


def _refuse_idle(kind: str, **given: Any) -> None:
    """Refuse options that would do nothing for what was named."""
    idle = {
        "run": (("label", "ignore", "save"), "are for DATA: a run knows its own columns"),
        "detector": (("normal", "condition", "save"), "are not for a detector that is kept"),
        "data": (("normal", "condition"), "are for a run: all of DATA is usual"),
    }
    names, why = idle[kind]
    if any(given[name] for name in names):
        options = [f"--{name}" for name in names]
        raise UsageError(f"{', '.join(options[:-1])} and {options[-1]} {why}.")


def _by_run(model: Model, data: str | None, normal: str | None, contamination: float) -> Found:
    from variata.tasks.detection.run import detector_of
    from variata.tasks.detection.told import Found

    rows = held_out(model, data)
    detector = detector_of(model, normal, contamination)
    return Found(detector, rows, detector.decision_function(rows))


def _by_detector(
    folder: str, data: str | None, contamination: float | None, device: str, options: DataOptions
) -> Found:
    from variata.tasks import Detector
    from variata.tasks.detection.told import Found
    from variata.tasks.source import opened

    if data is None:
        raise UsageError(f"Name the rows to judge: variata detect {folder} ROWS.")
    detector = Detector.load(folder, device)
    if contamination is not None:
        detector.set_params(contamination=contamination)
        detector.checked().settle(detector.judges_, detector.decision_scores_)
    rows = detector.examples(opened(data, options))
    return Found(detector, rows, detector.decision_function(rows))


def _by_data(
    known: str,
    data: str | None,
    contamination: float,
    seed: int,
    device: str,
    options: DataOptions,
    save: Path | None,
) -> Found:
    from variata.cli.console import say
    from variata.store import refuse_in_use
    from variata.tasks import Detector
    from variata.tasks.detection.told import Found
    from variata.tasks.source import opened

    if save is not None:
        refuse_in_use(save)
    source = opened(known, options)
    judged = source if data is None else opened(data, options)
    detector = Detector(contamination, random_state=seed, device=device).fit(source)
    if save is not None:
        detector.save(save)
        say(f"Saved {save}. Next: variata detect {save} ROWS")
    rows = detector.examples(judged)
    scores = detector.decision_scores_ if data is None else detector.decision_function(rows)
    return Found(detector, rows, scores)


def _line(record: dict[str, Any]) -> tuple[str, ...]:
    told = "; ".join(
        f"{part['column']} {part['value']:.4g}, expected {part['expected']:.4g}"
        for part in record.get("surprising", [])
    )
    return str(record["row"]), f"{record['score']:.3f}", str(record["anomaly"]), told
