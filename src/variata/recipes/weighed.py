"""What recipes with a distortion and further weighted terms share."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge

from variata.models import LatentModel
from variata.objectives import Distortion, Objective, Term
from variata.recipes.catalogue import Composition
from variata.schedules import constant, warm_up
from variata.training import Phase

Weight = Annotated[float, Ge(0)]


def weighed(
    model: LatentModel, warm_up_share: float = 0.0, **terms: tuple[float, Term]
) -> Composition:
    """Distortion plus terms by name, whose weights rise together over a share of the training."""
    rising = {n: (warm_up(warm_up_share, weight), term) for n, (weight, term) in terms.items()}
    objective = Objective(1, distortion=(constant(1), Distortion()), **rising)
    return Composition(model, [Phase(objective)])
