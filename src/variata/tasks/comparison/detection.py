"""How well a model tells rows of the data from rows that no one has seen."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from variata.data import Examples
from variata.metrics import probability_less
from variata.models import encodes
from variata.shapes import numel
from variata.tasks.comparison.figures import Figures, over_rows
from variata.tasks.model import Array, Model
from variata.tasks.passes import log_likelihood
from variata.tasks.samples import all_x


def detection(model: Model, test: Examples, known: Tensor | None, k: int, seed: int) -> Figures:
    """The area under the ROC curve of test rows against chimeras made of them, by two scores.

    They are -log p(x), "detection", and the squared error of the reconstruction,
    "detection_by_error", where a model knows them. Data of one element makes no chimeras; of scores
    that are not finite there is no figure.

    Args:
        known: log p(x) of the test rows (N,), nats in model space; None without a likelihood.
        k, seed: of the draws that they were taken by.
    """
    if numel(test.schema.shape) < 2 or len(test) < 2:
        return {}
    x = all_x(test, len(test))
    made = test.schema.decode(chimeras(x), round=True)
    scores: dict[str, tuple[Array, Array]] = {}
    if known is not None:
        likely = log_likelihood(model.module, model.examples(made), k, seed)
        scores["detection"] = -known.numpy(), -likely.numpy()
    if encodes(model.module):
        rows = test.schema.decode(x, round=True)
        scores["detection_by_error"] = _errors(model, rows), _errors(model, made)
    return {
        name: over_rows(probability_less(usual, unusual))
        for name, (usual, unusual) in scores.items()
        if np.isfinite(usual).all() and np.isfinite(unusual).all()
    }


def chimeras(x: Tensor, seed: int = 0) -> Tensor:
    """Rows (N, *X), half of each replaced by that of another row.

    Of images (C, H, W) it is the lower half; of others, and of images of height 1, a half of the
    elements, the same in all rows.
    Each part is as in the data; only that they stand together is new.

    >>> chimeras(torch.tensor([[1.0, 1.0], [2.0, 2.0]])).sum(1)
    tensor([3., 3.])
    """
    other = x.roll(1, 0)
    if x.ndim == 4 and x.shape[2] > 1:
        height = x.shape[2] // 2
        return torch.cat([x[:, :, :height], other[:, :, height:]], 2)
    width = numel(tuple(x.shape[1:]))
    mixed = torch.randperm(width, generator=torch.Generator().manual_seed(seed))[: width // 2]
    made = x.flatten(1).clone()
    made[:, mixed] = other.flatten(1)[:, mixed]
    return made.reshape(x.shape)


def _errors(model: Model, values: Array) -> Array:
    """Squared errors of reconstructions, (N,)."""
    real = model.schema.kind == "real" and model.schema.layout == "vector"
    scale = np.asarray(model.schema.scale) if real else 1.0  # columns have units of their own
    apart = np.asarray(values, dtype=np.float64) - model.reconstruct(values)
    return ((apart.reshape(len(apart), -1) / scale) ** 2).sum(1)
