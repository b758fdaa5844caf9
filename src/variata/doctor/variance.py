"""Posteriors of absurd size, and a likelihood whose scale has nowhere left to go."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from variata.doctor.commands import train
from variata.doctor.finding import Evidence, Finding
from variata.doctor.readings import elements
from variata.doctor.words import counted, verb

FAR = 50.0  # prior standard deviations: no prior draw ever comes near
BROAD = 20.0  # a posterior so much broader than the prior is an accident of training
AT_FLOOR = 1.3  # times the floor, on average over the columns
HALF_LOG_2PIE = 0.5 * math.log(2 * math.pi * math.e)


def exploding_variance(evidence: Evidence) -> Finding | None:
    """A scale or a mean beyond any use."""
    found = _not_finite(evidence) or _latents(evidence)
    if found is not None:
        return _finding(
            "The posterior has left all bounds",
            "problem",
            found + _skipped(evidence),
            "Steps too large for this data, or examples far outside what is usual in it.",
            train(evidence, lr=5e-4),
        )
    floored = _floored(evidence)
    if floored is None:
        return None
    return _finding(
        "The likelihood's scale is at its floor",
        "warning",
        floored,
        "The latent rebuilds the data to its last digit (copied or computed columns, or no noise "
        "at all), so nats measure the rounding and not the model.",
        train(evidence, latent=max(1, evidence.means.shape[1] // 2)),
    )


def _finding(title: str, severity: str, found: str, cause: str, command: str) -> Finding:
    grave = "problem" if severity == "problem" else "warning"
    return Finding("exploding-variance", title, grave, found, cause, command)


def _not_finite(evidence: Evidence) -> str | None:
    known = {"means": evidence.means, "scales": evidence.scales, "distortion": evidence.distortion}
    bad = {n: int((~v.isfinite()).sum()) for n, v in known.items() if v is not None}
    told = [f"{count:,} {name} of test rows" for name, count in bad.items() if count]
    return f"not finite: {', '.join(told)}" if told else None


def _latents(evidence: Evidence) -> str | None:
    if evidence.scales is None or evidence.means.numel() == 0:
        return None
    far, broad = float(evidence.means.abs().max()), float(evidence.scales.max())
    if far < FAR and broad < BROAD:
        return None
    return (
        f"posterior means reach {far:.3g} and posterior standard deviations {broad:.3g}, where the "
        "prior has 0 and 1"
    )


def _skipped(evidence: Evidence) -> str:
    count = int(evidence.training.get("skipped", 0))
    return (
        f"; {counted(count, 'training step')} {verb(count, 'was', 'were')} not finite and left out"
        if count
        else ""
    )


def _floored(evidence: Evidence) -> str | None:
    """Whether a Gaussian's scale, known from the distortion of its own draws, is at the floor."""
    floor = _log_floor(evidence)
    if floor is None or len(evidence.self_distortion) == 0:
        return None
    varying = _varying(evidence)
    count = int(varying.sum())
    constant = float(floor[~varying].sum())
    each = float(evidence.self_distortion.double().mean()) - elements(evidence) * HALF_LOG_2PIE
    if count == 0:
        return None
    log_scale, log_least = (each - constant) / count, float(floor[varying].mean())
    if not log_scale < log_least + math.log(AT_FLOOR):
        return None
    scale, least = math.exp(log_scale), math.exp(log_least)
    return (
        f"the standard deviation of p(x | z) is {scale:.2g} in standardised units, and may not "
        f"fall below {least:.2g} (geometric means over {counted(count, 'element')})"
    )


def _log_floor(evidence: Evidence) -> Tensor | None:
    floor = evidence.arguments.get("floor")
    if evidence.likelihood != "gaussian" or floor is None:
        return None
    known = torch.as_tensor(floor, dtype=torch.float64).reshape(-1)
    if len(known) not in (1, elements(evidence)) or bool((known <= 0).any()):
        return None
    return known.log().expand(elements(evidence))


def _varying(evidence: Evidence) -> Tensor:
    x = evidence.x.flatten(1)
    return x.amax(0) > x.amin(0)
