"""`variata refit-prior`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from variata.cli.console import say, warn
from variata.cli.opening import (
    DeviceOption,
    JsonOption,
    OptionalData,
    RunArgument,
    SeedOption,
    open_model,
    written,
)


def refit_prior(
    run: RunArgument,
    data: OptionalData = None,
    prior: Annotated[
        str | None,
        typer.Option(
            help="gmm (a mixture of Gaussians), flow or diffusion; autoregressive for codes."
        ),
    ] = None,
    components: Annotated[
        int | None, typer.Option(min=1, help="Gaussians of the gmm; 10 unless said.")
    ] = None,
    couplings: Annotated[
        int | None, typer.Option(min=1, help="Couplings of the flow; 8 unless said.")
    ] = None,
    layers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Layers of the autoregressive prior or the diffusion; 2 or 3 unless said."
        ),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            min=4, help="Of hidden layers: 128 unless said, 256 of the diffusion; a gmm has none."
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=2, help="Steps of the diffusion; 16 unless said.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the new run; else RUN-PRIOR.")
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Fit a prior to the latents of a trained run, so that its samples start where data lies.

    The new run has the same encoder and decoder; RUN stays as it is.
    """
    from variata import store
    from variata.cli.progress import watcher
    from variata.recipes.refit import usual_prior
    from variata.tasks.refit import refit_prior as refit

    given: dict[str, Any] = {"components": components, "couplings": couplings}
    given |= {"layers": layers, "width": width, "steps": steps}
    own = {name: value for name, value in given.items() if value is not None}
    model = open_model(run, device)
    chosen = prior or usual_prior(model.module)
    folder = out or Path(f"{run}-{chosen}")
    store.refuse_in_use(folder)
    found = refit(model, chosen, data=data, seed=seed, callbacks=[watcher(quiet=as_json)], **own)
    found.model.save(folder)
    gain = found.after - found.before
    say(
        f"log p(z) of held-out latents: {found.before:.2f} nats before, {found.after:.2f} after "
        f"({gain:+.2f}{', estimated' if found.estimated else ''}). Samples of {folder} start from "
        "the fitted prior."
    )
    if gain < 0:
        warn(f"the fitted prior is worse than the one {run} has: keep that, or fit another.")
    facts = {"prior": found.model.saved.prior, "rows": found.rows, "log_prob_before": found.before}
    written(folder, as_json, **facts, log_prob_after=found.after, estimated=found.estimated)
