"""`evaluate`: what a trained model is worth on rows it has not seen, with errors and units."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from variata.data import Examples
from variata.errors import DataError, UsageError
from variata.metrics import (
    Estimate,
    FactorisedBaseline,
    KnownPrior,
    PCABaseline,
    active_units,
    aggregate_gap,
    bits_per_dim,
    mean_predictor,
    mutual_information,
    prior_sd,
    rms_error,
)
from variata.models import decodes, encodes, likelihood_of
from variata.shapes import numel
from variata.tasks.abilities import reads_values
from variata.tasks.codes import exact, usage
from variata.tasks.factors import disentangled
from variata.tasks.latents import can_sample, known_prior, prior_said
from variata.tasks.model import Model
from variata.tasks.passes import Pass, log_likelihood, measured_rows, one_pass
from variata.tasks.samples import all_x, features_for, sample_quality
from variata.tasks.source import reopened

DRAWS = 100
BASELINE_ROWS = 20_000
AGGREGATE_ROWS = 5_000
SAMPLE_ROWS = 50  # test rows: distances between fewer are mostly chance


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Attributes:
        figures: plain numbers by name, as `--json` prints them. Nats per example, in own units.
        observed: the pass over the test rows that they come from.
        test: the rows measured on.
        train: the rows trained on; None where they are not at hand.
        prior: what the latents are held against; None for N(0, I).
    """

    figures: dict[str, Any]
    observed: Pass
    test: Examples
    train: Examples | None = None
    prior: KnownPrior | None = None
    notes: list[str] = field(default_factory=list)


def evaluate(
    model: Model,
    data: Any = None,
    *,
    k: int | None = None,
    seed: int = 0,
    samples: bool = True,
    cache: Path | None = None,
) -> Evaluation:
    """Measure a model on its own test rows, or on other data.

    Args:
        model: a trained model.
        data: rows to measure on; None takes the test rows of the data it was trained on, which
            it has never seen.
        k: draws of the importance-weighted bound; None for 100, or 25 of a flow of x and of a
            decoder that reads x, whose draws are dear.
        seed: of all noise.
        samples: whether to judge samples too; with fewer than 50 test rows the figures hold a
            note instead.
        cache: folder that may keep what is dear to compute again.

    Raises:
        DataError: when no data is named and the model's own is not at hand, or for one row.
        UsageError: for a k below 1.
    """
    k = _draws(model) if k is None else k
    if k < 1:
        raise UsageError(f"k is a number of draws and must be at least 1, got {k}.")
    test, train = _rows(model, data)
    if len(test) < 2:
        raise DataError(
            "evaluate needs at least 2 rows, as one row has no standard error, and there is "
            f"{len(test)}: name data with more, or use score for the likelihood of single rows."
        )
    likelihood = likelihood_of(model.module)
    measured = measured_rows(model.module, test)
    observed = one_pass(model.module, measured, seed)
    jacobian = model.schema.log_jacobian()
    figures: dict[str, Any] = {"data": _data(model, test, data), "recipe": model.recipe}
    figures["prior"] = prior_said(model)
    figures["prior_density"] = None
    if decodes(model.module):
        figures["prior_density"] = "estimated" if likelihood == "estimated" else "exact"
    figures["likelihood"] = likelihood
    figures |= _bounds(model, observed, measured, k, seed, jacobian)
    prior = known_prior(model.module, seed=seed)
    figures |= _latents(model, observed, _aggregate(model, observed, train, seed), seed, prior)
    figures["codes"] = usage(model.module, test if train is None else train) or None
    coded = encodes(model.module)
    figures["disentanglement"] = (
        disentangled(observed, test, seed, prior_sd(prior)) if coded else None
    )
    figures["reconstruction"] = _reconstruction(model, test) if coded else None
    figures["baselines"] = (
        None if train is None else _baselines(model, train, test, figures["active_units"])
    )
    figures["samples"] = None
    if samples and can_sample(model.module) and train is not None:
        figures["samples"] = _samples(model, train, test, seed, cache)
    return Evaluation(figures, observed, test, train, prior)


def _samples(
    model: Model, train: Examples, test: Examples, seed: int, cache: Path | None
) -> dict[str, Any]:
    if len(test) < SAMPLE_ROWS:
        return {
            "note": f"not judged: {len(test)} test rows are too few to compare samples with "
            f"({SAMPLE_ROWS} are needed)"
        }
    record = {"name": "data", "source": None} | model.saved.about.get("data", {})
    features = features_for(record, train, cache and cache / "features.safetensors")
    return sample_quality(model.module, features, train, test, seed)


def _rows(model: Model, data: Any) -> tuple[Examples, Examples | None]:
    record = model.saved.about.get("data", {})
    if data is None:
        splits = reopened(record)
        return splits.test, splits.train
    try:
        train = reopened(record).train
    except DataError:
        train = None
    return model.examples(data), train


def _data(model: Model, test: Examples, data: Any) -> dict[str, Any]:
    record = model.saved.about.get("data", {})
    own = data is None
    return {
        "name": record.get("name") if own else str(data) if isinstance(data, str) else "given",
        "split": "test" if own else "all",
        "rows": len(test),
        "lossy": bool(record.get("lossy", False)),
    }


def _draws(model: Model) -> int:
    dear = reads_values(model.module) or not decodes(model.module)
    return DRAWS // 4 if dear else DRAWS


