"""Images that are judged as images, and not pixel by pixel alone."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge

from variata.errors import UsageError
from variata.nn import RandomFeatures
from variata.objectives import FeatureDistance, ImageCritic, Rate
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.gaussian import Share, gaussian_model
from variata.recipes.parts import Parts, Positive
from variata.recipes.weighed import Weight, weighed
from variata.shapes import Shape, numel


@recipe
def perceptual_vae(
    parts: Parts,
    weight: Weight = 100.0,
    feature_seed: Annotated[int, Ge(0)] = 0,
    warm_up_share: Share = 0.1,
) -> Composition:
    """The VAE with a perceptual distance: reconstructions also resemble images in features.

    Minimises distortion + rate + weight |f(x) - f(y)|^2 / 2 with the reconstruction y. The features
    f come from random convolutions at several scales, of unit length at every place: a network that
    needs no data, learns nothing and is made again from its seed. The likelihood is the same as for
    vae, so what is reported as ELBO is the ELBO; it is lower by what the features cost.

    Args:
        weight: of the distance in features.
        feature_seed: of the random convolutions.
        warm_up_share: share of the training over which the weights rise.

    References:
        Deep Feature Consistent Variational Autoencoder (Hou et al., 2016), arXiv:1610.00291
        The Unreasonable Effectiveness of Deep Features as a Perceptual Metric (Zhang et al., 2018),
        arXiv:1801.03924
    """
    features = RandomFeatures(_image_shape(parts, "perceptual_vae"), feature_seed)
    terms = {"rate": (1.0, Rate()), "features": (weight, FeatureDistance(features))}
    return weighed(gaussian_model(parts), warm_up_share, **terms)


@recipe
def vae_gan(
    parts: Parts,
    beta: Weight = 5.0,
    weight: Weight | None = None,
    feature_weight: Weight = 1.0,
    critic_channels: Positive = 32,
    warm_up_share: Share = 0.1,
) -> Composition:
    """The VAE-GAN: a critic tells images of the model from those of the data.

    Minimises distortion + beta rate + feature_weight |f(x) - f(y)|^2 / 2 - weight log D. Critic D
    moves beside the model; f is its last convolution, y the reconstruction. D judges samples and
    reconstructions alike, which the decoder alone feels: the encoder learns from the other terms.
    Of grey and colour levels D sees draws, noise included; of other values the decoder's means.
    Unlike in the paper, the likelihood of the pixels stays, so that `score` is a bound and what is
    reported as ELBO is the ELBO: of a model that gives up a little of it for its samples.

    Args:
        beta: weight of the rate: samples are like reconstructions only where draws of the prior are
            like latents of the data, which a high rate does not leave room for.
        weight: of the critic's judgement; by default an eighth of the number of values of an
            image, since the nats of its pixels grow with them.
        feature_weight: of the distance in the critic's features.
        critic_channels: of the critic's first layer.
        warm_up_share: share of the training over which the weights rise.

    References:
        Autoencoding beyond Pixels Using a Learned Similarity Metric (Larsen et al., 2016),
        arXiv:1512.09300
        Spectral Normalization for Generative Adversarial Networks (Miyato et al., 2018),
        arXiv:1802.05957
    """
    critic = ImageCritic(_image_shape(parts, "vae_gan"), critic_channels)
    judgement = numel(parts.shape) / 8 if weight is None else weight
    return weighed(
        gaussian_model(parts),
        warm_up_share,
        rate=(beta, Rate()),
        features=(feature_weight, FeatureDistance(critic.network.features, unsteady=True)),
        critic=(judgement, critic),
    )


def _image_shape(parts: Parts, name: str) -> Shape:
    """(C, H, W) of the examples.

    Raises:
        UsageError: they are no images, or of categories; names recipes that suit them.
    """
    if len(parts.shape) != 3 or parts.likelihood == "categorical":
        raise UsageError(
            f"{name} looks at images (C, H, W) with values that can be averaged; these examples "
            f"are {parts.shape}, {parts.likelihood}. Recipes that suit them: vae, iwae, "
            "flow_prior, mixture_prior."
        )
    return parts.shape
