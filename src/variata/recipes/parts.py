"""The parts that recipes are put together from: networks and heads chosen by the data's shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, MinLen
from torch import nn

from variata.conditionals import COUNTS, Decoder, likelihood_head
from variata.errors import ShapeError, UsageError
from variata.nn import (
    BroadcastDecoder,
    ConvDecoder,
    ConvEncoder,
    Log1p,
    MLPDecoder,
    MLPEncoder,
    OneHot,
    PatchEncoder,
    ProjectingEncoder,
    SkippingDecoder,
)
from variata.shapes import Shape, numel

SMALL_IMAGE = 1_024
DENSE_IMAGE = 8_192  # up to so many values, a fully connected network learns faster on a processor
LINEAR = {"gaussian", "logistic", "logistic_mixture"}  # likelihoods located in units of x
WIDE = 128  # values from which a linear path is worth its weights
MakeHead = Callable[[nn.Module], nn.Module]
Positive = Annotated[int, Gt(0)]
Few = Annotated[int, Gt(0), Le(64)]  # each is a module, and a file may ask for any number


@dataclass(frozen=True)
class Parts:
    """What every recipe needs to know about the data and its networks.

    Attributes:
        shape: of one example in model space: (C, H, W) for images, (D,) for rows.
        likelihood: of x given z: bernoulli, gaussian, logistic, logistic_mixture, categorical,
            poisson or negative_binomial.
        levels: grey levels or categories, for the likelihoods that need them.
        floor: smallest scale of a Gaussian likelihood, in model space: one, or one per element.
        components: of a logistic mixture.
        latent: number of latent dimensions; by default more than the data needs, since a VAE
            leaves spare ones unused.
        network: "mlp" or "conv", by default chosen from the shape, or "broadcast": a light
            convolutional encoder of patches, and a decoder that draws each from z and its place.
        hidden: widths of a fully connected network.
        channels: width of a convolutional network, doubled at half the size and again at a quarter;
            a broadcast decoder is twice as wide.
        linear: whether a linear path runs beside the networks, so that training starts as
            probabilistic PCA; by default for real values and grey levels, where there are many.
        context: number of values that everything is conditioned on; it follows from `condition=`.
        encoder: your own module (B, *X) -> (B, F), instead of a network of ours.
        decoder: your own module (N, latent + context) -> (N, P, *X), instead of a network of ours.
    """

    shape: Annotated[tuple[Positive, ...], MinLen(1)]
    likelihood: str = "gaussian"
    levels: Annotated[int, Ge(2)] | None = None
    floor: Annotated[float, Gt(0)] | tuple[Annotated[float, Gt(0)], ...] = 1e-3
    components: Positive = 5
    latent: Positive | None = None
    network: Literal["mlp", "conv", "broadcast"] | None = None
    hidden: Annotated[tuple[Positive, ...], MinLen(1)] | None = None
    channels: Positive | None = None
    linear: bool | None = None
    context: Positive | None = None
    encoder: Any = None
    decoder: Any = None

    @property
    def counts(self) -> bool:
        """Whether the data is of counts."""
        return self.likelihood in COUNTS

    @property
    def is_image(self) -> bool:
        """Whether an example has pixels beside each other, more than a few of them."""
        return len(self.shape) == 3 and numel(self.shape[1:]) > 4

    @property
    def read_shape(self) -> Shape:
        """Of examples as networks read them, which have a channel for each category."""
        times = self.levels if self.likelihood == "categorical" and self.levels else 1
        return (times * self.shape[0], *self.shape[1:])

    def resolved(self) -> Parts:
        """The same with every default that depends on the data made explicit."""
        conv = len(self.shape) == 3 and numel(self.shape) > DENSE_IMAGE and min(self.shape[1:]) > 7
        return replace(
            self,
            latent=self.latent or default_latent(self.shape),
            network=self.network or ("conv" if conv else "mlp"),
            hidden=self.hidden or default_hidden(self.shape),
            channels=self.channels or 16,
            linear=self._linear(),
        )

    def make_encoder(self) -> tuple[nn.Module, int]:
        """The encoder and the number of its features.

        Raises:
            ShapeError: when an encoder of your own does not return (B, F).
        """
        network = self.encoder or self._encoder_network()
        with torch.no_grad():
            features = network.eval()(torch.zeros(2, *self.shape))
        if features.dim() != 2 or features.shape[0] != 2:
            raise ShapeError(
                f"The encoder made {tuple(features.shape)} of a batch {(2, *self.shape)}; it must "
                "return one row of features for each example, (B, F)."
            )
        if not self.linear:
            return network.train(), features.shape[1]
        both = ProjectingEncoder(network, features.shape[1], self.shape, self.latent or 1)
        return both.train(), both.features

    def make_decoder(self, inputs: int, around: MakeHead | None = None) -> Decoder:
        """The decoder from `inputs` latent dimensions, and the condition, to the likelihood.

        Args:
            around: the head of the likelihood -> the head to use.
        """
        inputs += self.context or 0
        head = self.make_head()
        head = head if around is None else around(head)
        count = int(head.per_element)  # type: ignore[arg-type]
        network = self.decoder or self._decoder_network(inputs, count)
        if self.linear:
            network = SkippingDecoder(network, inputs, self.shape, self.locations_of(head))
        return Decoder(network, head, self.shape)

    def make_head(self) -> nn.Module:
        """The head of the likelihood."""
        floor = self._floor()
        return likelihood_head(self.likelihood, self.shape, self.levels, floor, self.components)

    def reading(self, network: nn.Module) -> nn.Module:
        """A network of examples of `read_shape`, behind what its kind of data needs first."""
        if self.counts:
            return nn.Sequential(Log1p(), network)
        if self.likelihood == "categorical" and self.levels is not None:
            return nn.Sequential(OneHot(self.levels), network)
        return network

    def _encoder_network(self) -> nn.Module:
        hidden = self._widths()
        if self.network == "conv":
            self._image()
            body: nn.Module = ConvEncoder(self.read_shape, self.channels or 1, hidden[-1])
        elif self.network == "broadcast":
            self._image()
            body = PatchEncoder(self.read_shape, self.channels or 1, hidden[-1])
        else:
            body = MLPEncoder(self.read_shape, hidden)
        return self.reading(body)

    def _decoder_network(self, inputs: int, parameters: int) -> nn.Module:
        hidden = self._widths()
        if self.network == "conv":
            image = self._image()
            return ConvDecoder(inputs, image, parameters, self.channels or 1, hidden[-1])
        if self.network == "broadcast":
            return BroadcastDecoder(inputs, self._image(), parameters, 2 * (self.channels or 1))
        return MLPDecoder(inputs, self.shape, parameters, hidden[::-1])

    def locations_of(self, head: nn.Module) -> slice:
        """Which parameters of a likelihood are in units of the data.

        Raises:
            UsageError: for a likelihood that has none.
        """
        if isinstance(found := getattr(head, "locations", None), slice):
            return found
        raise UsageError(
            f"A linear path (linear=True) needs a likelihood located in units of the data, "
            f"{', '.join(sorted(LINEAR))}; {self.likelihood} is none."
        )

    def _linear(self) -> bool:
        own = self.encoder is not None or self.decoder is not None
        if self.linear and own:
            raise UsageError(
                "A linear path (linear=True) runs beside networks of ours: leave it out with an "
                "encoder or decoder of your own."
            )
        if self.linear is not None:
            return self.linear
        return self.likelihood in LINEAR and numel(self.shape) > WIDE and not own

    def _widths(self) -> tuple[int, ...]:
        return self.hidden or default_hidden(self.shape)

    def _image(self) -> Shape:
        if len(self.shape) != 3:
            raise UsageError(
                f"A {self.network} network needs images (C, H, W); these examples are "
                f"{self.shape}. Use network='mlp'."
            )
        return self.shape

    def _floor(self) -> float | Sequence[float]:
        if isinstance(self.floor, tuple) and len(self.floor) != numel(self.shape):
            raise UsageError(
                f"floor has {len(self.floor)} numbers for {numel(self.shape)} elements: give one, "
                "or one for each."
            )
        if isinstance(self.floor, tuple):
            return np.reshape(self.floor, self.shape).tolist()
        return self.floor


PART_NAMES = tuple(field.name for field in fields(Parts))


def default_latent(shape: Shape) -> int:
    """More latent dimensions than the data is likely to need, but never more than it has.

    >>> default_latent((1, 28, 28)), default_latent((3, 64, 64)), default_latent((5,))
    (40, 128, 5)
    """
    size = numel(shape)
    return min(size, 40 if size <= SMALL_IMAGE else 128)


def default_hidden(shape: Shape) -> tuple[int, ...]:
    """Widths that suit the size of an example.

    >>> default_hidden((1, 28, 28)), default_hidden((12,))
    ((512, 512), (256, 256))
    """
    return (512, 512) if numel(shape) > 128 else (256, 256)
