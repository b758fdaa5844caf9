"""The recipes that are compared unless others are named, on small data of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from variata.tasks.comparison.compare import compare
from variata.tasks.comparison.contenders import IMAGES, ROWS

ASKED: dict[str, Any] = {"epochs": 1, "seeds": (0,), "rows": 20, "k": 2}


def pictures(folder: Path, n: int = 60) -> Path:
    """Coloured ramps of 16 x 16 pixels, in as many files."""
    random = np.random.default_rng(0)
    ramp = np.linspace(0, 1, 16)
    folder.mkdir()
    for i in range(n):
        a, b, c = random.random((3, 3))
        image = a + b * ramp[:, None, None] + c * ramp[None, :, None]
        noisy = image * 110 + random.normal(size=image.shape)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{i}.png")
    return folder


def numbers(path: Path, columns: int, n: int = 120) -> Path:
    x = np.random.default_rng(0).normal(size=(n, columns))
    x[:, -1] = x.sum(1)
    head = ",".join("abc"[:columns])
    np.savetxt(path, x, "%.3f", delimiter=",", header=head, comments="")
    return path


@pytest.mark.slow
def test_on_pictures_in_colour(tmp_path: Path) -> None:
    found = compare(str(pictures(tmp_path / "p")), out=tmp_path / "out", **ASKED)
    assert [row.name for row in found.rows] == [*IMAGES]
    assert [row.ended for row in found.rows] == ["1 of 1 done"] * len(IMAGES)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [1, 3])
def test_on_numbers(columns: int, tmp_path: Path) -> None:
    found = compare(str(numbers(tmp_path / "n.csv", columns)), out=tmp_path / "out", **ASKED)
    left_out = ["flow_prior"] if columns == 1 else []
    assert [row.name for row in found.rows] == [name for name in ROWS if name not in left_out]
    assert [row.ended for row in found.rows] == ["1 of 1 done"] * len(found.rows)