def _bounds(
    model: Model, observed: Pass, test: Examples, k: int, seed: int, jacobian: float
) -> dict[str, Any]:
    distortion = None
    if observed.distortion is not None:
        distortion = Estimate.of(observed.distortion - jacobian).as_dict()
    if observed.rate is None or observed.elbo is None:
        return {
            "elbo": None,
            "nll": None,
            "bits_per_dim": None,
            "rate": None,
            "distortion": distortion,
        }
    one = exact(model.module)  # then all draws are the same
    k = 1 if one else k
    found = observed.elbo
    if decodes(model.module) or not one:
        found = log_likelihood(model.module, test, k, seed)
    carried = None if observed.carried is None else observed.carried.tolist()
    nll = Estimate.of(-(found + jacobian))
    rate = Estimate.of(observed.rate).as_dict()
    rate |= {"per_dimension": carried, "per_level": _levels(model, observed)}
    return {
        "elbo": Estimate.of(observed.elbo + jacobian).as_dict(),
        "nll": nll.as_dict() | {"k": k, "rows": len(test)},
        "bits_per_dim": bits_per_dim(nll.mean, numel(model.schema.shape)),
        "rate": rate if decodes(model.module) else None,
        "distortion": distortion,
    }


def _levels(model: Model, observed: Pass) -> list[float] | None:
    """The rate of every level from the top down, where there are several with closed rates."""
    if observed.rate_each is None or len(model.widths) < 2:
        return None
    return [float(part.double().sum()) for part in observed.rate_each.split(model.widths)]


def _aggregate(model: Model, observed: Pass, train: Examples | None, seed: int) -> Pass:
    """The pass that q(z) is estimated from: few test rows say little about it (at most log N)."""
    enough = len(observed.means) >= AGGREGATE_ROWS
    if train is None or enough or not encodes(model.module):
        return observed
    return one_pass(model.module, train.subset(_order(train)[:AGGREGATE_ROWS]), seed)


def _latents(
    model: Model, observed: Pass, aggregate: Pass, seed: int, prior: KnownPrior | None
) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "latent": model.latent,
        "active_units": None,
        "mutual_information": None,
        "prior_gap": None,
    }
    if len(aggregate.means) > 1 and encodes(model.module):
        figures["active_units"] = active_units(aggregate.means, prior_sd=prior_sd(prior))
    if aggregate.scales is None or len(aggregate.means) < 2 or len(model.module.levels) > 1:
        return figures  # of several levels, no prior is known to compare all with
    information = mutual_information(aggregate.means, aggregate.scales, seed=seed, prior=prior)
    gap = aggregate_gap(aggregate.means, aggregate.scales, seed=seed, prior=prior)
    figures["mutual_information"] = information.mutual_information.as_dict() | {
        "ceiling": information.ceiling,
        "saturated": information.saturated,
    }
    figures["prior_gap"] = {
        "marginal_kl": information.marginal_kl.as_dict(),
        "mmd": gap.mmd,
        "mean_of_worst": float(gap.mean.abs().max()),
        "sd_range": [float(gap.sd.min()), float(gap.sd.max())],
    }
    return figures


def _own(model: Model, x: Tensor) -> Tensor:
    own = model.schema.decode(x)
    return torch.as_tensor(own).reshape(len(own), -1).double()


def _reconstruction(model: Model, test: Examples) -> dict[str, Any]:
    return {"rmse": reconstruction_error(model, test).as_dict(), "unit": "the data's own"}


def reconstruction_error(model: Model, test: Examples) -> Estimate:
    """The RMS error of reconstructions of rows, at most 20,000, in own units."""
    rows = all_x(test, BASELINE_ROWS)
    shown = test.subset(_order(test))
    rebuilt = torch.as_tensor(model.reconstruct(shown)).flatten(1).double()
    return rms_error(_own(model, rows), rebuilt)


def _order(examples: Examples) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randperm(len(examples), generator=generator)[:BASELINE_ROWS]


def _baselines(model: Model, train: Examples, test: Examples, active: int | None) -> dict[str, Any]:
    schema = model.schema
    known, rows = all_x(train, BASELINE_ROWS), all_x(test, BASELINE_ROWS)
    figures: dict[str, Any] = {"pca": None, "mean": None}
    if encodes(model.module):  # else nothing is rebuilt that could be compared
        components = _components(model, active)
        figures["pca"] = {"rmse": _pca(model, known, rows, components), "components": components}
        errors = mean_predictor(_own(model, known), _own(model, rows))
        figures["mean"] = {"rmse": errors.as_dict()}
    factor = (schema.levels or 2) - 1 if schema.kind == "levels" else 1
    floor = list(schema.resolution) or 1e-3
    factorised = FactorisedBaseline(
        schema.kind, schema.levels, floor if schema.kind == "real" else 1e-3
    )
    factorised.fit((known * factor).round() if factor > 1 else known)
    nats = factorised.nats((rows * factor).round() if factor > 1 else rows) - schema.log_jacobian()
    nll = Estimate.of(nats)
    figures["factorised"] = {
        "nll": nll.as_dict(),
        "bits_per_dim": bits_per_dim(nll.mean, numel(schema.shape)),
    }
    return figures


def _components(model: Model, active: int | None) -> int:
    """Those of a PCA of the same size; of the size in use where all of them would be exact."""
    width = numel(model.schema.shape)
    return model.latent if model.latent < width else max(1, min(active or width, width))


def _pca(model: Model, known: Tensor, rows: Tensor, components: int) -> dict[str, Any]:
    baseline = PCABaseline(components).fit(_own(model, known))
    error = baseline.error(_own(model, rows))
    return error.as_dict()
