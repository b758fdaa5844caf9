"""Rate and distortion of validation rows, by which arguments may be chosen."""

from __future__ import annotations

from typing import Any

from variata.errors import NoDensityError
from variata.metrics import Estimate
from variata.tasks.comparison.figures import over_rows
from variata.tasks.comparison.job import ESTIMATED, Job
from variata.tasks.model import Model
from variata.tasks.passes import measured_rows, one_pass
from variata.tasks.show import some
from variata.tasks.source import reopened


def bound(model: Model, job: Job) -> dict[str, Any]:
    """Rate, distortion and ELBO of validation rows, in own units, nats per example.

    Raises:
        NoDensityError: for a model without a rate.
    """
    valid = some(reopened(model.saved.about["data"]).valid, job.rows)
    valid = measured_rows(model.module, valid, ESTIMATED)
    seen = one_pass(model.module, valid, model.saved.about["settings"]["seed"])
    if seen.rate is None or seen.elbo is None or seen.distortion is None:
        raise NoDensityError(f"The recipe {model.recipe} has no rate to hold against distortion.")
    shift = model.schema.log_jacobian()
    figures = {
        "rate": over_rows(Estimate.of(seen.rate)),
        "distortion": over_rows(Estimate.of(seen.distortion - shift)),
        "elbo": over_rows(Estimate.of(seen.elbo + shift)),
    }
    return {"figures": figures}
