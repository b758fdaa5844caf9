"""What a diagnosis says, and what it is drawn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from variata.metrics import KnownPrior

Severity = Literal["note", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One named diagnosis.

    Attributes:
        name: stable identifier, such as "posterior-collapse".
        title: in a few words.
        severity: "note" is nothing to worry about; "problem" makes results worthless.
        evidence: the numbers it is drawn from.
        cause: what most likely brought it about.
        command: what to try, as a command.
    """

    name: str
    title: str
    severity: Severity
    evidence: str
    cause: str
    command: str


@dataclass(frozen=True)
class Evidence:
    """What is known of a run. Nats per example, in model space unless `figures` says otherwise.

    Attributes:
        source: what to type for the data in a command; "DATA" for data in memory.
        run: what to type for the run; "RUN" for one that is not in a folder.
        recipe: its name.
        arguments: of the recipe, resolved.
        given: options of `variata train` that were not left at their defaults, by name.
        given_own: the same of the recipe's own arguments, which other recipes may not know.
        kind, layout, likelihood: of the schema.
        columns: their names, for tables.
        own_scale: standard deviation of every element in the person's own units, (*X).
        figures: of the evaluation, see `variata.tasks.evaluate`.
        history: one record for each validation.
        training: how training ended.
        train_rows: how many rows it learnt from.
        x: training rows in model space, at most a few thousand, (N, *X).
        samples: draws of the model, as many, (N, *X); None for a model that cannot be sampled.
        labels: of `x`, -1 where unknown; None without.
        means, scales: of the posteriors of test rows, (N, Z); scales None without a rate.
        rate_each: mean rate of every latent dimension on test rows, (Z,); None without a rate.
        elbo_train, elbo_test: per row, on as many training and test rows; None without a rate.
        distortion: -log p(x | z) of test rows, (N,).
        self_distortion: -log p(x' | z) of x' drawn from p(x | z) for the same rows, (N,): what
            `distortion` would be if the likelihood described the data.
        prior: None for N(0, I).
    """

    source: str
    run: str
    recipe: str
    arguments: dict[str, Any]
    given: dict[str, Any]
    given_own: dict[str, Any]
    kind: str
    layout: str
    likelihood: str
    columns: tuple[str, ...] | None
    own_scale: Tensor
    figures: dict[str, Any]
    history: list[dict[str, Any]]
    training: dict[str, Any]
    train_rows: int
    x: Tensor
    samples: Tensor | None
    labels: Tensor | None
    means: Tensor
    scales: Tensor | None
    rate_each: Tensor | None
    elbo_train: Tensor | None
    elbo_test: Tensor | None
    distortion: Tensor
    self_distortion: Tensor
    prior: KnownPrior | None = None


Diagnosis = Callable[[Evidence], Finding | None]
