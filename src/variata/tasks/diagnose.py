"""`diagnose`: gather the evidence of a run and ask the doctor."""

from __future__ import annotations

import torch
from torch import Tensor

from variata.data import Examples
from variata.doctor import Evidence, Finding, examine
from variata.errors import NoDensityError
from variata.models import Trace
from variata.tasks.bulk import chunks, outputs, quiet
from variata.tasks.evaluate import Evaluation
from variata.tasks.model import Model
from variata.tasks.passes import one_pass
from variata.tasks.samples import all_x, draw_samples
from variata.tasks.show import some
from variata.training import on

ROWS = 2_000
RESAMPLED = 16


def diagnose(model: Model, evaluation: Evaluation) -> list[Finding]:
    """Everything that is wrong, or worth knowing, about a run; the gravest first.

    Needs the rows that the run learnt from; without them (data given in memory) the findings are
    those of the evaluated rows alone.
    """
    return examine(gather_evidence(model, evaluation))


def gather_evidence(model: Model, evaluation: Evaluation) -> Evidence:
    """What the doctor looks at."""
    known = some(evaluation.train or evaluation.test, ROWS)
    test = some(evaluation.test, ROWS)
    seen = one_pass(model.module, known)
    observed = one_pass(model.module, test)
    x = all_x(known, ROWS)
    about, schema = model.saved.about, model.schema
    record = about.get("data", {})
    can_sample = observed.rate is not None
    distortion, self_distortion = _surprise(model, test)
    own = torch.as_tensor(schema.decode(x)).reshape(len(x), -1).double()
    return Evidence(
        source=str(record.get("source") or record.get("name") or "DATA"),
        recipe=model.recipe,
        arguments=model.saved.arguments,
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
        samples=draw_samples(model.module, len(x), 0) if can_sample else None,
        labels=_labels_of(known, ROWS),
        means=observed.means,
        scales=observed.scales,
        rate_each=observed.rate_each,
        elbo_train=seen.elbo,
        elbo_test=observed.elbo,
        distortion=distortion,
        self_distortion=self_distortion,
    )


def _labels_of(examples: Examples, limit: int) -> Tensor | None:
    if examples.labels is None:
        return None
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(0))[:limit]
    return examples.labels[order]


def _surprise(model: Model, examples: Examples) -> tuple[Tensor, Tensor]:
    of_data, of_draws = [], []
    with quiet(model.module, 0) as device:
        for index in chunks(len(examples), outputs(model.module)):
            trace = model.module.observe(on(examples.gather(index), device), RESAMPLED)
            chosen = _chosen(trace)
            drawn = trace.likelihood.sample()
            of_data.append(trace.distortion()[chosen].cpu())
            of_draws.append(-trace.likelihood.log_prob(drawn)[chosen].cpu())
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
