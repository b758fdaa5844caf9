"""Priors made of the model's own posteriors."""

from __future__ import annotations

import math

from variata.conditionals import PosteriorMixturePrior
from variata.errors import UsageError
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.gaussian import MakePrior, Share
from variata.recipes.parts import Parts, Positive
from variata.recipes.rules import by_rows
from variata.recipes.vae import careful

EXEMPLARS = 1_000
OF_LEVELS = {"bernoulli", "logistic", "logistic_mixture"}  # of what lies between 0 and 1


@recipe
def vamp_prior(
    parts: Parts,
    pseudo_inputs: Positive = 200,
    warm_up_share: Share = 0.1,
    tighten: Positive = 3,
    shifts: bool = True,
) -> Composition:
    """The VAE whose prior is a mixture of its posteriors of learned pseudo-inputs.

    Args:
        pseudo_inputs: how many; they start as rows of the data, and stay within its bounds.
        warm_up_share: share of the training over which the weight of the rate rises to 1.
        tighten: draws of the importance-weighted bound in the last part; 1 keeps to the ELBO.
        shifts: whether images are shifted by up to a pixel in the first part.

    Reference:
        VAE with a VampPrior (Tomczak and Welling, 2017), arXiv:1705.07120
    """
    if parts.likelihood == "categorical":
        raise UsageError(
            "vamp_prior learns inputs by small steps, which categories do not take. Recipes that "
            "suit them: exemplar_prior, mixture_prior, flow_prior."
        )
    return careful(
        parts, _of_posteriors(parts, pseudo_inputs, True), warm_up_share, tighten, shifts
    )


@recipe
@by_rows(lambda rows: {"exemplars": min(EXEMPLARS, max(1, rows // 10))})
def exemplar_prior(
    parts: Parts,
    exemplars: Positive = EXEMPLARS,
    warm_up_share: Share = 0.1,
    tighten: Positive = 3,
    shifts: bool = True,
) -> Composition:
    """The VAE whose prior is a mixture around the encodings of rows of its data.

    Its exemplars are rows drawn before training, and a part of the saved model: do not share one
    whose data is private. The paper leaves a row's own component out while training; here at most
    every tenth row is an exemplar unless told otherwise, and its own component stays.

    Args:
        exemplars: how many; where it is not given, no more than a tenth of the rows.
        warm_up_share: share of the training over which the weight of the rate rises to 1.
        tighten: draws of the importance-weighted bound in the last part; 1 keeps to the ELBO.
        shifts: whether images are shifted by up to a pixel in the first part.

    Reference:
        Exemplar VAE: Linking Generative Models, Nearest Neighbor Retrieval, and Data Augmentation
        (Norouzi et al., 2020), arXiv:2004.04795
    """
    prior = _of_posteriors(parts, exemplars, False)
    return careful(parts, prior, warm_up_share, tighten, shifts)


def _of_posteriors(parts: Parts, inputs: int, learned: bool) -> MakePrior:
    bounds = (-math.inf, math.inf)
    if parts.counts or parts.likelihood in OF_LEVELS:
        bounds = (0.0, math.inf if parts.counts else 1.0)
    return lambda encoder, posterior: PosteriorMixturePrior(
        encoder, posterior, parts.shape, inputs, learned, bounds
    )
