"""Whether samples show every class of the data, and in its share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SMALL = 0.02  # share of the data: smaller classes are missed by chance, if there are larger ones
PRESENT = 0.25  # of its share in the data: a class that is rarer among samples is missing


@dataclass(frozen=True)
class Modes:
    """Which classes samples show; no units.

    Attributes:
        covered: classes whose share among the samples is at least a quarter of that in the data.
        classes: of the data; left out are those whose share is below 2 %, and below half of an even
            share of the classes that are present.
        distance: total variation between the shares of all classes, 0 to 1.
    """

    covered: int
    classes: int
    distance: float


def mode_coverage(of_data: Tensor, of_samples: Tensor) -> Modes:
    """Compare classes of data (N,) and of samples (M,), whole numbers from 0, told alike.

    >>> mode_coverage(torch.tensor([0, 0, 1, 1]), torch.tensor([1, 1, 1, 1]))
    Modes(covered=1, classes=2, distance=0.5)
    """
    count = 1 + int(torch.cat([of_data, of_samples]).max())
    data, samples = (
        torch.bincount(classes, minlength=count).double() / len(classes)
        for classes in (of_data, of_samples)
    )
    counted = data >= min(SMALL, 0.5 / int((data > 0).sum()))
    return Modes(
        covered=int((samples >= PRESENT * data)[counted].sum()),
        classes=int(counted.sum()),
        distance=float((data - samples).abs().sum()) / 2,
    )
