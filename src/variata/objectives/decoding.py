"""What a model makes of other latents than those of its trace."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from variata.models import LatentModel, Trace
from variata.shapes import spread


def decoded(model: LatentModel, trace: Trace, z: Tensor) -> Any:
    """p(x | z) at latents (K, B, *Z) for the rows of a trace, of a model with one level."""
    level: Any = model.levels[-1]
    c = None if trace.batch is None else trace.batch.c
    above = None if c is None else spread(c, len(z))
    return model.decoder(level.merge(above, z))
