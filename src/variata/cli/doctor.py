"""`variata doctor`."""

from __future__ import annotations

from dataclasses import asdict

from variata.cli.console import emit_json
from variata.cli.opening import (
    DeviceOption,
    JsonOption,
    OptionalData,
    RunArgument,
    open_model,
)

DRAWS = 5


def doctor(
    run: RunArgument,
    data: OptionalData = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Name what is wrong with a run: evidence, likely cause, and the command to try."""
    from variata.tasks.diagnose import diagnose
    from variata.tasks.evaluate import evaluate

    model = open_model(run, device)
    findings = diagnose(model, evaluate(model, data, k=DRAWS, cache=run), run)
    if as_json:
        emit_json({"findings": [asdict(finding) for finding in findings]})
        return
    if not findings:
        print("Nothing found: this run looks healthy.")
    for finding in findings:
        print(f"{finding.severity}: {finding.title} [{finding.name}]")
        print(f"  evidence: {finding.evidence}")
        print(f"  likely cause: {finding.cause}")
        print(f"  try: {finding.command}")
