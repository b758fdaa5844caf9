"""All diagnoses, and the examination of a run by every one of them."""

from __future__ import annotations

from variata.doctor.codes import unused_codes
from variata.doctor.collapse import posterior_collapse, spare_dimensions
from variata.doctor.columns import dead_columns, unscaled_columns
from variata.doctor.examples import too_few_examples
from variata.doctor.finding import Diagnosis, Evidence, Finding
from variata.doctor.likelihood import no_likelihood
from variata.doctor.longer import skipped_steps, train_longer
from variata.doctor.misfit import likelihood_misfit
from variata.doctor.modes import missing_modes
from variata.doctor.overfitting import overfitting
from variata.doctor.prior import prior_mismatch
from variata.doctor.underfitting import underfitting
from variata.doctor.variance import exploding_variance

DIAGNOSES: tuple[Diagnosis, ...] = (
    posterior_collapse,
    exploding_variance,
    underfitting,
    overfitting,
    likelihood_misfit,
    prior_mismatch,
    missing_modes,
    skipped_steps,
    train_longer,
    too_few_examples,
    dead_columns,
    unscaled_columns,
    unused_codes,
    spare_dimensions,
    no_likelihood,
)
GRAVITY = {"problem": 0, "warning": 1, "note": 2}


def examine(evidence: Evidence) -> list[Finding]:
    """What every diagnosis finds, the gravest first.

    A diagnosis that lacks the figures it needs, or has too few rows to be sure, finds nothing.
    """
    found = [diagnosis(evidence) for diagnosis in DIAGNOSES]
    return sorted((f for f in found if f is not None), key=lambda f: GRAVITY[f.severity])
