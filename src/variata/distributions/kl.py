"""Closed Kullback-Leibler divergences, looked up by the pair of types.

The Gaussian one is equation 10 of Auto-Encoding Variational Bayes, Kingma & Welling, 2013,
arXiv 1312.6114, for any prior mean and scale.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn.functional import softplus

from variata.distributions.bernoulli import Bernoulli
from variata.distributions.categorical import Categorical
from variata.distributions.counts import Poisson
from variata.distributions.dirac import Dirac
from variata.distributions.factorised import sum_event
from variata.distributions.gaussian import Gaussian, StandardGaussian
from variata.distributions.one_hot import OneHot
from variata.errors import NoDensityError

Pair = tuple[type[Distribution], type[Distribution]]
F = TypeVar("F", bound=Callable[..., Tensor])

REGISTRY: dict[Pair, Callable[[Any, Any], Tensor]] = {}


def register_kl(q_type: type[Distribution], p_type: type[Distribution]) -> Callable[[F], F]:
    """Decorate a function (q, p) -> KL(q || p) of every element, nats, for this pair of types.

    Types are matched exactly: a subclass may have another density, so it registers its own pairs.

    >>> class Wide(Gaussian):
    ...     pass
    >>> @register_kl(Wide, Wide)
    ... def wide_wide(q, p):
    ...     return REGISTRY[Gaussian, Gaussian](q, p)
    >>> has_kl(*[Wide(torch.zeros(1, 1, 2), torch.ones(2))] * 2)
    True
    >>> del REGISTRY[Wide, Wide]
    """

    def register(function: F) -> F:
        REGISTRY[q_type, p_type] = function
        return function

    return register


def has_kl(q: Distribution, p: Distribution) -> bool:
    """Whether KL(q || p) has a closed form here.

    >>> q = Gaussian(torch.zeros(1, 1, 2), torch.ones(2))
    >>> has_kl(q, q), has_kl(q, Dirac(torch.zeros(1, 1, 2)))
    (True, False)
    """
    return (type(q), type(p)) in REGISTRY


def kl_each(q: Distribution, p: Distribution) -> Tensor:
    """KL(q || p) of every element, nats, in the broadcast shape of the two, (K, B, *Z).

    Raises:
        NoDensityError: one of the two is a Dirac, or the pair has no closed form.

    >>> q = Gaussian(torch.ones(1, 1, 2), torch.ones(1, 1, 2))
    >>> kl_each(q, Gaussian(torch.zeros(1, 1, 2), torch.ones(1, 1, 2)))
    tensor([[[0.5000, 0.5000]]])
    """
    function = REGISTRY.get((type(q), type(p)))
    if function is None:
        raise NoDensityError(_why_not(q, p))
    return function(q, p)


def kl(q: Distribution, p: Distribution) -> Tensor:
    """KL(q || p) summed over the event, nats, (K, B).

    Raises:
        NoDensityError: one of the two is a Dirac, or the pair has no closed form.

    >>> q = Gaussian(torch.ones(1, 1, 2), torch.ones(1, 1, 2))
    >>> kl(q, Gaussian(torch.zeros(1, 1, 2), torch.ones(1, 1, 2)))
    tensor([[1.]])
    """
    return sum_event(kl_each(q, p), len(q.event_shape))


def _why_not(q: Distribution, p: Distribution) -> str:
    pair = f"KL({type(q).__name__} || {type(p).__name__})"
    if isinstance(q, Dirac) or isinstance(p, Dirac):
        return (
            f"{pair} was asked for, but a Dirac has no density and so no rate: use an objective "
            "without a rate, or a posterior and prior with a width, such as Gaussian."
        )
    return (
        f"{pair} has no closed form here: estimate it as log q(z) - log p(z) at samples z of q, "
        "or register one with register_kl."
    )


@register_kl(Gaussian, Gaussian)
def _gaussian_gaussian(q: Gaussian, p: Gaussian) -> Tensor:
    # log(q / p) and not log q - log p, so that equal distributions give an exact zero
    ratio = q.scale / p.scale
    apart = (q.loc - p.loc) / p.scale
    return 0.5 * (ratio.square() + apart.square() - 1) - ratio.log()


@register_kl(Gaussian, StandardGaussian)
def _gaussian_standard(q: Gaussian, p: StandardGaussian) -> Tensor:
    return 0.5 * (q.scale * q.scale + q.loc * q.loc - 1) - q.scale.log()


@register_kl(Bernoulli, Bernoulli)
def _bernoulli_bernoulli(q: Bernoulli, p: Bernoulli) -> Tensor:
    normalisers = softplus(p.logits, threshold=40.0) - softplus(q.logits, threshold=40.0)
    return q.logits.sigmoid() * (q.logits - p.logits) + normalisers


@register_kl(Categorical, Categorical)
def _categorical_categorical(q: Categorical, p: Categorical) -> Tensor:
    log_q = q.logits.log_softmax(-1)
    return (log_q.exp() * (log_q - p.logits.log_softmax(-1))).sum(-1)


@register_kl(OneHot, OneHot)
def _one_hot_one_hot(q: OneHot, p: OneHot) -> Tensor:
    return q.probs * (q.log_probs - p.log_probs)  # which sum to the divergence


@register_kl(Poisson, Poisson)
def _poisson_poisson(q: Poisson, p: Poisson) -> Tensor:
    log_ratio = p.log_rate - q.log_rate
    return q.log_rate.exp() * (torch.expm1(log_ratio) - log_ratio)
