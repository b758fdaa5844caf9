"""One model, calibrated on normal rows: scores of other rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from variata.data import Examples
from variata.tasks.detection.calibration import Calibration
from variata.tasks.detection.evidence import evidence
from variata.tasks.detection.local import Latents
from variata.tasks.detection.parts import WEIGHTS, Reference, parts
from variata.tasks.model import Model


@dataclass(frozen=True)
class Judge:
    """A model that scores rows.

    Attributes:
        model: in double precision, so that what is beside a row does not change its score.
        reference: latents of normal rows, for distances.
        latents: the same, for what is usual around a row.
        calibrations: of every part, by rows that the model has not learned from.
        held: the scores of these rows.
    """

    model: Model
    reference: Reference
    latents: Latents
    calibrations: dict[str, Calibration]
    held: Tensor

    @classmethod
    def of(cls, model: Model, learned: Examples, held: Examples) -> Judge:
        """Calibrate a model.

        Args:
            learned: normal rows that it has learned from.
            held: normal rows that it has not. Their neighbours are among the former; those of
                other rows among both.
        """
        near, others = evidence(model.module, learned), evidence(model.module, held)
        found = parts(others, Reference.of(near.z, near.scale))
        calibrations = {name: Calibration.of(value) for name, value in found.items()}
        z, scale = torch.cat([near.z, others.z]), torch.cat([near.scale, others.scale])
        held_scores = combined(_calibrated(found, calibrations))
        return cls(model, Reference.of(z, scale), Latents.of(z, scale), calibrations, held_scores)

    def parts(self, examples: Examples) -> dict[str, Tensor]:
        """The calibrated parts of rows, (N,) each."""
        found = parts(evidence(self.model.module, examples), self.reference)
        return _calibrated(found, self.calibrations)

    def score(self, examples: Examples) -> Tensor:
        """The score of rows, (N,)."""
        return combined(self.parts(examples))


def combined(parts: dict[str, Tensor]) -> Tensor:
    """The weighted mean of the parts that there are, (N,).

    >>> combined({"neighbours": torch.tensor([3.0]), "error": torch.tensor([0.5])})
    tensor([2.5000])
    """
    total = sum(WEIGHTS[name] for name in parts)
    return torch.stack([WEIGHTS[name] / total * value for name, value in parts.items()]).sum(0)


def _calibrated(found: dict[str, Tensor], by: dict[str, Calibration]) -> dict[str, Tensor]:
    return {name: by[name](value) for name, value in found.items()}
