"""What several verbs share: opening a run and reading values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from variata.errors import UsageError

if TYPE_CHECKING:
    from variata.data import Examples
    from variata.tasks.model import Model
    from variata.tasks.source import DataOptions

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a trained run.")]
DataArgument = Annotated[
    str, typer.Argument(metavar="DATA", help="Catalogue name, file or folder of images.")
]
OptionalData = Annotated[
    str | None,
    typer.Argument(metavar="[DATA]", help="Other data than the run's own test rows."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
SeedOption = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
KeyOption = Annotated[str | None, typer.Option(help="Array of a .npz file.")]
LabelOption = Annotated[
    str | None, typer.Option(help="Column of a table that holds labels, never given to the model.")
]
IgnoreOption = Annotated[
    list[str] | None, typer.Option(help="Column of a table to leave out; may be repeated.")
]
SizeOption = Annotated[
    str | None, typer.Option(metavar="HxW", help="Height and width to resize images to.")
]
BinariseOption = Annotated[
    bool, typer.Option("--binarise", help="Show grey levels as 0 or 1, drawn anew at every step.")
]
PictureOption = Annotated[
    Path, typer.Option("--out", "-o", help="A .png for a picture, a .npy for the values.")
]


ConditionOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="VALUE|NAME=VALUE", help="What a conditional model is conditioned on; repeatable."
    ),
]


def open_model(run: Path, device: str = "auto", condition: list[str] | None = None) -> Model:
    """Load a trained model onto a device; its long work shows a bar on a terminal.

    Args:
        condition: which the model is to assume, as options give it.
    """
    from variata.cli.progress import share_watcher
    from variata.tasks.model import load
    from variata.tasks.plan import chosen_device

    model = load(run, chosen_device(device))
    model.watch = share_watcher()
    return model if not condition else model.given(told(condition))


def told(condition: list[str]) -> Any:
    """What options say of a condition."""
    from variata.data import parsed_condition

    return parsed_condition(condition)


def held_out(model: Model, data: str | None) -> Examples:
    """The rows to show: those of `data`, or the run's own test rows."""
    from variata.tasks.source import reopened

    if data is not None:
        return model.examples(data)
    return reopened(model.saved.about.get("data", {})).test


def inputs(model: Model, *given: str | Path | None) -> list[str | Path]:
    """What a verb reads and must not write over: what was named, and the run's own data."""
    return model.reads(*given)


def into(path: Path, model: Model, *given: str | Path | None) -> Path | None:
    """The file that values are written to piece by piece: `path`, where it is a `.npy`.

    Raises:
        UsageError: when it must not be written over.
    """
    from variata.tasks.output import output_file

    target = output_file(path, inputs(model, *given))
    return target if target.suffix == ".npy" else None


def parsed_size(text: str | None) -> tuple[int, int] | None:
    """Height and width from "64x48".

    >>> parsed_size("64x48")
    (64, 48)
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None or "0" in (match[1], match[2]):
        raise UsageError(f"--size needs height x width such as 64x48, got '{text}'.")
    return int(match[1]), int(match[2])


def read_options(
    label: str | None,
    ignore: list[str] | None,
    key: str | None,
    size: str | None,
    binarise: bool,
) -> DataOptions:
    """How to read data, as options give it."""
    from variata.tasks.source import DataOptions

    known, left = parsed_size(size), tuple(ignore or ())
    return DataOptions(label=label, ignore=left, key=key, size=known, binarise=binarise)


def parsed_words(text: str) -> list[str]:
    """What stands between commas.

    >>> parsed_words("vae, ae"), parsed_words("")
    (['vae', 'ae'], [])
    """
    return [word.strip() for word in text.split(",") if word.strip()]


def parsed_shares(text: str | None) -> tuple[float, float, float] | None:
    """The shares of training, validation and test from "0.8,0.1,0.1".

    >>> parsed_shares("0.8,0.1,0.1")
    (0.8, 0.1, 0.1)
    """
    if text is None:
        return None
    try:
        first, second, third = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--split needs three shares such as 0.8,0.1,0.1, got '{text}'.") from None
    return first, second, third


def written(path: Path, as_json: bool, **facts: Any) -> None:
    """Say which file was written."""
    from variata.cli.console import emit_json, say

    if as_json:
        emit_json({"out": str(path), **facts})
    else:
        say(f"Wrote {path}")
