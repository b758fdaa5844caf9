"""A prior fitted to the latents of a trained model, against "good reconstructions, bad samples"."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from variata.batch import Batch
from variata.data import Examples
from variata.errors import DataError, UsageError
from variata.models import LatentModel
from variata.objectives import Distortion, Objective
from variata.recipes.refit import give_prior, levels_of, prior_call
from variata.schedules import constant
from variata.tasks.bulk import batch_of, in_blocks
from variata.tasks.codes import coded_latents, has_codes
from variata.tasks.interrupt import interruptible, refuse_unwritten
from variata.tasks.model import Model
from variata.tasks.source import reopened
from variata.tasks.spaces import on_sphere
from variata.training import Callback, Phase, Settings, forked
from variata.training import fit as train

FEWEST = 20
ROWS = 50_000  # of the training data, at most
DRAWS = 100_000  # latents that a flow learns from, several for each row where there are few
MIXED = 20_000  # latents that a mixture is fitted to
APART = 0.1  # of the rows: that judge the prior, and as many that choose the weights of a flow
RIDGE = 1e-6  # added to the variances of a mixture, as a share of those of the latents
SEQUENCES = 200_000  # of codes that a transformer is shown
CODES = Settings(batch_size=250, lr=2e-3, patience=0.3, weight_decay=0.01)
FLOW = Settings(epochs=12, batch_size=500, lr=2e-3)


@dataclass(frozen=True)
class Refit:
    """What fitting a prior has changed.

    Attributes:
        model: with the fitted prior.
        before, after: log p(z) of latents of other rows, which had no part in the fit, nats per
            example.
        rows: whose latents it was fitted to, or chosen by.
    """

    model: Model
    before: float
    after: float
    rows: int


@interruptible
def refit_prior(
    model: Model,
    prior: str | None = None,
    *,
    data: Any = None,
    condition: Any = None,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
    **arguments: Any,
) -> Refit:
    """Fit a prior to the latents that a trained model gives its training rows.

    Encoder and decoder stay as they are. Samples then start from latents like those of the data;
    for a model with a rate, the bound tightens by what the prior gains.

    Args:
        model: a trained model with a single level of latents, or with levels of codes, whose
            priors are all fitted; it is left as it is.
        prior: "gmm" or "flow", or "autoregressive" where latents are codes; None for "gmm" or the
            last. See `variata.recipes.refit`.
        data: rows to fit to; None takes the training rows of the data it was trained on.
        condition: of these rows, for a model with one; None takes the data's own.
        seed: of all noise.
        callbacks: what may watch the training of a flow.
        arguments: of the prior, such as `components=20`.

    Raises:
        UsageError: for an unknown prior or argument, a model with several levels, or latents on a
            sphere.
        DataError: when no data is named and the model's own is not at hand, or for too few rows.
        InterruptError: when a signal (SIGINT, SIGTERM, SIGUSR1) ended the fit.

    References:
        From Variational to Deterministic Autoencoders (Ghosh et al., 2019), arXiv:1903.12436
        Diagnosing and Enhancing VAE Models (Dai and Wipf, 2019), arXiv:1903.05789

    >>> from variata import fit
    >>> model = fit("digits", latent=4, hidden=(32,), epochs=2)
    >>> refit = refit_prior(model, "gmm", components=3)
    >>> refit.model.sample(2).shape, refit.rows
    ((2, 8, 8), 1293)
    """
    call = prior_call(prior or usual_prior(model), arguments)
    if has_codes(model.module):
        examples = _rows(model, data, condition, seed)
        return _refit_codes(model, call, examples, seed, callbacks)
    if on_sphere(model.module):
        raise UsageError(
            f"The latents of {model.recipe} lie on a sphere, on which no fitted prior has a "
            "density: its own is uniform; for another, train a recipe in plain space, such as vae."
        )
    module = copy.deepcopy(model.module)
    before = module.levels[0].prior  # type: ignore[union-attr]
    give_prior(module, model.latent, call)
    fitted: Any = module.levels[0].prior  # type: ignore[union-attr]
    z, judging = _latents(model, _rows(model, data, condition, seed), seed)
    known = next(model.module.parameters())
    with forked("cpu", seed):
        if call["name"] == "gmm":
            _fit_mixture(fitted, z.flatten(0, 1), seed)
        else:
            choosing, learning = z[0, : len(judging)], z[:, len(judging) :].flatten(0, 1)
            fitted.standardise(learning)
            settings = replace(FLOW, seed=seed)
            _fit_density(fitted, _Latents(learning), _Latents(choosing), settings, callbacks)
    module.to(known).eval()
    saved = replace(model.saved, module=module, prior=call)
    was, now = (_mean_log_prob(p, judging.to(known)) for p in (before, fitted))
    refuse_unwritten("the prior was fitted")
    return Refit(Model(saved), was, now, z.shape[1])


def usual_prior(model: Model) -> str:
    """The name of the prior that is fitted unless another is asked for."""
    return "autoregressive" if has_codes(model.module) else "gmm"


def _refit_codes(
    model: Model,
    call: dict[str, Any],
    examples: Examples,
    seed: int,
    callbacks: Sequence[Callback],
) -> Refit:
    """The same for codes: level by level, each given what lies above."""
    module = copy.deepcopy(model.module).cpu().float()
    before = [level.prior for level in levels_of(module)]
    with forked("cpu", seed):
        give_prior(module, model.latent, call)
    drawn, cut = coded_latents(model.module, examples, seed), round(APART * len(examples))
    was = now = 0.0
    for old, level, (z, h) in zip(before, levels_of(module), drawn, strict=True):
        new: Any = level.prior
        if new is not old:
            rows = _Latents(z, h)
            judging, choosing = rows.part(0, cut), rows.part(cut, 2 * cut)
            learning = rows.part(2 * cut, len(rows))
            with forked("cpu", seed):
                _fit_density(new, learning, choosing, _settings(len(learning), seed), callbacks)
            was += _mean_log_prob(old, judging.z, judging.h)
            now += _mean_log_prob(new, judging.z, judging.h)
    module.to(next(model.module.parameters())).eval()
    saved = replace(model.saved, module=module, prior=call)
    refuse_unwritten("the prior was fitted")
    return Refit(Model(saved), was, now, len(examples) - cut)


def _settings(rows: int, seed: int) -> Settings:
    """As many epochs as show a transformer about as many sequences, however many rows there are."""
    return replace(CODES, epochs=max(3, min(400, SEQUENCES // max(1, rows))), seed=seed)


def _latents(model: Model, examples: Examples, seed: int) -> tuple[Tensor, Tensor]:
    """Draws of q(z | x) for every row to fit to (D, N, L), and of other rows to judge by (M, L)."""
    copies, cut = max(1, DRAWS // len(examples)), round(APART * len(examples))
    parts: list[Tensor] = []

    def work(part: range) -> Tensor:
        [stage] = model.module.infer(batch_of(model.module, examples, part), copies)
        return stage.z.float().cpu()

    in_blocks(model.module, len(examples), seed, work, parts.append, copies)
    z = torch.cat(parts, 1)
    return z[:, cut:], z[0, :cut]


def _rows(model: Model, data: Any, condition: Any, seed: int) -> Examples:
    if data is None:
        examples = reopened(model.saved.about.get("data", {})).train
    else:
        examples = model.examples(data, condition)
    if len(examples) < FEWEST:
        raise DataError(f"A prior is fitted to {FEWEST} rows or more; there are {len(examples)}.")
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed))
    return examples.subset(order[:ROWS])


def _fit_mixture(prior: Any, z: Tensor, seed: int) -> None:
    from sklearn.mixture import GaussianMixture

    order = torch.randperm(len(z))[:MIXED]
    rows, components = z[order].double().numpy(), len(prior.log_weights)
    ridge = max(RIDGE * float(rows.var(0).mean()), 1e-10)
    found = GaussianMixture(min(components, len(rows)), reg_covar=ridge, random_state=seed).fit(
        rows
    )
    take = (found.weights_, found.means_, found.covariances_)
    prior.take(*(torch.as_tensor(part) for part in take))


class _Unconditional(nn.Module):
    """A prior in the place of a decoder: a model without latents, whose likelihood it is."""

    def __init__(self, prior: nn.Module) -> None:
        super().__init__()
        self.prior = prior

    def forward(self, h: Tensor | None) -> Distribution:
        return self.prior(h)


@dataclass(frozen=True)
class _Latents:
    """Latents (N, L) as examples, each with what lies above it, (N, C)."""

    z: Tensor
    h: Tensor | None = None

    def __len__(self) -> int:
        return len(self.z)

    def part(self, start: int, stop: int) -> _Latents:
        h = None if self.h is None else self.h[start:stop]
        return _Latents(self.z[start:stop], h)

    def gather(self, index: Tensor) -> Batch:
        z, h = self.z[index], None if self.h is None else self.h[index]
        return Batch(z, z, c=h, index=index)


def _fit_density(
    prior: nn.Module,
    known: _Latents,
    valid: _Latents,
    settings: Settings,
    callbacks: Sequence[Callback],
) -> None:
    """Train a density on latents by maximum likelihood: the `fit` of a VAE without z."""
    density = LatentModel(nn.Identity(), [], _Unconditional(prior))
    phases = [Phase(Objective(distortion=(constant(1), Distortion())))]
    train(density, phases, known, valid, settings, callbacks=callbacks)


def _mean_log_prob(prior: Any, z: Tensor, h: Tensor | None = None) -> float:
    with torch.inference_mode():
        return float(prior(h).log_prob(z).mean())
