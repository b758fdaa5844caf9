"""Which latent dimensions are in use, and how many nats each carries."""

from __future__ import annotations

import torch
from torch import Tensor

from variata.errors import ShapeError
from variata.metrics.rows import as_rows


def unit_variance(means: Tensor) -> Tensor:
    """Return Var over the data of the posterior mean, one value per latent dimension (Z,).

    Args:
        means: posterior means E[z|x], (N, *Z).

    >>> import torch
    >>> unit_variance(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    tensor([2., 0.], dtype=torch.float64)
    """
    return as_rows(means, "posterior means", least=2).var(0, unbiased=True)


def active_mask(means: Tensor, threshold: float = 0.01, prior_sd: Tensor | float = 1.0) -> Tensor:
    """Return True for each latent dimension whose posterior mean moves with the data, (Z,).

    Args:
        means: posterior means, (N, *Z).
        threshold: of Var_x(E[z|x]), as a share of the prior's variance.
        prior_sd: the prior's standard deviation in each dimension, (Z,). That of N(0, I) is 1; a
            prior that learns may choose any scale for a dimension, which then says nothing.

    >>> import torch
    >>> means = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    >>> active_mask(means), active_mask(means, prior_sd=torch.tensor([100.0, 1.0]))
    (tensor([ True, False]), tensor([False, False]))
    """
    return unit_variance(means) > threshold * torch.as_tensor(prior_sd).double().square()


def active_units(means: Tensor, threshold: float = 0.01, prior_sd: Tensor | float = 1.0) -> int:
    """Return the number of active latent dimensions; arguments as of `active_mask`.

    Importance Weighted Autoencoders, Burda, Grosse and Salakhutdinov, 2016, arXiv 1509.00519.

    >>> import torch
    >>> active_units(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    1
    """
    return int(active_mask(means, threshold, prior_sd).sum())


def rate_per_dimension(rate_each: Tensor, latent_ndim: int = 1) -> Tensor:
    """Return the mean rate of each latent dimension over samples and examples, (*Z) in nats.

    Args:
        rate_each: (K, B, *Z) as a stage gives it, or (N, *Z).
        latent_ndim: number of axes of Z, the last ones.

    Raises:
        ShapeError: no axis is left to average over.

    >>> import torch
    >>> rate_per_dimension(torch.tensor([[[2.0, 0.0], [4.0, 0.0]]]))
    tensor([3., 0.], dtype=torch.float64)
    """
    if rate_each.ndim <= latent_ndim:
        raise ShapeError(
            f"rate_per_dimension: expected axes of examples before the {latent_ndim} of the "
            f"latent, got shape {tuple(rate_each.shape)}."
        )
    latent = rate_each.shape[rate_each.ndim - latent_ndim :]
    return rate_each.detach().cpu().double().reshape(-1, *latent).mean(0)
