"""Named findings: evidence, likely cause, and the command to try."""

from variata.doctor.findings import DIAGNOSES, examine
from variata.doctor.finding import Diagnosis, Evidence, Finding

__all__ = ["DIAGNOSES", "Diagnosis", "Evidence", "Finding", "examine"]
