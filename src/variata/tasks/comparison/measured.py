"""Everything that is measured of one trained model."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from variata.data import Examples, Splits
from variata.data.labels import has_classes
from variata.doctor.clusters import clusters, nearest
from variata.errors import DataError, NoDensityError
from variata.metrics import (
    Estimate,
    FeatureNet,
    Features,
    bits_per_dim,
    classifier_test,
    mode_coverage,
    read_out,
)
from variata.models import LatentModel, decodes, likelihood_of
from variata.shapes import numel
from variata.tasks.abilities import reads_values
from variata.tasks.codes import exact
from variata.tasks.comparison.abilities import abilities, parameters
from variata.tasks.comparison.costs import training_costs, validation_curve
from variata.tasks.comparison.detection import detection
from variata.tasks.comparison.figures import Figures, over_rows, plain
from variata.tasks.comparison.file_size import bits_in_file
from variata.tasks.comparison.job import ESTIMATED, Job
from variata.tasks.evaluate import SAMPLE_ROWS, reconstruction_error
from variata.tasks.model import Model
from variata.tasks.passes import log_likelihood, measured_rows
from variata.tasks.probe import labels_of, scaled, weights_of, with_labels
from variata.tasks.samples import Judged, draw_samples, features_for
from variata.tasks.show import some
from variata.tasks.source import reopened

SHOWN, SHOWN_POINTS = 24, 500  # samples of a picture: images, and rows of anything else
SAMPLES, MEANS = "samples.npy", "means.npy"
PROBED = 5_000  # training rows that a probe learns from


def measured(model: Model, job: Job) -> dict[str, Any]:
    """All figures of a model on its test rows, by name; what has no meaning for it, or is not
    finite, is left out.

    Returns:
        "figures" (each with "mean" and "se" over rows, where it is a mean over rows), "likelihood"
        (what `nll` is: exact, bound, estimated or none), "abilities" and "curve" (-ELBO
        or -log p(x) of validation rows against seconds).
    """
    splits, able = reopened(model.saved.about["data"]), abilities(model)
    test, seed = some(splits.test, job.rows), model.saved.about["settings"]["seed"]
    k = draws(model.module, job.k)
    some_test = measured_rows(model.module, test, ESTIMATED)
    kind, known = _likelihood(model, some_test, k, seed)
    figures = {} if known is None else _nll(model, known)
    if known is None:
        able["likelihood"] = False
    if able["generate"]:
        figures |= _samples(model, job, splits, test, seed)
    if able["encode"]:
        figures |= _reconstruction(model, test) | _probe(model, splits, test, seed)
    figures |= detection(model, some_test, known, k, seed)
    coded = bits_in_file(model, test) if able["likelihood"] else {}
    figures |= coded or {}
    costs = training_costs(model.history, model.saved.about["training"])
    costs["parameters"] = parameters(model.module)
    figures |= {name: plain(value) for name, value in costs.items() if value is not None}
    latents = bool(model.module.levels)
    curve = [] if known is None else validation_curve(model.history, latents)
    if coded is not None:  # else nobody knows
        able["compress"] = bool(coded)
    return {"figures": figures, "likelihood": kind, "abilities": able, "curve": curve}


def draws(module: LatentModel, most: int) -> int:
    """Draws of the bound of a likelihood."""
    return 1 if exact(module) else max(1, most // 4) if reads_values(module) else most


def _likelihood(model: Model, test: Examples, k: int, seed: int) -> tuple[str, Tensor | None]:
    """What is known of log p(x), and its values (N,), nats in model space."""
    kind = likelihood_of(model.module)
    try:
        found = None if kind == "none" else log_likelihood(model.module, test, k, seed)
    except NoDensityError:
        found = None
    if found is None or not found.isfinite().all():
        return "none", None
    return kind, found


def _nll(model: Model, found: Tensor) -> Figures:
    """-log p(x) in own units, nats per example, and in bits for each value."""
    nll = Estimate.of(-(found + model.schema.log_jacobian()))
    width = numel(model.schema.shape)
    bits = Estimate(bits_per_dim(nll.mean, width), bits_per_dim(nll.se, width))
    return {"nll": over_rows(nll), "bits_per_dim": over_rows(bits)}


def _samples(model: Model, job: Job, splits: Splits, test: Examples, seed: int) -> Figures:
    """How near as many samples as test rows come to them, and how long one took."""
    _write_shown(model, job, seed)
    if len(test) < SAMPLE_ROWS:
        return {}
    began = time.monotonic()
    fake = draw_samples(model.module, len(test), seed)
    milliseconds = 1_000 * (time.monotonic() - began) / len(fake)
    if not fake.isfinite().all():
        return {}
    features = features_for(model.saved.about["data"], splits.train, job.features)
    sets = Judged(features, fake, splits.train, test, seed)
    if not sets.samples.isfinite().all():
        return {}
    found = sets.figures()
    of_data, of_samples = classes_told(features, sets)
    modes = mode_coverage(of_data, of_samples)
    shares = ("frechet", "precision", "recall", "density", "coverage")
    return {
        **{share: plain(found[share]) for share in shares},
        "nearer_to_training_rows": found["nearer_to_training_rows"],
        "closer_than_test_rows": found["closer_than_test_rows"],
        "told_apart": plain(classifier_test(sets.test, sets.samples, seed).statistic),
        "classes_covered": plain(modes.covered / modes.classes),
        "class_distance": plain(modes.distance),
        "ms_per_sample": plain(milliseconds),
    }


def classes_told(features: Features, sets: Judged) -> tuple[Tensor, Tensor]:
    """Classes of test rows and of samples: our classifier's, or clusters of the training rows."""
    if isinstance(features.net, FeatureNet):
        head = features.net.head
        with torch.no_grad():
            return head(sets.test).argmax(1), head(sets.samples).argmax(1)
    centres = clusters(sets.train[: len(sets.test)])
    return nearest(sets.test, centres), nearest(sets.samples, centres)


def _reconstruction(model: Model, test: Examples) -> Figures:
    """The RMS error of reconstructions, in own units."""
    try:
        return {"reconstruction": over_rows(reconstruction_error(model, test))}
    except DataError:  # they are not finite
        return {}


def _probe(model: Model, splits: Splits, test: Examples, seed: int) -> Figures:
    """What a linear classifier reads from latents, which count by what they do, as for `probe`;
    nothing without labels of two classes."""
    known = some(splits.train, PROBED)
    if not has_classes(known.labels) or not has_classes(test.labels):
        return {}
    known, judged = with_labels(known), with_labels(test)
    latents, of_judged = model.encode(known), model.encode(judged)
    weights = weights_of(model, known, latents)
    x, others = scaled(latents * weights, of_judged * weights)
    if not (np.isfinite(x).all() and np.isfinite(others).all()):
        return {}
    return {"probe": over_rows(read_out(x, labels_of(known), others, labels_of(judged), seed))}


def _write_shown(model: Model, job: Job, seed: int) -> None:
    """Samples and means of p(x | z) for the same latents, for pictures, in own units."""
    images = model.schema.layout == "image"
    kinds = {SAMPLES: False} | ({MEANS: True} if images and decodes(model.module) else {})
    for file, mean in kinds.items():
        values = model.sample(SHOWN if images else SHOWN_POINTS, seed=seed, mean=mean)
        if np.isfinite(values).all():
            np.save(job.folder / file, values, allow_pickle=False)
