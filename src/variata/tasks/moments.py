"""What a pass says of the latents of every row, those of several levels side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from variata.models import Stage


def means(stages: Sequence[Stage]) -> Tensor:
    """The latents that were drawn, (B, latent); means, where the draw was `draw_mean`."""
    return torch.cat([stage.z[0].flatten(1) for stage in stages], -1)


def scales(stages: Sequence[Stage]) -> Tensor:
    """Standard deviations of the posteriors, (B, latent)."""
    posteriors: list[Any] = [stage.q for stage in stages]
    pairs = zip(stages, posteriors, strict=True)
    each = [q.variance.sqrt().expand(s.z.shape)[0].flatten(1) for s, q in pairs]
    return torch.cat(each, -1)
