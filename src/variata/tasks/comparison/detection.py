"""How well a model tells rows of the data from rows that no one has seen."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from variata.data import Examples
from variata.metrics import probability_less
from variata.shapes import numel
from variata.tasks.comparison.figures import Figures
from variata.tasks.model import Array, Model
from variata.tasks.samples import all_x


def detection(model: Model, test: Examples, by_likelihood: bool, k: int) -> Figures:
    """The area under the ROC curve of test rows against chimeras made of them.

    Scores are -log p(x), or the squared error of the reconstruction where there is no likelihood.
    Data of one element makes no chimeras.
    """
    if numel(test.schema.shape) < 2 or len(test) < 2:
        return {}
    x = all_x(test, len(test))
    usual, unusual = (
        _scores(model, test.schema.decode(rows, round=True), by_likelihood, k)
        for rows in (x, chimeras(x))
    )
    return {"detection": probability_less(usual, unusual).as_dict()}


def chimeras(x: Tensor, seed: int = 0) -> Tensor:
    """Rows (N, *X), half of each replaced by that of another row.

    Of images (C, H, W) it is the lower half; else a half of the elements, the same in all rows.
    Each part is as in the data; only that they stand together is new.

    >>> chimeras(torch.tensor([[1.0, 1.0], [2.0, 2.0]])).sum(1)
    tensor([3., 3.])
    """
    other = x.roll(1, 0)
    if x.ndim == 4:
        height = x.shape[2] // 2
        return torch.cat([x[:, :, :height], other[:, :, height:]], 2)
    width = numel(tuple(x.shape[1:]))
    mixed = torch.randperm(width, generator=torch.Generator().manual_seed(seed))[: width // 2]
    made = x.flatten(1).clone()
    made[:, mixed] = other.flatten(1)[:, mixed]
    return made.reshape(x.shape)


def _scores(model: Model, values: Array, by_likelihood: bool, k: int) -> Array:
    if by_likelihood:
        return -model.score(values, k=k)
    real = model.schema.kind == "real" and model.schema.layout == "vector"
    scale = np.asarray(model.schema.scale) if real else 1.0  # columns have units of their own
    apart = np.asarray(values, dtype=np.float64) - model.reconstruct(values)
    return ((apart.reshape(len(apart), -1) / scale) ** 2).sum(1)
