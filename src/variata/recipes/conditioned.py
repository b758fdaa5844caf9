"""Any level under a condition."""

from __future__ import annotations

from variata.conditionals import ConditionedPosterior, JoinCondition
from variata.models import Level
from variata.recipes.parts import Parts


def conditioned(parts: Parts, level: Level, features: int, above: int = 0) -> Level:
    """A level as it is, or where there is a condition c, with c for the posterior and further down.

    Its prior knows nothing of c, but for one of codes (`code_prior`).

    Args:
        features: width of what the posterior reads; 0 where it shall not know c.
        above: width of what the levels above leave to it.
    """
    if parts.context is None or level.posterior is None:
        return level
    posterior = ConditionedPosterior(level.posterior, features, parts.context, above=above)
    return Level(level.prior, posterior, JoinCondition(parts.context, above, level.merge))
