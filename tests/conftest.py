"""Shared data and trained models, small enough that the whole suite stays short."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from variata import fit
from variata.tasks.model import Model


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def table() -> np.ndarray:
    """Real numbers in four columns that share two hidden causes."""
    random = np.random.default_rng(0)
    causes = random.normal(size=(400, 2))
    mixed = causes @ random.normal(size=(2, 4)) + 0.3 * random.normal(size=(400, 4))
    return mixed * [1.0, 10.0, 0.1, 3.0] + [0.0, 5.0, -2.0, 100.0]


@pytest.fixture(scope="session")
def table_csv(table: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file with column names."""
    path = tmp_path_factory.mktemp("data") / "table.csv"
    np.savetxt(path, table, delimiter=",", header="a,b,c,d", comments="")
    return path


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on digits, saved."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    fit("digits", latent=8, hidden=(64, 64), epochs=15, out=folder)
    return folder


@pytest.fixture(scope="session")
def table_model(table: np.ndarray) -> Model:
    """A short training on the table, in memory."""
    return fit(table, latent=2, hidden=(32, 32), epochs=60)


@pytest.fixture
def data_folder() -> Path:
    """Where the real data sets lie."""
    folder = os.environ.get("VARIATA_DATA")
    if not folder:
        pytest.skip("VARIATA_DATA is not set, so the real data sets are not at hand")
    return Path(folder)
