"""Figures of different kinds on one scale, by what they are for normal rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

UPPER = 0.9  # quantile of normal rows that is one unit above their median
LEAST = 1e-9  # of a unit, where all figures are equal


@dataclass(frozen=True)
class Calibration:
    """Where normal rows lie: their median, and how far above it their upper tenth begins."""

    median: float
    unit: float

    @classmethod
    def of(cls, normal: Tensor) -> Calibration:
        """Calibrate by figures of rows that are held to be normal, (N,).

        >>> Calibration.of(torch.arange(11.0))
        Calibration(median=5.0, unit=4.0)
        """
        median, upper = torch.quantile(normal, torch.tensor([0.5, UPPER], dtype=normal.dtype))
        unit = float(upper - median) or float(normal.std(correction=0))
        return cls(float(median), max(unit, LEAST))

    def __call__(self, figures: Tensor) -> Tensor:
        """sign(u) log(1 + |u|) of u = (figures - median) / unit: 0 is usual, log 2 the upper tenth.

        The logarithm keeps one extreme part from silencing the others.

        >>> Calibration(5.0, 4.0)(torch.tensor([5.0, 9.0]))
        tensor([0.0000, 0.6931])
        """
        units = (figures - self.median) / self.unit
        return units.sign() * units.abs().log1p()
