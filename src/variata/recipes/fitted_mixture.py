"""A mixture of Gaussians as a prior, fitted to latents."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

LEAST = 1e-10  # variance


def fit_mixture(
    prior: Any, z: Tensor, covariance: Literal["diag", "full"], ridge: float, seed: int
) -> None:
    """Fit a mixture prior to latents (N, L) by expectation maximisation.

    Args:
        prior: a mixture of `means`, which takes weights (C,), means (C, L) and covariances.
        covariance: of the components.
        ridge: added to their variances, as a share of the latents' mean variance.
        seed: of the start.
    """
    from sklearn.mixture import GaussianMixture

    rows = z.double().cpu().numpy()
    found = GaussianMixture(
        min(len(prior.means), len(rows)),
        covariance_type=covariance,
        reg_covar=max(ridge * float(rows.var(0).mean()), LEAST),
        random_state=seed,
    ).fit(rows)
    parts = (found.weights_, found.means_, found.covariances_)
    prior.take(*(torch.as_tensor(part) for part in parts))
