"""A term that must also learn: a critic, with a loss of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from variata.models import LatentModel, Trace
from variata.schedules import Moment


class Player(nn.Module, ABC):
    """A term with parameters, trained beside the model by a loss of its own.

    Called like any term, it tells what the model pays; `loss` is what the player pays. Each feels
    its own loss alone. The player's parameters are no part of the model that is saved.

    Attributes:
        pace: learning rate, as a share of the model's.
        momentum: of its steps and, beside it, of the model's.
        unsteady: its values at different times cannot be compared, since it learns.
        latest: whether training ends with the last weights, and never early, since what the player
            asks for is what the other terms are worse for.
    """

    pace: float = 1.0
    momentum: float = 0.9
    unsteady: bool = True
    latest: bool = False

    @abstractmethod
    def forward(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        """What the model pays, (K, B) or (B,), nats."""

    @abstractmethod
    def loss(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        """What the player pays, (K, B) or (B,), nats."""
