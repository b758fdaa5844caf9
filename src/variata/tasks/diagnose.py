"""`diagnose`: gather the evidence of a run and ask the doctor."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from variata import recipes
from variata.data import Examples
from variata.doctor import Evidence, Finding, examine
from variata.errors import NoDensityError
from variata.models import Trace, encodes
from variata.recipes.parts import Parts
from variata.store import Saved
from variata.tasks.bulk import batch_of, in_blocks
from variata.tasks.evaluate import Evaluation
from variata.tasks.latents import can_sample
from variata.tasks.model import Model
from variata.tasks.passes import measured_rows, one_pass
from variata.tasks.plan import TOLD_BY_DATA
from variata.tasks.samples import all_x, draw_samples
from variata.tasks.show import some
from variata.tasks.source import DataOptions, options_of
from variata.training import Settings
from variata.training.habits import habits_of

ROWS = 2_000
FEW = 200  # of them, where each takes hundreds of passes
RESAMPLED = 16


def diagnose(model: Model, evaluation: Evaluation, run: Path | None = None) -> list[Finding]:
    """Everything that is wrong, or worth knowing, about a run; the gravest first.

    Needs the rows that the run learnt from; without them (data given in memory) the findings are
    those of the evaluated rows alone. `run` is the folder that commands name.
    """
    return examine(gather_evidence(model, evaluation, run))


def gather_evidence(model: Model, evaluation: Evaluation, run: Path | None = None) -> Evidence:
    """What the doctor looks at."""
    known = some(evaluation.train or evaluation.test, ROWS)
    test = some(evaluation.test, ROWS)
    seen, observed = (
        one_pass(model.module, measured_rows(model.module, rows, FEW)) for rows in (known, test)
    )
    x = all_x(known, ROWS)
    about, schema = model.saved.about, model.schema
    record = about.get("data", {})
    given, given_own = asked(model.saved)
    distortion = self_distortion = torch.empty(0)
    if encodes(model.module):  # else nothing is left open that a likelihood could describe
        distortion, self_distortion = _surprise(model, test)
    own = torch.as_tensor(schema.decode(x)).reshape(len(x), -1).double()
    return Evidence(
        source=record.get("source") or "DATA",
        run="RUN" if run is None else str(run),
        recipe=model.recipe,
        arguments=model.saved.arguments,
        given=given,
        given_own=given_own,
        kind=schema.kind,
        layout=schema.layout,
        likelihood=schema.likelihood,
        columns=schema.columns,
        own_scale=own.std(0, unbiased=False),
        figures=evaluation.figures,
        history=model.history,
        training=about.get("training", {}),
        train_rows=int(record.get("rows", [len(known)])[0]),
        x=x,
        samples=_samples(model, known, len(x)),
        labels=_labels_of(known, ROWS),
        means=observed.means,
        scales=observed.scales if len(model.module.levels) == 1 else None,
        rate_each=observed.rate_each,
        elbo_train=seen.elbo,
        elbo_test=observed.elbo,
        distortion=distortion,
        self_distortion=self_distortion,
        prior=evaluation.prior,
    )


def _samples(model: Model, known: Examples, count: int) -> Tensor | None:
    if not can_sample(model.module):
        return None
    return draw_samples(model.module, count, 0, known.context)


def asked(saved: Saved) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a run was told beyond data and recipe: options that any recipe takes, and its own.

    Only what differs from the choice that would be made without being told.
    """
    record, arguments = saved.about.get("data", {}), saved.arguments
    reading, plain = options_of(record), DataOptions()
    told = {f.name: getattr(reading, f.name) for f in fields(DataOptions)}
    given = {name: value for name, value in told.items() if value != getattr(plain, name)}
    if "fractions" in given:
        given["split"] = given.pop("fractions")
    settings = saved.about.get("settings", {})
    usual = Settings().resolved(record.get("rows", [1])[0], habits_of(saved.module)).as_dict()
    given |= _changed(settings, usual)
    shape = {name: arguments[name] for name in TOLD_BY_DATA if name in arguments}
    parts = vars(Parts(**shape).resolved())
    own = {name: p.default for name, p in recipes.get(saved.recipe).own.items()}
    return given | _changed(arguments, parts), _changed(arguments, own)


def _changed(values: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """Those of `usual` that have another value, in its order; modules are no options."""
    return {
        name: values[name]
        for name, value in usual.items()
        if values.get(name) not in (None, value) and not isinstance(values[name], torch.nn.Module)
    }


def _labels_of(examples: Examples, limit: int) -> Tensor | None:
    if examples.labels is None:
        return None
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(0))[:limit]
    return examples.labels[order]


def _surprise(model: Model, examples: Examples) -> tuple[Tensor, Tensor]:
    found: list[tuple[Tensor, Tensor]] = []

    def work(part: range) -> tuple[Tensor, Tensor]:
        trace = model.module.observe(batch_of(model.module, examples, part), RESAMPLED)
        chosen, drawn = _chosen(trace), trace.likelihood.sample()
        of_draws = -trace.likelihood.log_prob(drawn)[chosen]
        return trace.distortion()[chosen].cpu(), of_draws.cpu()

    in_blocks(model.module, len(examples), 0, work, found.append, RESAMPLED)
    of_data, of_draws = zip(*found, strict=True)
    return torch.cat(of_data), torch.cat(of_draws)


def _chosen(trace: Trace) -> tuple[Tensor, Tensor]:
    """One draw for each row, taken by its importance weight: nearly one from p(z | x) itself.

    At draws from q the likelihood would be blamed for what only the posterior gets wrong.
    """
    rows = torch.arange(trace.distortion().shape[1], device=trace.distortion().device)
    try:
        weights = trace.log_weight()
    except NoDensityError:
        return torch.zeros_like(rows), rows
    return torch.distributions.Categorical(logits=weights.T).sample(), rows
