"""Everything that is measured of one trained model."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from variata.data import Examples, Splits
from variata.doctor.clusters import clusters, nearest
from variata.errors import NoDensityError
from variata.metrics import (
    Estimate,
    FeatureNet,
    Features,
    bits_per_dim,
    mode_coverage,
    probe_accuracy,
    two_sample_test,
)
from variata.models import decodes, likelihood_of
from variata.shapes import numel
from variata.tasks.comparison.abilities import abilities, parameters
from variata.tasks.comparison.costs import training_costs, validation_curve
from variata.tasks.comparison.detection import detection
from variata.tasks.comparison.figures import Figures, plain
from variata.tasks.comparison.file_size import bits_in_file
from variata.tasks.comparison.job import Job
from variata.tasks.evaluate import SAMPLE_ROWS, reconstruction_error
from variata.tasks.model import Model
from variata.tasks.passes import log_likelihood
from variata.tasks.samples import Judged, draw_samples, features_for
from variata.tasks.show import some
from variata.tasks.source import reopened

SHOWN, SHOWN_POINTS = 24, 500  # samples of a picture: images, and rows of anything else
SAMPLES, MEANS = "samples.npy", "means.npy"
PROBED = 5_000  # training rows that a probe learns from


def measured(model: Model, job: Job) -> dict[str, Any]:
    """All figures of a model on its test rows, by name; what has no meaning for it is left out.

    Returns:
        "figures" (each with "mean" and "se" over rows, where it is a mean over rows), "likelihood"
        (what `nll` is: exact, bound, estimated or none), "abilities" and "curve" (-ELBO of
        validation rows against seconds).
    """
    splits, able = reopened(model.saved.about["data"]), abilities(model)
    test, seed = some(splits.test, job.rows), model.saved.about["settings"]["seed"]
    kind, figures = _likelihood(model, test, job.k, seed)
    if kind == "none":
        able = able | {"likelihood": False, "compress": False, "detect": able["encode"]}
    if able["generate"]:
        figures |= _samples(model, job, splits, test, seed)
    if able["encode"]:
        figures["reconstruction"] = reconstruction_error(model, test).as_dict()
        figures |= _probe(model, splits, test)
    if able["detect"]:
        figures |= detection(model, test, able["likelihood"], job.k)
    if able["compress"]:
        figures |= bits_in_file(model, test)
    costs = training_costs(model.history, model.saved.about["training"])
    costs["parameters"] = parameters(model.module)
    figures |= {name: plain(value) for name, value in costs.items()}
    known = {name: value for name, value in figures.items() if value["mean"] is not None}
    curve = validation_curve(model.history) if kind != "none" else []
    return {"figures": known, "likelihood": kind, "abilities": able, "curve": curve}


def _likelihood(model: Model, test: Examples, k: int, seed: int) -> tuple[str, Figures]:
    """What is known of log p(x), and -log p(x) in own units, nats per example."""
    kind = likelihood_of(model.module)
    try:
        found = None if kind == "none" else log_likelihood(model.module, test, k, seed)
    except NoDensityError:
        found = None
    if found is None or not found.isfinite().all():
        return "none", {}
    nll = Estimate.of(-(found + model.schema.log_jacobian()))
    width = numel(model.schema.shape)
    bits = Estimate(bits_per_dim(nll.mean, width), bits_per_dim(nll.se, width))
    return kind, {"nll": nll.as_dict(), "bits_per_dim": bits.as_dict()}


def _samples(model: Model, job: Job, splits: Splits, test: Examples, seed: int) -> Figures:
    """How near as many samples as test rows come to them, and how long one took."""
    _write_shown(model, job, seed)
    if len(test) < SAMPLE_ROWS:
        return {}
    began = time.monotonic()
    fake = draw_samples(model.module, len(test), seed)
    milliseconds = 1_000 * (time.monotonic() - began) / len(fake)
    name = model.saved.about["data"]["name"]
    features = features_for(name, splits.train, job.features)
    sets = Judged(features, fake, splits.train, test, seed)
    found = sets.figures()
    of_data, of_samples = classes_told(features, sets)
    modes = mode_coverage(of_data, of_samples)
    shares = ("frechet", "frechet_of_training_rows", "precision", "recall", "density", "coverage")
    return {
        **{share: plain(found[share]) for share in shares},
        "nearer_to_training_rows": found["nearer_to_training_rows"],
        "closer_than_test_rows": found["closer_than_test_rows"],
        "two_sample": two_sample_test(sets.test, sets.samples, seed).as_dict(),
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
    centres = clusters(sets.train)
    return nearest(sets.test, centres), nearest(sets.samples, centres)


def _probe(model: Model, splits: Splits, test: Examples) -> Figures:
    """What a linear classifier reads from latents; nothing without labels of two classes."""
    known = some(splits.train, PROBED)
    labels, truth = known.labels, test.labels
    if labels is None or truth is None:
        return {}
    if len(labels[labels >= 0].unique()) < 2 or not (truth >= 0).any():
        return {}
    found = probe_accuracy(model.encode(known), labels, model.encode(test), truth)
    return {"probe": found.as_dict()}


def _write_shown(model: Model, job: Job, seed: int) -> None:
    """Samples and means of p(x | z) for the same latents, for pictures, in own units."""
    count = SHOWN if model.schema.layout == "image" else SHOWN_POINTS
    np.save(job.folder / SAMPLES, model.sample(count, seed=seed), allow_pickle=False)
    if model.schema.layout == "image" and decodes(model.module):
        means = model.sample(count, seed=seed, mean=True)
        np.save(job.folder / MEANS, means, allow_pickle=False)
