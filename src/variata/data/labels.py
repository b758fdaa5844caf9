"""Labels that come one after another, and whether they can be learnt from."""

from __future__ import annotations

import math
from array import array
from typing import Any

import numpy as np
from torch import Tensor

from variata.data.source import encode_labels


def has_classes(labels: Tensor | None) -> bool:
    """Whether there are labels (N,) of two classes or more; negative ones are unknown.

    >>> import torch
    >>> has_classes(torch.tensor([0, 1, -1])), has_classes(torch.tensor([1, 1, -1]))
    (True, False)
    """
    return labels is not None and len(labels[labels >= 0].unique()) > 1


class Labels:
    """Labels in the making: each takes 8 bytes, and each distinct one is held once.

    >>> labels = Labels()
    >>> for label in ("cat", "dog", "", "cat"): labels.add(label)
    >>> labels.encoded()
    (array([ 0,  1, -1,  0]), ('cat', 'dog'))
    """

    def __init__(self) -> None:
        self.places: dict[Any, int] = {}
        self.found = array("q")

    def add(self, label: Any) -> None:
        """Take in the label of the next row; empty text and None are unknown."""
        self.found.append(self.places.setdefault(label, len(self.places)))

    def encoded(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return what `encode_labels` makes of them all."""
        numbers = all(label is None or isinstance(label, (int, float)) for label in self.places)
        unknown = math.nan if numbers else ""
        distinct = [unknown if label is None else label for label in self.places]
        codes, names = encode_labels(np.asarray(distinct), len(distinct))
        return codes[np.array(self.found)], names
