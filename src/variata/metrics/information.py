"""How much of the rate tells examples apart, and how much is paid for missing the prior."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from variata.metrics.estimate import Estimate
from variata.metrics.known_prior import KnownPrior
from variata.metrics.mixture import Posteriors


@dataclass(frozen=True)
class Information:
    """The two parts of the mean rate, in nats per example.

    Attributes:
        rate: E KL(q(z|x) || p(z)), in closed form under N(0, I).
        mutual_information: I_q(x; z) between the index of the example and its latent.
        marginal_kl: KL(q(z) || p(z)) of the aggregate posterior; rate - mutual_information.
        ceiling: log N. The mutual information with one of N examples cannot exceed it; an estimate
            close to it says "at least this much", and the marginal KL "at most this much".
    """

    rate: Estimate
    mutual_information: Estimate
    marginal_kl: Estimate
    ceiling: float

    @property
    def saturated(self) -> bool:
        """Whether the estimate lies within 5 % of the ceiling log N and says only "at least"."""
        return self.mutual_information.mean > 0.95 * self.ceiling


def mutual_information(
    means: Tensor,
    scales: Tensor,
    *,
    samples: int = 1,
    limit: int = 10_000,
    seed: int = 0,
    prior: KnownPrior | None = None,
) -> Information:
    """Split the mean rate of Gaussian posteriors under the prior.

    E KL(q(z|x) || p(z)) = I_q(x; z) + KL(q(z) || p(z)) (ELBO surgery, Hoffman and Johnson, 2016,
    Advances in Approximate Bayesian Inference). q(z) is the mixture of the posteriors of all N
    examples given, each z's own among them, so I_q <= log N always.

    Args:
        means, scales: of the diagonal Gaussian posteriors, (N, *Z).
        samples: latents drawn per example.
        limit: examples used, drawn at random when there are more; cost grows as limit squared.
        seed: of the draws.
        prior: None for N(0, I).

    Raises:
        ShapeError, DataError: shapes differ, a value is not finite, a scale is not positive.

    >>> told = mutual_information(torch.tensor([[-9.0], [9.0]]), torch.full((2, 1), 0.1))
    >>> round(told.mutual_information.mean, 4), round(told.ceiling, 4)  # log 2: fully told apart
    (0.6931, 0.6931)
    """
    q = Posteriors.of(means, scales, limit, seed)
    generator = torch.Generator().manual_seed(seed)
    drawn = [_pointwise(q, q.sample(generator), prior) for _ in range(samples)]
    information, rate = (torch.stack(each).mean(0) for each in zip(*drawn, strict=True))
    return Information(
        rate=Estimate.of(rate),
        mutual_information=Estimate.of(information),
        # The closed rate minus the estimate has far less noise than log q(z) - log p(z).
        marginal_kl=Estimate.of(rate - information),
        ceiling=math.log(len(q)),
    )


def _pointwise(q: Posteriors, z: Tensor, prior: KnownPrior | None) -> tuple[Tensor, Tensor]:
    """log q(z|x) - log q(z), and the rate, (N,) both."""
    own = q.own_log_prob(z)
    rate = q.rate() if prior is None else own - prior.log_prob(z)
    return own - q.mixture_log_prob(z), rate
