"""`variata map`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from variata.cli.opening import (
    ConditionOption,
    DeviceOption,
    JsonOption,
    OptionalData,
    PictureOption,
    RunArgument,
    SeedOption,
    held_out,
    inputs,
    open_model,
    written,
)
from variata.errors import DataError, UsageError

FEWEST = 3  # rows that span a plane


class Method(StrEnum):
    """How latents become two dimensions."""

    auto = "auto"
    pca = "pca"
    tsne = "tsne"
    latent = "latent"
    manifold = "manifold"


def map_(
    run: RunArgument,
    data: OptionalData = None,
    method: Annotated[
        Method,
        typer.Option(help="auto: the latent itself where it has two dimensions, else t-SNE."),
    ] = Method.auto,
    n: Annotated[int, typer.Option("-n", min=4, help="Examples on the map.")] = 3_000,
    out: PictureOption = Path("map.png"),
    seed: SeedOption = 0,
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Draw posterior means in two dimensions, coloured by label; or the manifold they span."""
    from variata.pictures import project
    from variata.tasks.output import write_output
    from variata.tasks.show import manifold_picture, map_picture, observe_some, under

    model = open_model(run, device, condition)
    if method is Method.manifold:
        one = model if model.condition is None else under(model, held_out(model, data))
        picture = manifold_picture(one)
        if picture is None:
            raise UsageError("The manifold needs images and exactly two latent dimensions.")
        path = write_output(out, lambda: picture, lambda: picture, inputs(model, data))
        written(path, as_json)
        return
    if method is Method.latent and model.latent != 2:
        raise UsageError(f"This run has {model.latent} latent dimensions, not 2: use pca or tsne.")
    if model.latent < 2:
        raise UsageError("A map needs at least two latent dimensions; this run has one.")
    chosen = method.value
    if method is Method.auto:
        chosen = "latent" if model.latent == 2 else "tsne"
    known = held_out(model, data)
    if len(known) < FEWEST:
        where = "the run's test part" if data is None else f"'{data}'"
        raise DataError(
            f"A map needs at least {FEWEST} rows, and {where} has {len(known)}: "
            "name data with more."
        )
    rows, observed = observe_some(model, known, n)
    path = write_output(
        out,
        lambda: map_picture(model, rows, observed.means, chosen, seed),
        lambda: project(observed.means, chosen, seed=seed, limit=n)[0],
        inputs(model, data),
    )
    written(path, as_json, method=chosen)
