"""Where a model whose prior is a mixture starts: from the codes of an autoencoder."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.models import LatentModel
from variata.objectives import Distortion, Objective, Term
from variata.recipes.catalogue import Preparation
from variata.recipes.fitted_mixture import fit_mixture
from variata.recipes.gaussian import elbo
from variata.schedules import Schedule, constant
from variata.shapes import draw_mean
from variata.training import Phase, Report, Settings, fit, on
from variata.training.phase import View
from variata.training.signals import Stopped, StopRequest
from variata.training.validation import some_rows

ROWS, AT_ONCE = 20_000, 1_000  # that mixtures are fitted to
RIDGE = 1e-3  # of the latents' mean variance, added to those of the mixture


@dataclass(frozen=True)
class MixtureStart:
    """An autoencoder, then the best of several mixtures fitted to its codes, by the bound.

    Args:
        restarts: mixtures, each of which is learned with the model for an equal part of half of
            the time, and no more than there are epochs for.
        further: terms beside the bound.
        view: of the data.
    """

    restarts: int
    further: Mapping[str, tuple[Schedule, Term]]
    view: View | None

    def __call__(self, made: LatentModel, how: Preparation) -> None:
        first, rest = how.settings.divided(0.5)
        self._learn(made, Objective(distortion=(constant(1), Distortion())), how, first)
        restarts = min(self.restarts, rest.epochs or self.restarts)
        each, _ = rest.divided(1 / restarts)
        codes, start, tried = _codes(made, how), _copied(made), []
        for i in range(restarts):
            made.load_state_dict(start)
            prior: Any = made.levels[0].prior  # type: ignore[union-attr]
            fit_mixture(prior, codes, "diag", RIDGE, how.settings.seed + i)
            reports = self._learn(made, elbo(0.0, further=self.further), how, each)
            kept = [report.valid["elbo"] for report in reports if report.best]
            tried.append((kept[-1], _copied(made)))
        made.load_state_dict(max(tried, key=lambda trial: trial[0])[1])

    def _learn(
        self, made: LatentModel, objective: Objective, how: Preparation, settings: Settings
    ) -> Sequence[Report]:
        """Train for some time; what validation said."""
        history = fit(
            made,
            [Phase(objective, view=self.view)],
            how.train,
            how.valid,
            settings,
            device=how.device,
            processes=how.processes,
        )
        if history.signal is not None:
            raise Stopped(history.signal)
        StopRequest.begin_anew()  # a preparation that is stopped begins again
        return history.reports


def _copied(model: LatentModel) -> dict[str, Tensor]:
    """The weights of a model, as they are now."""
    return copy.deepcopy(model.state_dict())


def _codes(model: LatentModel, how: Preparation) -> Tensor:
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


def _means(model: LatentModel, batch: Batch) -> Tensor:
    return model.infer(batch, how=draw_mean)[0].z[0]
