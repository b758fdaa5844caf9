"""Clusters as components of the prior, which are learned with the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Ge, Le
from torch import Tensor

from variata.conditionals import MixturePrior, log_responsibilities
from variata.models import Stage
from variata.recipes.augmented import Augment, agreeing, augmentation
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.gaussian import Share, elbo, gaussian_model
from variata.recipes.mixture_start import MixtureStart
from variata.recipes.parts import Few, Parts
from variata.recipes.rules import few_latents, latent_by
from variata.recipes.weighed import Weight
from variata.training import Phase

SURER = 0.5  # temperature: without, clusters agree by being unsure


@recipe
@latent_by(few_latents)
def vade(
    parts: Parts,
    clusters: Annotated[int, Ge(1), Le(1_000)] = 10,
    pretrain_share: Share = 0.4,
    restarts: Few = 5,
    consistency: Weight = 0.0,
    augment: Augment = "none",
    warm_up_share: Share = 0.0,
) -> Composition:
    """VaDE: a mixture of Gaussians as the prior, learned with the model, whose modes are clusters.

    Maximises the ELBO, E_q[log p(x | z) + log p(z) - log q(z | x)], where the component c of
    p(z) = sum_c w_c N(z; m_c, s_c) is summed out exactly. It starts from an autoencoder. Of
    several mixtures fitted to its codes, each learned with the model for a little while, the one
    of the best ELBO on the rows to choose by goes on: no label is asked. `variata cluster` gives
    each row's p(c | z) at its posterior mean. Few latent dimensions suit clusters: 10 unless told.

    Args:
        clusters: components of the mixture.
        pretrain_share: of the training, half for the autoencoder and half for the trials of
            mixtures; 0 starts at random.
        restarts: mixtures that are tried, no more than there are epochs for.
        consistency: weight of the divergence of p(c | z) from that of a further affine view of the
            image, for which p(c | z) is held fixed; 0 does without.
        augment: what is done to images while training: "none", "shift" by a pixel, or "affine",
            small rotations, scalings, shears and shifts.
        warm_up_share: of what follows, over which the weight of the rate rises to 1.

    Reference:
        Variational Deep Embedding: An Unsupervised and Generative Approach to Clustering (Jiang
        et al., 2016), arXiv:1611.05148
    """
    latent, view = parts.latent or 1, augmentation(parts, augment)
    model = gaussian_model(parts, prior=lambda *_: MixturePrior(latent, clusters))
    agreement = agreeing(parts, consistency, told_by_prior, SURER)
    start = MixtureStart(restarts, agreement, view) if pretrain_share else None
    phase = Phase(elbo(warm_up_share, further=agreement), view=view)
    return Composition(model, [phase], prepare=start, prepare_share=pretrain_share)


def told_by_prior(stages: Sequence[Stage]) -> Tensor:
    """log p(c | z) of the components of a prior at the posterior mean, (B, C), in nats."""
    top: Any = stages[0]
    return log_responsibilities(top.p, top.q.mean)
