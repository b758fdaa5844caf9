"""Saved models: round trips, refusals, and nothing executed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from variata import VAE, fit, load, recipes, store
from variata.errors import StoreError, UsageError
from variata.recipes.catalogue import CATALOGUE
from variata.tasks.model import Model

FILES = ("config.json", "model.safetensors", "history.jsonl", "README.md")


@pytest.fixture
def copy(digits_run: Path, tmp_path: Path) -> Path:
    """A copy of a saved run, to be damaged."""
    return Path(shutil.copytree(digits_run, tmp_path / "copy"))


def test_a_saved_model_loads_equal_and_works_alike(table_model: Model, tmp_path: Path) -> None:
    table_model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    for name, value in table_model.module.state_dict().items():
        assert torch.equal(value, again.module.state_dict()[name])
    assert again.schema == table_model.schema
    assert again.history == json.loads(json.dumps(table_model.history))
    np.testing.assert_array_equal(again.sample(5), table_model.sample(5))


def test_the_folder_has_the_hub_layout_and_a_manifest_over_all_files(digits_run: Path) -> None:
    manifest = json.loads((digits_run / "manifest.json").read_text())
    assert set(manifest["files"]) == set(FILES)
    assert "library_name: variata" in (digits_run / "README.md").read_text()
    config = json.loads((digits_run / "config.json").read_text())
    assert config["recipe"] == "vae"
    assert None not in (config["arguments"]["latent"], config["arguments"]["network"])


@pytest.mark.parametrize("name", FILES)
def test_a_file_changed_by_one_byte_is_refused_by_its_name(copy: Path, name: str) -> None:
    path = copy / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(StoreError, match=name):
        load(copy)


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_missing_file_is_refused_by_its_name(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(StoreError, match=name):
        load(copy)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"files": 3}', '{"files": {"config.json": 1}}'])
def test_a_manifest_that_is_none_is_refused(copy: Path, text: str) -> None:
    (copy / "manifest.json").write_text(text)
    with pytest.raises(StoreError, match=r"manifest\.json|missing|changed"):
        load(copy)


def rewrite(folder: Path, **changes: object) -> None:
    """Change the configuration and make the manifest agree with it."""
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["config.json"]["sha256"] = store.folder.sha256(folder / "config.json")
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 99},
        {"format": "new"},
        {"recipe": "os.system"},
        {"recipe": ["vae"]},
        {"arguments": {"shape": [1, 8, 8], "encoder": "os.system"}},
        {"arguments": {"shape": [1, 8, 8], "latent": 3}},
        {"arguments": None},
        {"schema": {}},
    ],
)
def test_a_configuration_from_elsewhere_is_refused(copy: Path, changes: dict[str, object]) -> None:
    rewrite(copy, **changes)
    with pytest.raises(StoreError):
        load(copy)


def test_a_folder_in_use_is_not_overwritten(table_model: Model, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match="in use"):
        table_model.save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_model_with_modules_of_ones_own_says_how_to_make_it_savable(
    table: np.ndarray, tmp_path: Path
) -> None:
    model = fit(table, latent=2, encoder=nn.Linear(4, 8), epochs=1)
    assert model.encode(table).shape == (400, 2)
    with pytest.raises(UsageError, match=r"@variata\.recipes\.recipe"):
        model.save(tmp_path / "m")
    with pytest.raises(UsageError, match="cannot be saved by name"):
        fit(table, latent=2, encoder=nn.Linear(4, 8), epochs=1, out=tmp_path / "m")


def test_a_composition_becomes_savable_as_a_recipe(table: np.ndarray, tmp_path: Path) -> None:
    @recipes.recipe
    def narrow_vae(parts: recipes.Parts, width: int = 8) -> recipes.Composition:
        """A VAE whose encoder is a single layer.

        Args:
            width: of the layer.

        Reference:
            none
        """
        module = nn.Sequential(nn.Linear(4, width), nn.Tanh())
        return recipes.vae(shape=parts.shape, latent=parts.latent, encoder=module)

    try:
        model = fit(table, recipe="narrow_vae", latent=2, width=6, epochs=1)
        model.save(tmp_path / "m")
        again = load(tmp_path / "m")
        assert again.saved.arguments["width"] == 6
        np.testing.assert_array_equal(again.encode(table), model.encode(table))
    finally:
        CATALOGUE.pop("narrow_vae", None)


def test_the_estimator_saves_and_loads(table: np.ndarray, tmp_path: Path) -> None:
    estimator = VAE(latent=2, hidden=(8,), epochs=2, random_state=0).fit(table)
    estimator.save(tmp_path / "m")
    again = VAE.load(tmp_path / "m")
    np.testing.assert_array_equal(again.transform(table), estimator.transform(table))
    assert again.get_params() == estimator.get_params()


UNSAFE = re.compile(
    r"^\s*(?:import|from) (?:pickle|cloudpickle|dill|joblib|marshal)\b"
    r"|torch\.load\(|(?<![.\w])(?:eval|exec|__import__)\(|yaml\.load\(|allow_pickle=True",
    re.MULTILINE,
)


def test_nothing_unsafe_is_imported_or_called() -> None:
    for path in Path(store.__file__).parents[1].rglob("*.py"):
        assert UNSAFE.search(path.read_text()) is None, path
