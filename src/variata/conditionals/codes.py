"""Posteriors and priors over codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from variata.conditionals.posterior import QUIET, pass_last
from variata.distributions import Codes, OneHot, Quantised
from variata.distributions.one_hot import Estimator
from variata.nn import CausalTransformer, OneHotCodes, ScalarGrid
from variata.schedules import Moment, Schedule
from variata.shapes import full

LOUD = 5.0  # times the usual weights
SMALLEST = 1e-3  # standard deviation of an encoding that hardly moves


class QuantisedPosterior(nn.Module):
    """All mass on the code nearest to the features, or to what the levels above left of them.

    Below other levels, the gradient of a draw is that of features - h, so that draws of all levels
    together have that of the features once; what the code is compared with is features - h with h
    held fixed, so that every level is held to its codes.

    Args:
        features: width of what is read; 0 where it is the latent already.
        latent: L. quantiser: L numbers to codes, see `variata.nn.quantiser`.

    Reference:
        Neural Discrete Representation Learning (van den Oord et al., 2017), arXiv:1711.00937

    >>> from variata.nn import Codebook
    >>> q = QuantisedPosterior(8, 6, Codebook(16, 2, 6))(None, torch.zeros(5, 8))
    >>> q.codes.shape, q.mean.shape
    (torch.Size([5, 3]), torch.Size([5, 6]))
    """

    def __init__(self, features: int, latent: int, quantiser: nn.Module) -> None:
        super().__init__()
        self.linear = nn.Linear(features, latent) if features else nn.Identity()
        self.quantiser: Any = quantiser
        self.gathered: int = getattr(quantiser, "gathered", 0)
        if isinstance(quantiser, ScalarGrid) and isinstance(self.linear, nn.Linear):
            with torch.no_grad():  # or all would round to the middle, and the decoder see nothing
                self.linear.weight.mul_(LOUD)

    def forward(self, h: Tensor | None, features: Tensor) -> Quantised:
        encoded = full(self.linear(features))
        left = encoded if h is None else encoded - h.detach()
        through, value, codes = self.quantiser.quantise(left)
        return Quantised(value, left, codes, through if h is None else encoded - h)

    def statistics(self, q: Quantised) -> list[Tensor]:
        """What `after_step` needs of a batch, as means over its rows."""
        return self.quantiser.statistics(q.encoded, q.codes) if self.gathered else []

    def after_step(self, statistics: Sequence[Tensor], moment: Moment) -> None:
        """Let the codebook follow."""
        if self.gathered:
            self.quantiser.after_step(statistics, moment.step)

    @torch.no_grad()
    def start(self, h: Tensor | None, features: Tensor) -> None:
        """Start codes from what the data's features are, or spread those over fixed codes."""
        if self.gathered:
            self.quantiser.start(self(h, features).encoded)
        elif isinstance(self.linear, nn.Linear):
            encoded = full(self.linear(features))
            scale = encoded.std(0, unbiased=False).clamp_min(SMALLEST)
            self.linear.weight.div_(scale[:, None])
            self.linear.bias.sub_(encoded.mean(0)).div_(scale)

    @torch.no_grad()
    def start_linear(self, scale: Tensor) -> None:
        """Make the last features what is quantised by an untrained encoder."""
        if isinstance(self.linear, nn.Linear):
            self.linear.weight.mul_(QUIET)
            pass_last(self.linear, len(scale))


class OneHotPosterior(nn.Module):
    """Classes by the features: draws with gradients while training, of classes otherwise.

    Args:
        features: width of what is read.
        latent: positions times classes.
        classes: at each position.
        temperature: of relaxed draws, over the training; it changes after steps only.
        estimator: of gradients, see `OneHot`.

    Reference:
        Categorical Reparameterization with Gumbel-Softmax (Jang, Gu and Poole, 2016),
        arXiv:1611.01144
    """

    gathered = 0
    temperature: Tensor

    def __init__(
        self,
        features: int,
        latent: int,
        classes: int,
        temperature: Schedule,
        estimator: Estimator = "relaxed",
    ) -> None:
        super().__init__()
        self.quantiser = OneHotCodes(classes, latent)
        self.estimator: Estimator = estimator
        self.linear, self.schedule = nn.Linear(features, latent), temperature
        self.register_buffer("temperature", torch.tensor(float(temperature(Moment()))))

    def forward(self, h: Tensor | None, features: Tensor) -> OneHot:
        logits = full(self.linear(features)).unflatten(-1, (-1, self.quantiser.size))
        return OneHot(logits, self.temperature if self.training else None, self.estimator)

    def statistics(self, q: OneHot) -> list[Tensor]:
        """None are needed."""
        return []

    def after_step(self, statistics: Sequence[Tensor], moment: Moment) -> None:
        """Take the temperature of the moment."""
        self.temperature.fill_(self.schedule(moment))


class CodesPrior(nn.Module):
    """p(z) over latents that stand for codes: all alike, or each code given those before it.

    Args:
        quantiser: of the posterior, which owns it: here it is only called.
        latent: L.
        network: of the probabilities; None for all alike. One with a context
            knows as many of the first values of h.

    >>> prior = CodesPrior(OneHotCodes(4, 8), 8, CausalTransformer(2, 4, 8, 1, 2))
    >>> prior(None).log_prob(torch.eye(4)[[0, 3]].view(1, 8)).shape
    torch.Size([1])
    """

    zeros: Tensor

    def __init__(
        self, quantiser: Any, latent: int, network: CausalTransformer | None = None
    ) -> None:
        super().__init__()
        self.borrowed: tuple[Any] = (quantiser,)  # a tuple does not own modules
        self.network = network
        self.register_buffer("zeros", torch.zeros(latent), persistent=False)

    def forward(self, h: Tensor | None) -> Codes:
        informed = 0 if self.network is None else self.network.context
        context = h[..., :informed].detach() if h is not None and informed else None
        return Codes(self.borrowed[0], self.network, self.zeros, context)


class UniformOneHot(nn.Module):
    """p(z) of classes that are all alike and independent, from which divergences are closed.

    Args:
        latent: positions times classes. classes: at each position.

    >>> UniformOneHot(8, 4)(None)
    OneHot(batch=(), event=(8,), classes=4)
    """

    zeros: Tensor

    def __init__(self, latent: int, classes: int) -> None:
        super().__init__()
        zeros = torch.zeros(OneHotCodes(classes, latent).length, classes)
        self.register_buffer("zeros", zeros, persistent=False)

    def forward(self, h: Tensor | None) -> OneHot:
        return OneHot(self.zeros)
