"""A saved model is a folder: `config.json`, `model.safetensors`, and a manifest written last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from variata import recipes
from variata.atomic import PART, make_folder, read_object, sha256, write_atomic, write_text
from variata.data import Condition, Schema
from variata.errors import StoreError, UsageError, VariataError
from variata.recipes import Composition
from variata.recipes.catalogue import OWN_MODULES
from variata.recipes.refit import give_prior
from variata.store.card import card
from variata.store.history import read_history, write_history
from variata.store.saved import FORMAT, Saved
from variata.store.weights import require_room, take_weights, tensors_of

WEIGHTS, CONFIG, MANIFEST = "model.safetensors", "config.json", "manifest.json"
HISTORY, CARD = "history.jsonl", "README.md"
NOT_A_MODEL = (
    KeyError,
    TypeError,
    AttributeError,
    ValueError,
    RuntimeError,
    OverflowError,
    VariataError,
)
LEFT = ("training.lock",)
FILES = (CONFIG, WEIGHTS, HISTORY, CARD)


def save(saved: Saved, folder: Path) -> None:
    """Save a model, load it back and compare every weight.

    Files already in the folder stay, except those of an earlier model, which are replaced.

    Raises:
        StoreError: when the folder cannot be written.
        UsageError: when the model was made with modules of your own and so is no call.
    """
    _refuse_own_modules(saved)
    make_folder(folder)
    config = json.dumps(saved.config(), indent=2, allow_nan=False)
    tensors = tensors_of(saved.module)
    (folder / MANIFEST).unlink(missing_ok=True)
    write_text(folder / CONFIG, config + "\n")
    write_atomic(folder / WEIGHTS, lambda part: save_file(tensors, part))
    write_history(folder / HISTORY, saved.reports)
    write_text(folder / CARD, card(saved))
    write_text(folder / MANIFEST, json.dumps(_manifest(folder), indent=2) + "\n")
    _compare(tensors, tensors_of(load(folder).module), folder)


def load(folder: Path, device: torch.device | str = "cpu") -> Saved:
    """Load a saved model. Nothing in the folder is executed.

    Raises:
        StoreError: when there is no model, or a file is missing, changed, damaged or from a
            newer version; the message names the file.
    """
    _check(folder)
    config = read_object(folder / CONFIG)
    version = config.get("format")
    if not isinstance(version, int) or version > FORMAT:
        raise StoreError(
            f"{folder / CONFIG} has format {version!r}, this variata reads up to {FORMAT}: "
            "upgrade variata."
        )
    composition, schema, about = _described(folder, config)
    take_weights(composition.model, folder / WEIGHTS)
    module = composition.model.to(device).eval()
    arguments, reports = composition.arguments or {}, read_history(folder / HISTORY)
    prior = config.get("prior")
    condition = _condition(config)
    return Saved(module, config["recipe"], arguments, schema, about, reports, prior, condition)


def exists(folder: Path) -> bool:
    """Whether a folder holds a saved model."""
    return (folder / MANIFEST).is_file()


def refuse_in_use(folder: Path) -> None:
    """Refuse a folder that holds anything already.

    Raises:
        StoreError: when there are files in it, or it is a file.
    """
    if folder.is_file():
        raise StoreError(f"{folder} is a file; name a folder.")
    if folder.is_dir() and not all(_left_by_the_dead(path) for path in folder.iterdir()):
        begun = (folder / "training.json").is_file()
        raise StoreError(
            f"{folder} is in use (there are files in it); nothing was written. "
            + (f"Go on with `variata train --resume {folder}`, or name" if begun else "Name")
            + " another folder."
        )


def _left_by_the_dead(path: Path) -> bool:
    """Whether a killed training left this; who holds a lock is for the lock itself to say."""
    return path.name in LEFT or (path.name.startswith(".") and path.suffix == PART)


def _check(folder: Path) -> None:
    if not exists(folder):
        raise StoreError(
            f"{folder} holds no saved model (no {MANIFEST}). A training that was interrupted goes "
            f"on with `variata train --resume {folder}`."
            if (folder / "training.json").is_file()
            else f"{folder} holds no saved model (no {MANIFEST})."
        )
    listed = read_object(folder / MANIFEST).get("files")
    if not isinstance(listed, dict) or not {CONFIG, WEIGHTS, HISTORY} <= set(listed):
        raise StoreError(f"{folder / MANIFEST} is damaged: it does not list the model's files.")
    for name, facts in listed.items():
        path = folder / Path(name).name
        if not path.is_file():
            raise StoreError(f"{path} is missing: copy the whole folder again.")
        if not isinstance(facts, dict) or sha256(path) != facts.get("sha256"):
            raise StoreError(
                f"{path} was changed or damaged since it was saved (its SHA-256 differs): copy it "
                "again, or train again."
            )


def _described(folder: Path, config: dict[str, Any]) -> tuple[Composition, Schema, dict[str, Any]]:
    """The untrained model, its schema, and what is known of it."""
    try:
        schema, about = Schema.from_json(config["schema"]), config.get("about", {})
        fits = list(config["arguments"]["shape"]) == list(schema.shape)
        if not fits or not all(isinstance(part, dict) for part in [about, *about.values()]):
            raise UsageError("its parts do not fit together.")
        condition, context = _condition(config), config["arguments"].get("context")
        if context != (None if condition is None else condition.width):
            raise UsageError("its condition does not fit the model.")
        build = partial(_built, config)
        if recipes.get(config["recipe"]).ours:  # what others write may need numbers to be built
            require_room(build, config["arguments"], folder / WEIGHTS)
        return build(), schema, about
    except StoreError:
        raise
    except NOT_A_MODEL as error:
        raise StoreError(f"{folder / CONFIG} does not describe a model: {error}") from error


def _condition(config: dict[str, Any]) -> Condition | None:
    record = config.get("condition")
    return None if record is None else Condition.from_json(record)


def _built(config: dict[str, Any]) -> Composition:
    """What the recipe makes, with the prior that was fitted afterwards."""
    made = recipes.build(config["recipe"], **config["arguments"])
    give_prior(made.model, config.get("prior"))
    return made


def _manifest(folder: Path) -> dict[str, Any]:
    files = {
        name: {"sha256": sha256(folder / name), "bytes": (folder / name).stat().st_size}
        for name in FILES
    }
    return {"format": FORMAT, "files": files}


def _compare(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], folder: Path) -> None:
    same = ours.keys() == theirs.keys() and all(
        torch.equal(value, theirs[name]) for name, value in ours.items()
    )
    if not same:
        (folder / MANIFEST).unlink(missing_ok=True)
        raise StoreError(f"What was saved in {folder} does not load back equal; it is not kept.")


def _refuse_own_modules(saved: Saved) -> None:
    own = [name for name in OWN_MODULES if saved.arguments.get(name) is not None]
    if own or not saved.recipe:
        raise UsageError(
            f"This model was made with a module of your own ({', '.join(own) or 'no recipe'}), "
            "which a file cannot hold: write it as a function with @variata.recipes.recipe that "
            "makes the module, and train with that recipe."
        )


__all__ = ["MANIFEST", "exists", "load", "refuse_in_use", "save"]
