"""What suits a kind of network: how fast it learns, how much it is shown, in what batches."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from variata.nn import SkippingDecoder

WIDE = 3_000_000  # parameters


@dataclass(frozen=True)
class Habits:
    """Defaults of a training that follow from the network.

    Attributes:
        lr: highest learning rate.
        examples: shown by a run whose length nobody chose.
        largest_batch: automatic batches are no larger.
    """

    lr: float
    examples: int
    largest_batch: int


PLAIN = Habits(4e-3, 1_000_000, 256)
LINEAR = Habits(2e-3, 1_000_000, 256)  # a good start is lost at a higher rate
HEAVY = Habits(2e-3, 150_000, 128)  # at 4e-3 convolutional networks diverged
GENERATOR = Habits(1e-3, 600_000, 64)  # the rate and batch that gan was tried with
DENSITY = Habits(2e-3, 300_000, 32)  # convolutions over x itself: more steps help more than rows


def habits_of(model: nn.Module) -> Habits:
    """The defaults for a network: heavy ones take long over each example.

    >>> habits_of(nn.Linear(2, 2)) is PLAIN, habits_of(nn.Conv2d(1, 1, 3)) is HEAVY
    (True, True)
    """
    levels = getattr(model, "levels", None)
    if levels is not None and not len(levels) and has_convolutions(model):
        return DENSITY
    if levels and all(level.posterior is None for level in levels):
        return GENERATOR
    if has_convolutions(model) or sum(p.numel() for p in model.parameters()) > WIDE:
        return HEAVY
    linear = any(isinstance(module, SkippingDecoder) for module in model.modules())
    return LINEAR if linear else PLAIN


def has_convolutions(model: nn.Module) -> bool:
    """Whether a network convolves.

    >>> has_convolutions(nn.Sequential(nn.Conv2d(1, 1, 3)))
    True
    """
    return any(isinstance(module, nn.Conv2d) for module in model.modules())
