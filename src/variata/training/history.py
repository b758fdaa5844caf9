"""What happened while training."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Report:
    """One report, made at every validation.

    Attributes:
        step, epoch, progress, seconds: where training stands.
        speed: examples per second since the last report.
        lr: learning rate.
        train: means of the terms since the last report, nats per example.
        weights: of the terms now.
        valid: distortion, rate and ELBO on validation rows, nats per example.
        criterion: what chooses the best weights; lower is better.
        best: whether this was the best so far.
    """

    __pydantic_config__ = {"extra": "forbid"}  # where one is read from a file

    step: int
    epoch: float
    progress: float
    seconds: float
    speed: float
    lr: float
    train: dict[str, float]
    weights: dict[str, float]
    valid: dict[str, float]
    criterion: float
    best: bool

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        return asdict(self)


@dataclass
class History:
    """All reports of a training and how it ended.

    Attributes:
        reports: one for each validation.
        ended: "finished", "stopped early", "budget", "interrupted", "diverged" or, told to
            callbacks only, "failed"; empty while it goes on.
        signal: the number of the signal that interrupted it.
        step: steps taken.
        best_step: the step whose weights were kept.
        skipped: steps left out because their loss or gradient was not finite.
        rollbacks: times that the best weights were put back.
        notes: one sentence for everything unusual.
        how: steps were computed: see `variata.training.machine.How`.
    """

    __pydantic_config__ = {"extra": "forbid"}

    reports: list[Report] = field(default_factory=list)
    ended: str = ""
    signal: int | None = None
    step: int = 0
    best_step: int = 0
    skipped: int = 0
    rollbacks: int = 0
    notes: list[str] = field(default_factory=list)
    how: dict[str, Any] = field(default_factory=dict)
