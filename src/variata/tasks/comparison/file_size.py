"""What rows take in a file that `compress` writes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from variata.data import Examples
from variata.errors import MissingExtraError, UsageError
from variata.shapes import numel
from variata.tasks.comparison.figures import Figures, plain
from variata.tasks.model import Model
from variata.tasks.show import original

ROWS, NUMBERS = 1_000, 500_000  # that are coded, at most


def bits_in_file(model: Model, test: Examples) -> Figures | None:
    """Bits for each value of some test rows in a `.vrt` file; no figure where they are not coded,
    None where what codes them is not installed."""
    count = min(len(test), ROWS, max(1, NUMBERS // numel(model.schema.shape)))
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = model.compress(original(test, count), Path(folder) / "rows.vrt")
        except MissingExtraError:
            return None
        except UsageError:
            return {}
    return {"bits_in_file": plain(made.bits_per_dim)}
