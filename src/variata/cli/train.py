"""`variata train`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from variata.cli.amounts import CorruptOption, parsed_corruption
from variata.cli.config import parsed, read_config
from variata.cli.console import emit_json, say, speaks
from variata.cli.opening import (
    BinariseOption,
    DeviceOption,
    IgnoreOption,
    JsonOption,
    KeyOption,
    LabelOption,
    SizeOption,
    parsed_shares,
    parsed_size,
)
from variata.durations import seconds_of
from variata.errors import UsageError, VariataError

OF_PYTHON = {"callbacks", "announce", "settings", "options"}  # arguments of `fit`


def train(
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="Catalogue name, file or folder of images."),
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="Name; see `variata recipes`.")] = None,
    init: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Start from its weights; DATA has the same shape."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="New folder for the run.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data.")] = None,
    budget: Annotated[
        str | None, typer.Option(help="Time instead of epochs, such as 30s, 3m or 1h.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples for each step.")] = None,
    lr: Annotated[float | None, typer.Option(help="Highest learning rate.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    device: DeviceOption = "auto",
    threads: Annotated[
        int | None, typer.Option(help="Of the processor; longer runs measure what is best.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            metavar="auto|fp32|bf16|fp64", help="Of products; auto: bf16 where the machine has it."
        ),
    ] = None,
    compile_: Annotated[
        str | None,
        typer.Option("--compile", metavar="auto|on|off", help="One graph; auto: where it pays."),
    ] = None,
    likelihood: Annotated[str | None, typer.Option(help="Instead of the one chosen.")] = None,
    split: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="Shares: train, valid, test.")
    ] = None,
    label: LabelOption = None,
    ignore: IgnoreOption = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Condition on a column, or on 'label' for the labels; may be repeated.",
        ),
    ] = None,
    labels: Annotated[
        int | None,
        typer.Option(help="Keep so few labels of the rows to learn from, the same of each class."),
    ] = None,
    corrupt: CorruptOption = None,
    binarise: BinariseOption = False,
    key: KeyOption = None,
    size: SizeOption = None,
    config: Annotated[
        Path | None, typer.Option(help="YAML file of such names and values; options go before it.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with an interrupted run.")
    ] = None,
    log: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="tensorboard, wandb or mlflow; may be repeated."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: JsonOption = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="An argument of the recipe."),
    ] = None,
) -> None:
    """Train a model on DATA. Any argument of the recipe is an option too: --beta 4, --latent 16,
    --hidden 512 256 (`variata recipes NAME` lists them)."""
    from variata.cli.progress import watcher

    plain: dict[str, Any] = {
        "recipe": recipe,
        "init": None if init is None else str(init),
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "seed": seed,
        "threads": threads,
        "precision": precision,
        "compile": compile_,
        "likelihood": likelihood,
        "label": label,
        "labels": labels,
        "corrupt": parsed_corruption(corrupt),
        "key": key,
        "binarise": binarise or None,
    }
    if resume is not None:
        more = {"budget": budget, "split": split, "size": size, "config": config, "out": out}
        lists = {"ignore": ignore or None, "set": set_ or None, "condition": condition or None}
        _refuse_beside_resume(DATA=data, **plain, **more, **lists)
        from variata.tasks.train import resume as go_on

        watch = [*_loggers(log, resume), watcher(quiet)]
        say(f"Going on with {resume}")  # last, since signals are obeyed from the next line on
        model = go_on(resume, watch, "" if device == "auto" else device, say)
        return _finished(model, resume, as_json)
    given = _given(
        **plain,
        budget=seconds_of(budget),
        fractions=parsed_shares(split),
        ignore=tuple(ignore) if ignore else None,
        condition=tuple(condition) if condition else None,
        size=parsed_size(size),
    )
    settings = read_config(config) | _settings(set_ or []) | given
    data = data or settings.pop("data", None)
    if data is None:
        raise UsageError("train needs DATA: a catalogue name, a file or a folder of images.")
    settings.pop("data", None)
    folder = out or Path(settings.pop("out", "") or _dated())
    settings.pop("out", None)
    named = settings.pop("device", "auto")
    device = named if device == "auto" else device
    from variata.tasks.train import fit

    watch = [*_loggers(log, folder), watcher(quiet)]
    announce = None if quiet else say
    model = fit(data, device=device, out=folder, callbacks=watch, announce=announce, **settings)
    return _finished(model, folder, as_json)


def _settings(texts: list[str]) -> dict[str, Any]:
    """What `--set` and the options of recipes give."""
    found = dict(_pair(text) for text in texts)
    for name in OF_PYTHON & found.keys():
        raise UsageError(f"--{name} can be given in Python alone.")
    return parsed(found)


def _loggers(names: list[str] | None, run: Path) -> list[Any]:
    if not names:
        return []
    from variata.loggers import named

    return [named(name, run) for name in dict.fromkeys(names)]


def _finished(model: Any, folder: Path, as_json: bool) -> None:
    if not speaks():
        return
    about = model.saved.about
    best = [r for r in model.history if r["best"]][-1]
    if as_json:
        emit_json(
            {
                "run": str(folder),
                "recipe": model.recipe,
                "arguments": model.saved.arguments,
                "schema": model.schema.describe(),
                "training": about["training"],
                "valid": best["valid"],
            }
        )
        return
    print(folder)
    say(f"Saved {folder}. Next: variata evaluate {folder}")


def _refuse_beside_resume(**options: Any) -> None:
    given = [name.replace("_", "-") for name, value in options.items() if value is not None]
    if given:
        raise UsageError(
            f"--resume goes on with the run's own settings, without others ({', '.join(given)})."
        )


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _pair(text: str) -> tuple[str, Any]:
    import yaml

    name, equals, value = text.partition("=")
    if not equals or not value:
        raise UsageError(f"--{name.replace('_', '-')} needs a value.")
    try:
        parts = [yaml.safe_load(part) for part in value.split(",")]
    except yaml.YAMLError:
        return name, value
    return name, parts[0] if len(parts) == 1 and name != "hidden" else parts


def _dated() -> Path:
    base = Path("runs") / datetime.now().strftime("%Y-%m-%d-%H%M%S")
    for n in range(1, 1000):
        folder = base if n == 1 else base.with_name(f"{base.name}-{n}")
        if not folder.exists():
            return folder
    raise VariataError("Too many runs were started in this second.")
