"""A Gaussian level whose latent dimensions should be independent of each other."""

from __future__ import annotations

from variata.objectives import (
    DensityRatio,
    Diagonal,
    MutualInformation,
    OffDiagonal,
    Rate,
    Term,
    TotalCorrelation,
)
from variata.objectives.moments import Kind
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.gaussian import Share, gaussian_model
from variata.recipes.parts import Parts, Positive
from variata.recipes.rules import few_latents, latent_by
from variata.recipes.weighed import Weight, weighed


@recipe
@latent_by(few_latents)
def beta_tc_vae(
    parts: Parts,
    alpha: Weight = 1.0,
    beta: Weight = 6.0,
    gamma: Weight = 1.0,
    rows: Positive | None = None,
    warm_up_share: Share = 0.1,
) -> Composition:
    """The beta-TCVAE: of the rate, the part that ties dimensions together costs more.

    Minimises distortion + alpha I(x; z) + beta TC(z) + gamma sum_d KL(q(z_d) || p(z_d)). The three
    sum to the rate, so this is distortion + gamma rate + (alpha - gamma) I + (beta - gamma) TC,
    with the closed rate, which is how it is computed and reported. All weights 1 make it the VAE.
    I and TC come from the batch at hand, or each piece of it.

    Args:
        alpha: weight of the mutual information between an example and its latent.
        beta: weight of the total correlation.
        gamma: weight of the divergences of single dimensions from the prior.
        rows: of the data, for stratified sampling; minibatch-weighted sampling without.
        warm_up_share: share of the training over which the weights rise.

    Reference:
        Isolating Sources of Disentanglement in Variational Autoencoders (Chen et al., 2018),
        arXiv:1802.04942
    """
    return weighed(
        gaussian_model(parts),
        warm_up_share,
        rate=(gamma, Rate()),
        total_correlation=(beta - gamma, TotalCorrelation(rows)),
        **_unless_zero(mutual_information=(alpha - gamma, MutualInformation(rows))),
    )


@recipe
@latent_by(few_latents)
def factor_vae(
    parts: Parts, gamma: Weight = 10.0, critic_width: Positive = 256, warm_up_share: Share = 0.1
) -> Composition:
    """The FactorVAE: the ELBO, and a total correlation that a critic measures.

    Minimises distortion + rate + gamma TC(z). The critic learns to tell latents from latents whose
    dimensions are shuffled over the batch (or each piece of it); its mean logit is the total
    correlation. The last weights are kept: logits at different times cannot be compared.

    Args:
        gamma: weight of the total correlation.
        critic_width: of the critic's three layers.
        warm_up_share: share of the training over which the weights rise.

    Reference:
        Disentangling by Factorising (Kim and Mnih, 2018), arXiv:1802.05983
    """
    critic = DensityRatio(parts.latent or 1, critic_width)
    terms = {"rate": (1.0, Rate()), "total_correlation": (gamma, critic)}
    return weighed(gaussian_model(parts), warm_up_share, **terms)


@recipe
@latent_by(few_latents)
def dip_vae(
    parts: Parts,
    kind: Kind = "ii",
    lambda_od: Weight = 10.0,
    lambda_d: Weight = 10.0,
    warm_up_share: Share = 0.1,
) -> Composition:
    """The DIP-VAE: the ELBO, and an aggregate posterior whose covariance should be the identity.

    Minimises distortion + rate + lambda_od sum_(d != e) C_de^2 + lambda_d sum_d (C_dd - 1)^2, where
    C is the covariance over the batch (or each piece of it) of the posterior means (I), or of the
    latents (II). For kind "i" the paper takes lambda_d ten times lambda_od, for "ii" both alike.

    Args:
        kind: "i" or "ii".
        lambda_od: weight of the squared covariances.
        lambda_d: weight of the squared differences of variances from 1.
        warm_up_share: share of the training over which the weights rise.

    Reference:
        Variational Inference of Disentangled Latent Concepts from Unlabeled Observations
        (Kumar et al., 2017), arXiv:1711.00848
    """
    return weighed(
        gaussian_model(parts),
        warm_up_share,
        rate=(1.0, Rate()),
        off_diagonal=(lambda_od, OffDiagonal(kind)),
        diagonal=(lambda_d, Diagonal(kind)),
    )


def _unless_zero(**terms: tuple[float, Term]) -> dict[str, tuple[float, Term]]:
    return {name: (weight, term) for name, (weight, term) in terms.items() if weight}
