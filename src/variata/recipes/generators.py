"""Models whose level has no posterior: noise in, examples out."""

from __future__ import annotations

from torch import nn

from variata.conditionals import Decoder, JoinCondition, PointHead, StandardNormal
from variata.errors import UsageError
from variata.models import LatentModel, Level
from variata.models.level import replace
from variata.nn import ConvCritic, ConvDecoder, DenseCritic, Log1p, MLPDecoder
from variata.objectives import Adversary, Objective
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.parts import Parts, Positive, default_latent
from variata.recipes.rules import by_rows, latent_by
from variata.recipes.weighed import Weight
from variata.schedules import constant
from variata.shapes import numel
from variata.training import Phase

LEAST = 16  # latent dimensions
DENSE = 256  # units of the critic after its convolutions
FEW_ROWS = 10_000  # images, up to which they are moved
SHARE = 8  # of the side of an image, that it is moved by at most before it is judged


@recipe
@latent_by(lambda shape, own: max(LEAST, default_latent(shape)))
@by_rows(lambda rows: {"augment": rows <= FEW_ROWS})
def gan(
    parts: Parts,
    width: Positive | None = None,
    critic_width: Positive | None = None,
    gamma: Weight = 10.0,
    augment: bool = False,
) -> Composition:
    """The GAN: a generator and a critic that learn from each other, without a likelihood.

    The generator minimises -log D of what it makes of noise, the loss that does not saturate. The
    critic D pays for its slope at the data (R1). The averaged weights at the end are kept. There is
    nothing to encode or score with: `sample` and `decode` are what it can do.

    Args:
        width: of the generator: channels at full size, by default 16, of images; of two layers, by
            default 256, for vectors.
        critic_width: of the critic: channels of its first layer, by default 32, or of three layers,
            by default 256.
        gamma: weight of the critic's squared slope.
        augment: whether images are moved by up to an eighth of their side before the critic sees
            them, so that it does not know them by heart; by default, up to 10,000 of them.

    References:
        Generative Adversarial Networks (Goodfellow et al., 2014), arXiv:1406.2661
        Which Training Methods for GANs do actually Converge? (Mescheder et al., 2018),
        arXiv:1801.04406
    """
    if parts.likelihood == "categorical":
        raise UsageError(
            "gan passes gradients through the values that it makes, and categories have none. "
            "Recipes that suit them: autoregressive, vae, vq_vae."
        )
    context, image = parts.context or 0, len(parts.shape) == 3
    critic, features = _critic(parts, critic_width)
    pixels = min(parts.shape[1:]) // SHARE if image and augment else 0
    adversary = Adversary(critic, features, context, gamma, pixels)
    latent = parts.latent or LEAST
    merge = JoinCondition(context) if context else replace
    level = Level(StandardNormal(latent), None, merge)
    network = _generator(parts, latent + context, width)
    decoder = Decoder(network, PointHead(parts.likelihood), parts.shape)
    objective = Objective(critic=(constant(1), adversary))
    return Composition(LatentModel(nn.Identity(), [level], decoder), [Phase(objective)])


def _generator(parts: Parts, inputs: int, width: int | None) -> nn.Module:
    if len(parts.shape) == 3:
        return ConvDecoder(inputs, parts.shape, 1, width or 16, 8 * (width or 16))
    return MLPDecoder(inputs, parts.shape, 1, [width or 256] * 2)


def _critic(parts: Parts, width: int | None) -> tuple[nn.Module, int]:
    """The critic, and the number of its features."""
    if len(parts.shape) == 3:
        critic = ConvCritic(parts.shape, width or 32, normed=False, hidden=DENSE)
        return critic, critic.output.in_features
    size, read = numel(parts.shape), Log1p() if parts.counts else None
    return DenseCritic(size, width or 256, read), width or 256
