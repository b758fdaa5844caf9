"""Autoencoders that are regularised instead of noisy."""

from __future__ import annotations

from typing import Literal

from variata.errors import UsageError
from variata.objectives import CodeNorm, DecoderNorm, Roughness
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.gaussian import point_model
from variata.recipes.parts import Parts
from variata.recipes.weighed import Weight, weighed

WEIGHTS = {"l2": 1e-3, "gp": 1e-2}


@recipe
def rae(
    parts: Parts,
    penalty: Literal["l2", "gp"] = "l2",
    code_weight: Weight = 0.1,
    decoder_weight: Weight | None = None,
) -> Composition:
    """The regularised autoencoder: no noise, but small codes and a smooth decoder.

    Minimises distortion + code_weight |z|^2 / 2 + decoder_weight R(decoder), where R is the sum of
    squares of its weights ("l2") or the squared norm of its Jacobian ("gp"). It has no rate and no
    bound. To sample from it, fit a prior to its codes: `variata refit-prior RUN`.

    Args:
        penalty: what keeps the decoder smooth.
        code_weight: of half the squared norm of the codes.
        decoder_weight: of the penalty; by default one that suits it.

    Raises:
        UsageError: for the Jacobian of categories, which have no mean.

    Reference:
        From Variational to Deterministic Autoencoders (Ghosh et al., 2019), arXiv:1903.12436
    """
    if penalty == "gp" and parts.likelihood == "categorical":
        raise UsageError(
            "rae with penalty=gp keeps the slopes of the decoder's mean small, and categories have "
            "no mean: take penalty=l2."
        )
    weight = WEIGHTS[penalty] if decoder_weight is None else decoder_weight
    smooth = DecoderNorm() if penalty == "l2" else Roughness()
    return weighed(point_model(parts), codes=(code_weight, CodeNorm()), decoder=(weight, smooth))
