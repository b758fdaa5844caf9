"""Steps of every recipe can be compiled with short products; what comes of them is finite."""

from __future__ import annotations

import numpy as np
import pytest

from compiled import NEEDS_COMPILER
from rows import Rows
from test_recipes import IMAGES, compose, everything, values
from variata.models import start
from variata.training import Settings, fit

WIDE = {"hidden": (64,)}  # enough for vector instructions
STEPS = Settings(epochs=2, batch_size=32, compile="on", precision="bf16", threads=1)
COLOUR = "colour, convolutional"

learnt = [
    pytest.param(*case.values, id=case.id)
    for case in everything
    if case.values[1] == (COLOUR if case.values[0] in IMAGES else "rows")
    and compose(*case.values).phases
]


@pytest.mark.slow
@NEEDS_COMPILER
@pytest.mark.parametrize(("name", "data"), learnt)
def test_steps_compile(name: str, data: str) -> None:
    made, rows = compose(name, data, **WIDE), Rows(values(data, 64))
    start(made.model, rows.x)
    history = fit(made.model, made.phases, rows, rows, STEPS)
    assert history.how["compiled"], history.notes
    assert history.skipped == 0
    assert all(np.isfinite(list(each.train.values())).all() for each in history.reports)
