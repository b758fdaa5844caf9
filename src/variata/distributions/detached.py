"""A distribution whose parameters are held fixed, for gradients through its draws alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.distributions import Distribution

from variata.distributions.gaussian import Gaussian
from variata.errors import NoDensityError

DETACHED: dict[type[Distribution], Callable[[Any], Distribution]] = {
    Gaussian: lambda q: Gaussian(q.loc.detach(), q.scale.detach(), q.event_dim),
}


def detached(q: Distribution) -> Distribution:
    """The same distribution, through whose parameters no gradient flows.

    Types are matched exactly, since a subclass may hold parameters of another kind; add one to
    `DETACHED` to have it here.

    Raises:
        NoDensityError: for a type that is not known here, such as a Dirac or a flow.

    >>> import torch
    >>> q = Gaussian(torch.zeros(1, 2, requires_grad=True), torch.ones(2))
    >>> q.log_prob(torch.ones(2)).requires_grad, detached(q).log_prob(torch.ones(2)).requires_grad
    (True, False)
    """
    make = DETACHED.get(type(q))
    if make is None:
        known = ", ".join(sorted(kind.__name__ for kind in DETACHED))
        raise NoDensityError(
            f"This bound needs log q(z) with q's parameters held fixed, which is not known for "
            f"{type(q).__name__}: use a posterior of the kind {known}, or the plain iwae."
        )
    return make(q)
