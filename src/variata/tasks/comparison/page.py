"""`report.html` of a comparison: answers, samples side by side, quality against time, tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from variata.doctor.words import counted
from variata.metrics.linear import principal_axes
from variata.pictures import (
    Section,
    TradeOff,
    image_panels,
    point_panels,
    trade_offs,
    write_report,
)
from variata.tasks.comparison.compare import Comparison
from variata.tasks.comparison.job import ESTIMATED
from variata.tasks.comparison.measured import MEANS, PROBED, SAMPLES, SHOWN, SHOWN_POINTS
from variata.tasks.comparison.measures import GROUPS, MEASURES, ONE_SEED
from variata.tasks.comparison.rows import Row
from variata.tasks.comparison.start import length_said
from variata.tasks.comparison.tables import tables
from variata.tasks.model import Array
from variata.tasks.show import images_of, original

NEAR = "seconds to within 2 % of the best validation, or to the last weights kept"
EACH, ENOUGH = "milliseconds for a sample", ("seconds_to_final", "seconds_to_kept")
CURVE = "-ELBO, or -log p(x), of validation rows"
PICTURED = {
    SAMPLES: "Draws, which are what is measured",
    MEANS: "Means of p(x | z) for the same latents, where there are any",
}


def write_page(found: Comparison) -> Path:
    """Write the report into the comparison's folder, and return its path.

    Raises:
        StoreError: when it cannot be written.
    """
    made = tables(found.rows)
    sections = [
        _answers(found),
        Section("Samples side by side", "No sample was chosen.", _samples(found)),
        Section("Quality against time", "Better is lower, and further left.", _trades(found.rows)),
        *(Section(title, _meanings(title), table=table) for title, table in made.items()),
        Section("How it was measured", _how(found)),
    ]
    title = f"Recipes compared on {found.about['data']}"
    return write_report(found.folder / "report.html", title, sections, found.about["described"])


def _answers(found: Comparison) -> Section:
    texts = [answer.text for answer in found.answers]
    texts += [ONE_SEED] if len(found.about["seeds"]) == 1 else []
    of_one = {True: "", False: " (of one training each)"}
    rules = [(a.task, ", ".join(a.best) + of_one[a.sure], a.rule) for a in found.answers]
    head = ("task", "best, and what is not told apart from it", "rule")
    return Section("Which for what", "\n\n".join(texts), table=[head, *rules] if rules else ())


def _samples(found: Comparison) -> list[tuple[str, bytes]]:
    schema, drawn = found.test.schema, _drawn(found, SAMPLES)
    if not drawn:
        return []
    if schema.layout == "image":
        real = {"data": original(found.test, SHOWN)}
        count = len(real["data"])
        kinds = {caption: real | _drawn(found, file) for file, caption in PICTURED.items()}
        return [
            (caption, image_panels({n: images_of(schema, v[:count]) for n, v in shown.items()}))
            for caption, shown in kinds.items()
        ]
    data = _flat(original(found.test, SHOWN_POINTS))
    mean, axes, names = _plane(data, schema.columns)
    panels = {name: (_flat(values) - mean) @ axes for name, values in drawn.items()}
    return [("Samples over test rows", point_panels(panels, (data - mean) @ axes, names))]


def _drawn(found: Comparison, file: str) -> dict[str, Array]:
    """What the first seed that was done has drawn, by the name of the contender."""
    paths = {row.name: row.path(found.folder, file) for row in found.rows}
    return {name: np.load(path) for name, path in paths.items() if path is not None}


def _plane(data: Array, columns: Sequence[str] | None) -> tuple[Array, Array, tuple[str, str]]:
    """Mean, directions (D, 2) and their names: two columns, or the data's principal axes."""
    if data.shape[1] == 2:
        first, second = columns or ("column 0", "column 1")
        return np.zeros(2), np.eye(2), (first, second)
    scale = data.std(0)
    scale[scale == 0] = 1
    mean, width = data.mean(0), min(2, data.shape[1])
    axes = np.zeros((data.shape[1], 2))
    axes[:, :width] = principal_axes(torch.from_numpy((data - mean) / scale), width).numpy()
    names = ("first principal axis", "second principal axis" if width > 1 else "")
    return mean, axes / scale[:, None], names


def _flat(values: Array) -> Array:
    return np.asarray(values, dtype=np.float64).reshape(len(values), -1)


def _trades(rows: Sequence[Row]) -> list[tuple[str, bytes]]:
    lines = {row.name: row.curve for row in rows if row.curve}
    learning = TradeOff(CURVE, "seconds of training", "nats", lines=lines)
    errors = "; bars are standard errors over seeds" if any(row.done > 1 for row in rows) else ""
    pictures = {
        "training time": [_plot(rows, "frechet", NEAR, *ENOUGH), learning],
        "sampling time": [_plot(rows, name, EACH, "ms_per_sample") for name in ("frechet", "nll")],
    }
    shown = {time: [plot for plot in plots if plot.names] for time, plots in pictures.items()}
    return [
        (f"Quality against {time}{errors}", trade_offs(plots))
        for time, plots in shown.items()
        if plots
    ]


def _plot(rows: Sequence[Row], quality: str, label: str, *times: str) -> TradeOff:
    """Points of those that have the quality, and one of the times: the first that is known."""
    known = [(row, [time for time in times if time in row.figures]) for row in rows]
    able = [(row, each[0]) for row, each in known if each and quality in row.figures]
    points = {row.name: (_pair(row, time), _pair(row, quality)) for row, time in able}
    return TradeOff(MEASURES[quality].meaning.rstrip("."), label, MEASURES[quality].title, points)


def _pair(row: Row, name: str) -> tuple[float, float | None]:
    figure = row.figures[name]
    return figure["mean"], figure["se"]


def _meanings(group: str) -> str:
    return " ".join(f"{m.title}: {m.meaning}" for m in GROUPS.get(group, ()))


def _how(found: Comparison) -> str:
    about, seeds = found.about, found.about["seeds"]
    times = "once" if len(seeds) == 1 else f"{len(seeds)} times"
    errors = "with standard errors over rows" if len(seeds) == 1 else "over seeds with their errors"
    estimates = f" (where it is estimated, {ESTIMATED})"
    lossy = " The data were compressed with loss before: do not compare bits with others'."
    return (
        f"Every recipe was trained {times}, for at most {length_said(about)} (less where "
        "validation did not improve for long, and where a model is fitted at once), with the "
        f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))} for order and "
        f"noise, and one division of the rows for all; {_at_once(about)}. "
        f"Figures are means {errors}. They are taken on at most {about['rows']:,} test rows that "
        f"no training has seen{estimates}, and on as many samples; files are of at most 1,000 "
        f"rows, and probes learn from at most {PROBED:,} training rows. Bounds "
        f"of the likelihood are of {about['k']} draws, and of a quarter as many where the decoder "
        "reads pixels one by one. Frechet distances, neighbourhoods and the "
        "classifier that tells samples apart live in the features of a small classifier of this "
        "data's training rows, and are no FID. Differences are told apart seed by seed, by the t "
        "distribution at 5 %; of ten questions with a dozen recipes each some differ by chance.\n\n"
        "Chimeras are test rows of which half is another's: of images the lower half, else half "
        f"of the elements.{lossy if about['lossy'] else ''}"
    )


def _at_once(about: Mapping[str, Any]) -> str:
    if about["jobs"] == 1:
        return "one trained at a time"
    threads = counted(about["threads"], "thread")
    return f"{about['jobs']} trained at a time, on {threads} each"
