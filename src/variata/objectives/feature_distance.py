"""How far reconstructions are from examples in the features of a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from variata.models import LatentModel, Trace
from variata.schedules import Moment


@dataclass(frozen=True)
class FeatureDistance:
    """|f(x) - f(y)|^2 / 2, (K, B), where y is the reconstruction, p(x | z)'s best single value.

    The nats of f(x) under N(f(y), I), less their constant. The gradient reaches the model through
    y; the network of the features learns nothing from it.

    Attributes:
        features: images (N, C, H, W) -> (N, F).
        unsteady: whether they are those of a player, which change as it learns.

    References:
        Deep Feature Consistent Variational Autoencoder (Hou et al., 2016), arXiv:1610.00291
        Autoencoding beyond Pixels Using a Learned Similarity Metric (Larsen et al., 2016),
        arXiv:1512.09300
    """

    features: Callable[[Tensor], Tensor]
    unsteady: bool = False

    def __call__(self, model: LatentModel, trace: Trace, moment: Moment) -> Tensor:
        likelihood: Any = trace.likelihood
        made: Tensor = likelihood.point()
        with torch.no_grad():
            wanted = self.features(trace.observed.x)
        found = self.features(made.flatten(0, 1)).unflatten(0, made.shape[:2])
        return 0.5 * (found - wanted).square().sum(-1)
