"""Clusters as components of the prior, which are learned with the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from annotated_types import Ge, Le

from variata.batch import Batch
from variata.conditionals import MixturePrior
from variata.models import LatentModel
from variata.objectives import Distortion, Objective
from variata.recipes.catalogue import Composition, Preparation, recipe
from variata.recipes.gaussian import Share, elbo, gaussian_model
from variata.recipes.parts import Parts
from variata.schedules import constant
from variata.shapes import draw_mean
from variata.training import Phase, fit, on
from variata.training.signals import Stopped
from variata.training.validation import some_rows

ROWS, AT_ONCE = 20_000, 1_000  # that the first mixture is fitted to
RIDGE = 1e-3  # of the latents' mean variance, added to those of the mixture
Count = Annotated[int, Ge(1)]


@recipe
def vade(
    parts: Parts,
    clusters: Annotated[int, Ge(1), Le(1_000)] = 10,
    pretrain_share: Share = 0.3,
    restarts: Count = 5,
    warm_up_share: Share = 0.0,
) -> Composition:
    """VaDE: a mixture of Gaussians as the prior, learned with the model, whose modes are clusters.

    Maximises the ELBO, E_q[log p(x | z) + log p(z) - log q(z | x)], where the component c of
    p(z) = sum_c w_c N(z; m_c, s_c) is summed out exactly. It starts from an autoencoder and a
    mixture fitted to its codes. `variata cluster` gives each row's p(c | z) at its posterior mean.
    A small latent, such as 10, suits clusters; of several seeds, keep the run of the best ELBO.

    Args:
        clusters: components of the mixture.
        pretrain_share: of the training, in which the autoencoder learns; 0 starts at random.
        restarts: mixtures fitted to the codes, of which the likeliest is taken.
        warm_up_share: of what follows, over which the weight of the rate rises to 1.

    Reference:
        Variational Deep Embedding: An Unsupervised and Generative Approach to Clustering (Jiang
        et al., 2016), arXiv:1611.05148
    """
    latent = parts.latent or 1
    model = gaussian_model(parts, prior=lambda *_: MixturePrior(latent, clusters))
    prepare = _Autoencoder(restarts) if pretrain_share else None
    phase = Phase(elbo(warm_up_share))
    return Composition(model, [phase], prepare=prepare, prepare_share=pretrain_share)


@dataclass(frozen=True)
class _Autoencoder:
    """Trains a model without its rate, then fits its prior to the codes."""

    restarts: int

    def __call__(self, made: LatentModel, how: Preparation) -> None:
        phases = [Phase(Objective(distortion=(constant(1), Distortion())))]
        history = fit(
            made,
            phases,
            how.train,
            how.valid,
            how.settings,
            device=how.device,
            processes=how.processes,
        )
        if history.signal is not None:
            raise Stopped(history.signal)
        fit_mixture(made, _codes(made, how), self.restarts, how.settings.seed)


def fit_mixture(model: LatentModel, codes: torch.Tensor, restarts: int, seed: int) -> None:
    """Make the prior of a model the likeliest of several mixtures fitted to codes (N, L)."""
    from sklearn.mixture import GaussianMixture

    level: Any = model.levels[0]
    rows, components = codes.double().cpu().numpy(), len(level.prior.weights)
    ridge = max(RIDGE * float(rows.var(0).mean()), 1e-10)
    found = GaussianMixture(
        min(components, len(rows)), covariance_type="diag", reg_covar=ridge,
        n_init=restarts, random_state=seed,
    ).fit(rows)  # fmt: skip
    take = (found.weights_, found.means_, found.covariances_)
    level.prior.take(*(torch.as_tensor(part) for part in take))


def _codes(model: LatentModel, how: Preparation) -> torch.Tensor:
    """Posterior means of some training rows, (N, L)."""
    index = some_rows(len(how.train), how.settings.seed, ROWS)
    some = next(model.parameters())
    model.eval()
    with torch.inference_mode():
        parts = [
            _means(model, on(how.train.gather(i), some.device, some.dtype))
            for i in index.split(AT_ONCE)
        ]
    model.train()
    return torch.cat(parts)


def _means(model: LatentModel, batch: Batch) -> torch.Tensor:
    return model.infer(batch, how=draw_mean)[0].z[0]


__all__ = ["fit_mixture", "vade"]
