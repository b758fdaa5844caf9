"""Classes of rows, by a model whose first latent is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.data import Examples
from variata.metrics import Estimate
from variata.shapes import draw_mean
from variata.tasks.abilities import require_encoder
from variata.tasks.bulk import read
from variata.tasks.class_names import class_names, require_classes
from variata.tasks.collect import Array, Keep, collected
from variata.tasks.model import Model


@dataclass(frozen=True)
class Classes:
    """What `classify` has found.

    Attributes:
        probabilities: q(y | x), (N, C).
        names: of the classes.
        accuracy: share of rows with a known label whose class is right; None without labels.
    """

    probabilities: Array
    names: tuple[str, ...]
    accuracy: Estimate | None

    @property
    def labels(self) -> list[str]:
        """The name of the most probable class of every row."""
        return [self.names[i] for i in self.probabilities.argmax(1)]


def classify(model: Model, data: Any, *, condition: Any = None) -> Classes:
    """The classes of rows, with their probabilities, by q(y | x).

    Args:
        model: whose first latent is a class, such as `m2`.
        data: rows, whose labels, where known, serve to measure the accuracy alone.
        condition: of the rows, for a model with one.

    Raises:
        NoDensityError: for a model without classes.

    >>> from variata import fit
    >>> model = fit("digits", "m2", latent=2, hidden=(8,), epochs=1, labels=50)
    >>> classify(model, "digits").probabilities.shape
    (1797, 10)
    """
    require_encoder(model.recipe, model.module, "classify")
    require_classes(model)
    examples = model.examples(data, condition)

    def work(batch: Batch) -> Array:
        q: Any = model.module.infer(batch, how=draw_mean)[0].q
        return q.probs.reshape(len(batch), -1).cpu().numpy()

    def make(keep: Keep) -> None:
        read(model.module, examples, work, keep)

    probabilities = collected(len(examples), make, None, model.watch)
    names = class_names(model, probabilities.shape[1])
    return Classes(probabilities, names, accuracy(probabilities, labels_in(model, examples)))


def labels_in(model: Model, examples: Examples) -> Tensor | None:
    """The labels of rows, -1 where unknown; None where there are none."""
    known = examples.labels
    return None if known is None or not bool((known >= 0).any()) else known


def accuracy(probabilities: Array, labels: Tensor | None) -> Estimate | None:
    """Of the most probable classes, over the rows whose label is known."""
    if labels is None:
        return None
    y = labels.cpu().numpy()
    right = probabilities.argmax(1)[y >= 0] == y[y >= 0]
    return Estimate.of(torch.as_tensor(right, dtype=torch.float64))
