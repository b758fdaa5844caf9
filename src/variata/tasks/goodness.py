"""Do rows come from the model, or from the distribution of its data?"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from variata.data import Examples
from variata.errors import NoDensityError, UsageError
from variata.metrics import Verdict, classifier_test, likelihood_test, mmd_test
from variata.tasks.model import Model
from variata.tasks.show import some
from variata.tasks.source import reopened

ROWS = 1_000  # of each sample
FEWEST = 8
AGAINST = ("data", "model")


@dataclass(frozen=True)
class Goodness:
    """What tests say of the hypothesis that rows are like others.

    Attributes:
        tests: by name: MMD of latents, a classifier of values, and ranks of likelihoods.
        against: "data" or "model".
        rows: tested, and compared with.
    """

    tests: tuple[Verdict, ...]
    against: str
    rows: tuple[int, int]


def goodness_of_fit(
    model: Model,
    data: Any = None,
    against: str = "data",
    *,
    reference: Any = None,
    rows: int = ROWS,
    seed: int = 0,
) -> Goodness:
    """Test whether rows come from the distribution of the model's data, or from the model.

    Three tests, each of which sees another kind of difference: `mmd_test` of the latents,
    `classifier_test` of the values, and `likelihood_test` of the scores (left out for models
    without a likelihood). Several are asked at once, so call a difference found where the smallest
    p-value is below a third of the level.

    Args:
        data: rows to test, none of which may be among those compared with; None takes the run's
            test rows.
        against: "data", rows that the model has not learnt from, or "model", as many draws of it.
        reference: such rows; None takes those of the run that training chose by.
        rows: of each sample, at most.
        seed: of draws and permutations.

    Raises:
        UsageError: too few rows are asked for.
        DataError: there are too few rows, or none are at hand.

    >>> from variata import fit
    >>> model = fit("digits", latent=2, hidden=(8,), epochs=1)
    >>> [test.name for test in goodness_of_fit(model, rows=100).tests]
    ['MMD', 'classifier', 'likelihood']
    """
    if rows < FEWEST:
        raise UsageError(f"Tests take {FEWEST} rows or more, got {rows}: give a larger --rows.")
    if against not in AGAINST:
        raise UsageError(f"Rows are tested against data or model, got '{against}'.")
    tested = some(_rows(model, data, "test"), rows)
    if against == "data":
        others = some(_rows(model, reference, "valid"), rows)
    else:
        drawn = model.sample(len(tested), condition=tested.context, seed=seed)
        others = model.examples(drawn, tested.context)
    pair = (tested, others)
    z, other_z = (model.encode(part) for part in pair)
    x, other_x = (part.all().x.flatten(1) for part in pair)
    tests = [mmd_test(z, other_z, seed=seed), classifier_test(x, other_x, seed=seed)]
    with suppress(NoDensityError):  # of an autoencoder
        tests.append(likelihood_test(*(model.score(part, seed=seed) for part in pair)))
    return Goodness(tuple(tests), against, (len(tested), len(others)))


def usual_scores(model: Model, reference: Any, k: int, seed: int) -> Any:
    """Scores of rows that the model has not learnt from, (M,), nats."""
    return model.score(some(_rows(model, reference, "valid"), 2 * ROWS), k=k, seed=seed)


def _rows(model: Model, data: Any, part: str) -> Examples:
    if data is None:
        return getattr(reopened(model.saved.about.get("data", {})), part)
    return model.examples(data)
