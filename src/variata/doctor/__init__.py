"""Named findings: evidence, likely cause, and the command to try."""

from variata.doctor.finding import Diagnosis, Evidence, Finding
from variata.doctor.findings import DIAGNOSES, examine

__all__ = ["DIAGNOSES", "Diagnosis", "Evidence", "Finding", "examine"]
