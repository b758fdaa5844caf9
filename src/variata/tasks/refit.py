"""A prior fitted to the latents of a trained model, against "good reconstructions, bad samples"."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from variata.data import Examples
from variata.errors import DataError, UsageError
from variata.models import likelihood_of
from variata.recipes.refit import (
    OF_CODES,
    fitted_level,
    give_prior,
    levels_of,
    prior_call,
    refuse_other_kind,
    usual_prior,
)
from variata.tasks.abilities import require_encoder
from variata.tasks.bulk import batch_of, in_blocks
from variata.tasks.codes import coded_latents
from variata.tasks.interrupt import interruptible, refuse_unwritten
from variata.tasks.model import Model
from variata.tasks.prior_fits import Latents, fit_codes, fit_prior
from variata.tasks.source import reopened
from variata.tasks.spaces import on_sphere
from variata.training import Callback, forked

FEWEST = 20
ROWS = 50_000  # of the training data, at most
DRAWS = 100_000  # latents that a prior learns from, several for each row where there are few
APART = 0.1  # of the rows: that judge the prior, and as many that choose the weights of a network


@dataclass(frozen=True)
class Refit:
    """What fitting a prior has changed.

    Attributes:
        model: with the fitted prior.
        before, after: log p(z) of the fitted latents of other rows, which had no part in the fit,
            nats per example.
        rows: whose latents it was fitted to, or chosen by.
        estimated: whether `before` or `after` is an estimate, as the density of a diffusion is.
    """

    model: Model
    before: float
    after: float
    rows: int
    estimated: bool = False


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
        model: a trained model, which is left as it is. Of codes, the priors of all levels are
            fitted; of several levels of real latents that of the highest, which those below know.
        prior: "gmm", "flow" or "diffusion", or "autoregressive" where latents are codes; None for
            "gmm", or the last where all are. See `variata.recipes.refit`.
        data: rows to fit to; None takes the training rows of the data it was trained on.
        condition: of these rows, for a model with one; None takes the data's own.
        seed: of all noise.
        callbacks: what may watch the training of a network.
        arguments: of the prior, such as `components=20`.

    Raises:
        UsageError: for an unknown prior or argument, or latents on a sphere.
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
    require_encoder(model.recipe, model.module, "have a prior fitted to latents")
    call = prior_call(prior or usual_prior(model.module), arguments)
    refuse_other_kind(model.module, call["name"])
    _refuse_second_kind(model, call["name"])
    if call["name"] in OF_CODES:
        examples = _rows(model, data, condition, seed)
        return _refit_codes(model, call, examples, seed, callbacks)
    if on_sphere(model.module):
        raise UsageError(
            f"The latents of {model.recipe} lie on a sphere, on which no fitted prior has a "
            "density: its own is uniform; for another, train a recipe in plain space, such as vae."
        )
    module = copy.deepcopy(model.module)
    place = fitted_level(module)
    before: Any = levels_of(module)[place].prior
    give_prior(module, call)
    fitted: Any = levels_of(module)[place].prior
    z, judging = _latents(model, _rows(model, data, condition, seed), place, seed)
    known = next(model.module.parameters())
    with forked("cpu", seed):
        choosing, learning = z[0, : len(judging)], z[:, len(judging) :].flatten(0, 1)
        fit_prior(call["name"], fitted, learning, choosing, seed, callbacks)
    module.to(known).eval()
    saved = replace(model.saved, module=module, prior=call)
    was, now = (_mean_log_prob(p, judging.to(known)) for p in (before, fitted))
    refuse_unwritten("the prior was fitted")
    estimated = "estimated" in {likelihood_of(model.module), likelihood_of(module)}
    return Refit(Model(saved), was, now, z.shape[1], estimated)


def _refuse_second_kind(model: Model, name: str) -> None:
    """A run names one fitted prior, of its codes or of its real latents."""
    before = model.saved.prior
    if before is not None and (before["name"] in OF_CODES) != (name in OF_CODES):
        raise UsageError(
            f"A prior was fitted to this run before, {before['name']}, and {name} is for "
            "its other latents: fit it to the run that was trained."
        )


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
        give_prior(module, call)
    drawn, cut = coded_latents(model.module, examples, seed), round(APART * len(examples))
    was = now = 0.0
    for old, level, (z, h) in zip(before, levels_of(module), drawn, strict=True):
        new: Any = level.prior
        if new is not old:
            rows = Latents(z, h)
            judging, choosing = rows.part(0, cut), rows.part(cut, 2 * cut)
            learning = rows.part(2 * cut, len(rows))
            with forked("cpu", seed):
                fit_codes(new, learning, choosing, seed, callbacks)
            was += _mean_log_prob(old, judging.z, judging.h)
            now += _mean_log_prob(new, judging.z, judging.h)
    module.to(next(model.module.parameters())).eval()
    saved = replace(model.saved, module=module, prior=call)
    refuse_unwritten("the prior was fitted")
    return Refit(Model(saved), was, now, len(examples) - cut)


def _latents(model: Model, examples: Examples, place: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draws of a level's q(z | x) for every row to fit to (D, N, L), and of others to judge by."""
    copies, cut = max(1, DRAWS // len(examples)), round(APART * len(examples))
    parts: list[Tensor] = []

    def work(part: range) -> Tensor:
        stages = model.module.infer(batch_of(model.module, examples, part), copies)
        return stages[place].z.float().cpu()

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


def _mean_log_prob(prior: Any, z: Tensor, h: Tensor | None = None) -> float:
    with torch.inference_mode():
        return float(prior(h).log_prob(z).mean())
