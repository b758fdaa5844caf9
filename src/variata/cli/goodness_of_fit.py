"""`variata goodness-of-fit`."""

from __future__ import annotations

from typing import Annotated

import typer

from variata.cli.opening import (
    ConditionOption,
    DeviceOption,
    JsonOption,
    OptionalData,
    RunArgument,
    SeedOption,
    open_model,
)


def goodness_of_fit(
    run: RunArgument,
    data: OptionalData = None,
    against: Annotated[
        str, typer.Option(metavar="data|model", help="The run's validation rows, or its draws.")
    ] = "data",
    rows: Annotated[int, typer.Option(min=8, help="Of each sample, at most.")] = 1_000,
    seed: SeedOption = 0,
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Test whether rows come from the distribution of the run's data, or from the model itself.

    Small p-values speak against it: of three tests, call a difference found below a third of the
    level that one would have."""
    from variata.cli.console import emit_json, emit_table
    from variata.tasks.goodness import goodness_of_fit as tested

    model = open_model(run, device, condition)
    found = tested(model, data, against, rows=rows, seed=seed)
    if as_json:
        told = [result.as_dict() for result in found.tests]
        emit_json({"against": against, "rows": found.rows, "tests": told})
        return
    lines = [(r.name, f"{r.statistic:.4f}", f"{r.p_value:.4g}") for r in found.tests]
    emit_table([("test", "statistic", "p-value"), *lines])
