"""Classes as latents that some rows have labels for."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from annotated_types import Ge, Lt

from variata.models import LatentModel
from variata.objectives import EnumeratedBound
from variata.recipes.augmented import Augment
from variata.recipes.catalogue import Composition, recipe
from variata.recipes.classes import (
    Classes,
    class_level,
    code_level,
    few_labels,
    known_classes,
    seeing_encoder,
    style_level,
)
from variata.recipes.gaussian import Share
from variata.recipes.parts import Parts, Positive
from variata.recipes.weighed import Weight

LabelledShare = Annotated[float, Ge(0), Lt(1)]


@recipe
def m2(
    parts: Parts,
    classes: Classes | None = None,
    alpha: Weight = 50.0,
    balance: Weight = 10.0,
    consistency: Weight = 0.0,
    augment: Augment = "none",
    labelled_share: LabelledShare = 0.1,
    warm_up_share: Share = 0.2,
) -> Composition:
    """The semi-supervised VAE (M2): a class and a style, of which few rows need a label.

    p(x | y, z) p(y) p(z) with q(y | x) q(z | x, y). Rows with a label (`--label COLUMN`, or those
    that the data has; -1 is unknown) pay the bound of log p(x, y) and alpha times -log q(y | x);
    the others pay the bound of log p(x), in which y is summed over exactly. `variata classify`
    gives the classes of any rows.

    Args:
        classes: how many; by default as many as the data has.
        alpha: weight of the classification of rows with a label.
        balance: weight of the divergence of the mean of q(y | x) over a batch from p(y), which
            keeps classes in use; for data whose classes are about as frequent as each other.
        consistency: weight of the divergence of q(y | x) from that of a further affine view of the
            image, for which q(y | x) is held fixed; 0 does without.
        augment: what is done to images while training: "none", "shift" by a pixel, or "affine",
            small rotations, scalings, shears and shifts.
        labelled_share: of the rows shown, those with a label, which are repeated until they are.
        warm_up_share: share of the training over which the bound's weight rises to 1.

    Reference:
        Semi-Supervised Learning with Deep Generative Models (Kingma et al., 2014),
        arXiv:1406.5298
    """
    parts, classes = replace(parts, linear=False), known_classes("m2", classes)
    encoder, features = seeing_encoder(parts)
    above = classes + (parts.context or 0)
    levels = [class_level(parts, classes), style_level(features, parts.latent or 1, above)]
    model = LatentModel(encoder, levels, parts.make_decoder((parts.latent or 1) + classes))
    phase = few_labels(
        parts, EnumeratedBound(), alpha, balance, consistency, augment, warm_up_share
    )
    return Composition(model, [phase], labelled_share=labelled_share)


@recipe
def m1_m2(
    parts: Parts,
    classes: Classes | None = None,
    style: Positive = 50,
    alpha: Weight = 50.0,
    balance: Weight = 10.0,
    consistency: Weight = 0.0,
    augment: Augment = "none",
    labelled_share: LabelledShare = 0.1,
    warm_up_share: Share = 0.2,
) -> Composition:
    """The stacked semi-supervised VAE (M1+M2): a class and a style, of codes of the example.

    p(x | z1) p(z1 | y, z2) p(y) p(z2) with q(z1 | x) q(y | x) q(z2 | x, y), where z1 are the codes
    (M1), and class and style stand above them (M2). All are learned together, where the paper fits
    one after the other. The sum over classes is exact, and needs the decoder once for each row, as
    only codes are decoded. Rows and weights are as for `m2`.

    Args:
        classes: how many; by default as many as the data has.
        style: dimensions of z2; `latent` counts those of z1.
        alpha: weight of the classification of rows with a label.
        balance: weight of the divergence of the mean of q(y | x) over a batch from p(y).
        consistency: weight of the divergence between affine views of an image, as for `m2`.
        augment: what is done to images while training: "none", "shift" or "affine", as for `m2`.
        labelled_share: of the rows shown, those with a label, which are repeated until they are.
        warm_up_share: share of the training over which the bound's weight rises to 1.

    Reference:
        Semi-Supervised Learning with Deep Generative Models (Kingma et al., 2014),
        arXiv:1406.5298
    """
    parts, classes = replace(parts, linear=False), known_classes("m1_m2", classes)
    encoder, features = seeing_encoder(parts)
    latent, context = parts.latent or 1, parts.context or 0
    kind, manner = class_level(parts, classes), style_level(features, style, classes + context)
    levels = [kind, manner, code_level(parts, features, style + classes)]
    model = LatentModel(encoder, levels, parts.make_decoder(latent))
    bound = EnumeratedBound(screened=True)
    phase = few_labels(parts, bound, alpha, balance, consistency, augment, warm_up_share)
    return Composition(model, [phase], labelled_share=labelled_share)
