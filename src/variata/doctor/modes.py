"""Whether samples show every kind of example."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from variata.data.labels import has_classes
from variata.doctor.clusters import clusters, nearest
from variata.doctor.collapse import collapsed
from variata.doctor.commands import longer, train
from variata.doctor.finding import Evidence, Finding
from variata.doctor.readings import latent
from variata.doctor.words import counted
from variata.metrics.linear import principal_axes
from variata.metrics.modes import PRESENT, SMALL

ROWS = 1_000  # of each: enough to tell shares of some per cent apart
AXES = 20  # principal ones: neighbours in more are neighbours by noise
FEWEST = 200  # rows: fewer make no shares
SURE = 4.5  # standard errors: with fifty classes, one false alarm in some thousand runs


def missing_modes(evidence: Evidence) -> Finding | None:
    """Classes, or clusters where there are no labels, that hardly occur among the samples."""
    if evidence.samples is None or collapsed(evidence):
        return None  # without a latent, samples are of no kind at all
    if min(len(evidence.x), len(evidence.samples)) < FEWEST:
        return None
    x, fake = _coordinates(evidence)
    places, groups = _groups(evidence, x)
    lost = _lost(groups[nearest(x[1::2], places)], groups[nearest(fake, places)])
    if not lost:
        return None
    what = "class" if has_classes(evidence.labels) else "cluster"
    told = ", ".join(f"{what} {c}: {a:.1%} of the data, {b:.1%} of samples" for c, a, b in lost[:5])
    return Finding(
        name="missing-modes",
        title="Samples leave out a part of the data",
        severity="warning",
        evidence=f"{told} ({len(fake):,} samples, by nearest neighbours in "
        f"{counted(x.shape[1], 'principal axis', 'principal axes')})",
        cause="Draws of the model hardly ever lead to these rows: they lie at its edge, or the "
        "model is too small for them or has not been trained for long enough.",
        command=_more(evidence),
    )


def _more(evidence: Evidence) -> str:
    """A longer training, with twice the latent where there is one."""
    if not latent(evidence):
        return train(evidence, epochs=longer(evidence))
    return train(evidence, latent=2 * latent(evidence), epochs=longer(evidence))


def _coordinates(evidence: Evidence) -> tuple[Tensor, Tensor]:
    x = _real(evidence, evidence.x[:ROWS])
    fake = _real(evidence, (evidence.x if evidence.samples is None else evidence.samples)[:ROWS])
    mean = x.mean(0)
    axes = principal_axes(x - mean, AXES)
    return (x - mean) @ axes, (fake - mean) @ axes


def _real(evidence: Evidence, x: Tensor) -> Tensor:
    if evidence.kind == "category":
        classes = 1 + int(evidence.x.max())
        return one_hot(x.long().clamp(0, classes - 1), classes).flatten(1).double()
    flat = x.flatten(1).double()
    flat = flat.clamp_min(0).log1p() if evidence.kind == "count" else flat
    return torch.nan_to_num(flat, posinf=1e6, neginf=-1e6)


def _groups(evidence: Evidence, x: Tensor) -> tuple[Tensor, Tensor]:
    """Places in the space of `x` and the group each stands for, from every second row."""
    half = x[::2]
    if evidence.labels is None or not has_classes(evidence.labels):
        centres = clusters(half)
        return centres, torch.arange(len(centres))
    labels = evidence.labels[:ROWS][::2]
    return half[labels >= 0], labels[labels >= 0]


def _lost(of_data: Tensor, of_samples: Tensor) -> list[tuple[int, float, float]]:
    """Groups that are far rarer among samples, with both shares."""
    lost = []
    for group in of_data.unique().tolist():
        hits, found = of_data == group, of_samples == group
        share, seen = float(hits.double().mean()), float(found.double().mean())
        pooled = float(torch.cat([hits, found]).double().mean())
        error = (pooled * (1 - pooled) * (1 / len(hits) + 1 / len(found))) ** 0.5
        if share >= SMALL and seen < PRESENT * share and share - seen > SURE * error:
            lost.append((int(group), share, seen))
    return lost
