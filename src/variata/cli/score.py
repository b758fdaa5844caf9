"""`variata score`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from variata.cli.encode import ArrayOption
from variata.cli.opening import (
    ConditionOption,
    DataArgument,
    DeviceOption,
    JsonOption,
    RunArgument,
    SeedOption,
    inputs,
    open_model,
    written,
)
from variata.errors import UsageError


def score(
    run: RunArgument,
    data: DataArgument,
    k: Annotated[int, typer.Option(help="Draws of the importance-weighted bound.")] = 32,
    out: ArrayOption = Path("scores.npy"),
    typicality: Annotated[
        Path | None,
        typer.Option(help="A .npy file for how usual each score is, too: two-sided p-values."),
    ] = None,
    seed: SeedOption = 0,
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Write a lower bound of log p(x) of every row of DATA, in nats: higher is more usual.

    But far above the run's own rows is unusual too: see --typicality."""
    from variata.cli.console import say
    from variata.metrics import typicality as usual
    from variata.models import likelihood_of
    from variata.tasks.goodness import usual_scores
    from variata.tasks.latents import prior_said
    from variata.tasks.output import array_file, write_output

    model = open_model(run, device, condition)
    known = None
    if typicality is not None:
        if typicality.resolve() == out.resolve():
            raise UsageError("--typicality and --out name the same file: name two.")
        array_file(typicality, inputs(model, data))
        known = usual_scores(model, None, k, seed)
    scores = model.score(data, k=k, seed=seed, out=out)
    estimated = likelihood_of(model.module) == "estimated"
    if estimated:
        say(f"Scores are estimates, no bounds: the prior is {prior_said(model)}.")
    facts = {"shape": list(scores.shape), "mean": float(scores.mean()), "unit": "nats"}
    facts["estimated"] = estimated
    if typicality is not None and known is not None:
        each = usual(scores, known).numpy()
        write_output(typicality, bytes, lambda: each, inputs(model, data, out))
        facts["unusual at 0.01"] = float((each <= 0.01).mean())
        say(f"Wrote {typicality}: {facts['unusual at 0.01']:.1%} of the rows are unusual at 0.01")
    written(out, as_json, **facts)
