"""One model, calibrated on normal rows: scores of other rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from variata.data import Examples
from variata.shapes import numel
from variata.tasks.detection.calibration import Calibration
from variata.tasks.detection.evidence import Evidence, evidence, improbability
from variata.tasks.detection.local import Latents, surprise
from variata.tasks.detection.parts import Reference, parts
from variata.tasks.detection.surprise import Surprise
from variata.tasks.detection.tails import Tails
from variata.tasks.model import Model
from variata.tasks.show import some

WEIGHTS = {"neighbours": 4.0, "crowd": 2.0, "error": 1.0, "likelihood": 1.0}
ADDING = {"error", "likelihood"}  # which count only where they are worse than usual
RANKED = 500  # held-out rows whose elements are ranked for explanations, at most


@dataclass(frozen=True)
class Judge:
    """A model that scores rows.

    Attributes:
        model: in double precision, so that what is beside a row does not change its score.
        reference: what is known of normal rows, for distances.
        latents: how their latents are distributed, for explanations.
        calibrations: of every part, by rows that the model has not learned from.
        held: the scores of these rows, (N,).
        ranked: some of these rows.
    """

    model: Model
    reference: Reference
    latents: Latents
    calibrations: dict[str, Calibration]
    held: Tensor
    ranked: Examples

    @classmethod
    def of(cls, model: Model, learned: Examples, held: Examples) -> Judge:
        """Calibrate a model.

        Args:
            learned: normal rows that it has learned from.
            held: normal rows that it has not. Their neighbours are among the former; those of
                other rows among both.
        """
        near, others = evidence(model.module, learned), evidence(model.module, held)
        found = _parts(model, held, others, Reference.of(near))
        calibrations = {name: Calibration.of(value) for name, value in found.items()}
        scores = combined({name: calibrations[name](value) for name, value in found.items()})
        known = near.joined(others)
        references = Reference.of(known), Latents.of(known)
        return cls(model, *references, calibrations, scores, some(held, RANKED))

    def parts(self, examples: Examples) -> dict[str, Tensor]:
        """The calibrated parts of rows, (N,) each."""
        said = evidence(self.model.module, examples)
        found = _parts(self.model, examples, said, self.reference)
        return {name: self.calibrations[name](value) for name, value in found.items()}

    def score(self, examples: Examples) -> Tensor:
        """The score of rows, (N,)."""
        return combined(self.parts(examples))

    def surprise(self, examples: Examples) -> Surprise:
        """Every element of rows, given the others."""
        return surprise(self.model, examples, self.latents)

    @cached_property
    def tails(self) -> Tails:
        """What elements of normal rows are given the others; computed when first asked for."""
        return Tails.of(self.surprise(self.ranked).left)


def combined(parts: dict[str, Tensor]) -> Tensor:
    """The weighted mean of the parts that there are, (N,).

    Error and likelihood only add to what the distances say: dull images are easily told and
    highly probable, whatever they show, and no more usual for that.

    Reference:
        Do Deep Generative Models Know What They Don't Know? (Nalisnick et al., 2018),
        arXiv:1810.09136

    >>> combined({"neighbours": torch.tensor([3.0, 3.0]), "error": torch.tensor([0.5, -9.0])})
    tensor([2.5000, 2.4000])
    """
    total = sum(WEIGHTS[name] for name in parts)
    added = {n: v.clamp_min(0) if n in ADDING else v for n, v in parts.items()}
    return torch.stack([WEIGHTS[name] / total * value for name, value in added.items()]).sum(0)


def _parts(
    model: Model, examples: Examples, said: Evidence, reference: Reference
) -> dict[str, Tensor]:
    improbable = improbability(model.module, examples)
    return parts(said, improbable, reference, numel(model.schema.shape))
