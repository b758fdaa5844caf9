"""What damaged files are given to, and what must come of it: the same weights, or one sentence."""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mutations import mutated
from rows import Rows
from variata import fit, load, recipes
from variata.cli.config import read_config
from variata.errors import InterruptError, VariataError
from variata.recipes.refit import give_prior, prior_call
from variata.store import save
from variata.tasks.asked import digest, read_asked
from variata.tasks.model import Model
from variata.tasks.source import DataOptions, options_of, prepare_data
from variata.tasks.train import _taken
from variata.training import Callback, Checkpoint, Settings
from variata.training import fit as train

SHORT: dict[str, Any] = {"latent": 2, "hidden": (8,), "epochs": 2, "threads": 1, "batch_size": 8}
STATES = [f"state-{slot}.{end}" for slot in "ab" for end in ("json", "safetensors")]
SETTINGS = Settings(epochs=2, batch_size=8, lr=1e-2, threads=1, patience=1.0)
REFITTED = {"gmm": {"components": 2}, "flow": {"couplings": 2, "width": 4}}
CONFIG = """\
data: table.csv
recipe: beta_vae
beta: 4.0
latent: 3
hidden: [16, 16]
epochs: 5
budget: 30s
split: 0.8,0.1,0.1
size: 8x8
lr: 0.001
ignore: [a, b]
"""

Check = Callable[[Path, Random], str]
OK, REFUSED = "same", "refused"


class Stop(Callback):
    """Ends a training after some steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def on_step(self, progress: float, seconds: float) -> None:
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGTERM)


def make_seeds(folder: Path) -> Path:
    """Write good files of every kind, which are then damaged."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    table = random.normal(size=(60, 3)).round(3)
    np.savetxt(folder / "table.csv", table, delimiter=",", header="a,b,c", comments="")
    model = fit(folder / "table.csv", out=folder / "saved", **SHORT)
    for name, arguments in REFITTED.items():
        _save_refitted(model, name, arguments, folder / f"refitted-{name}")
    try:
        fit(folder / "table.csv", out=folder / "begun", callbacks=[Stop(3)], **SHORT)
    except InterruptError:
        shutil.copytree(folder / "begun" / "checkpoint", folder / "checkpoint")
    _make_states(folder / "states")
    _make_data(folder / "data", table, random)
    (folder / "config.yaml").write_text(CONFIG)
    return folder


def _save_refitted(model: Model, name: str, arguments: dict[str, int], folder: Path) -> None:
    call, module = prior_call(name, arguments), copy.deepcopy(model.module)
    give_prior(module, call)
    save(replace(model.saved, module=module.eval(), prior=call), folder)


def _make_states(folder: Path) -> None:
    for steps in (2, 3):
        _train(folder, Stop(steps))


def _make_data(folder: Path, table: np.ndarray, random: np.random.Generator) -> None:
    folder.mkdir()
    pictures = random.integers(0, 256, (6, 4, 5), dtype=np.uint8)
    head = bytes((0, 0, 8, 3)) + b"".join(n.to_bytes(4, "big") for n in pictures.shape)
    (folder / "images-idx3-ubyte").write_bytes(head + pictures.tobytes())
    (folder / "images.idx3.gz").write_bytes(gzip.compress(head + pictures.tobytes()))
    np.save(folder / "a.npy", table)
    np.savez(folder / "plain.npz", x=table, y=np.arange(60) % 3)
    np.savez_compressed(folder / "packed.npz", x_train=table, x_test=table[:9])
    parts = {"data": [1.0, 2.0, 3.0], "indices": [0, 1, 2], "indptr": [0, 1, 2, 3]}
    np.savez(folder / "sparse.npz", shape=[3, 3], format="csr", **parts)  # type: ignore[arg-type]
    shutil.copy(folder.parent / "table.csv", folder / "t.csv")
    (folder / "t.csv.gz").write_bytes(gzip.compress((folder / "t.csv").read_bytes()))
    with zipfile.ZipFile(folder / "pictures.zip", "w") as archive:
        for i, end in enumerate(("png", "bmp", "gif", "jpg", "tif", "webp")):
            Image.fromarray(pictures[i]).convert("RGB").save(made := io.BytesIO(), _kind(end))
            archive.writestr(f"{i}.{end}", made.getvalue())
    _make_parquet(folder / "t.parquet", table)


def _kind(end: str) -> str:
    return {"jpg": "JPEG", "tif": "TIFF"}.get(end, end.upper())


def _make_parquet(path: Path, table: np.ndarray) -> None:
    try:
        import pandas
        import pyarrow  # noqa: F401
    except ImportError:
        return
    pandas.DataFrame(table, columns=list("abc")).to_parquet(path)


def saved(seeds: Path, random: Random, kept: str = "saved") -> str:
    """A saved model with one damaged file, most often with hashes that agree."""
    folder = Path(shutil.copytree(seeds / kept, seeds / "copy", dirs_exist_ok=True))
    files = ("config.json", "config.json", "model.safetensors", "history.jsonl", "manifest.json")
    name = random.choice(files)
    _damage(folder / name, random)
    if name != "manifest.json" and random.random() < 0.8:
        _agree(folder)
    try:
        model = load(folder)
    except VariataError:
        return REFUSED
    if name != "model.safetensors":
        require_same(model.module.state_dict(), load(seeds / kept).module.state_dict())
    try:
        model.sample(2)
        model.encode(np.zeros((2, 3)))
    except VariataError:
        return "loaded, refused in use"
    return OK


def state(seeds: Path, random: Random) -> str:
    """A training that goes on from a damaged state, most often with hashes that agree."""
    folder = Path(shutil.copytree(seeds / "states", seeds / "copy", dirs_exist_ok=True))
    for name in random.choice(([STATES[0]], [STATES[2]], STATES[::2], [STATES[1]], STATES[1::2])):
        if name.endswith("json") and random.random() < 0.8:
            _damage_numbers(folder / name, random)
        else:
            _damage(folder / name, random)
            _agree_state(folder, name)
    try:
        _train(folder)
    except VariataError:
        return REFUSED
    return OK


def asked(seeds: Path, random: Random) -> str:
    """What a training was asked to do, damaged."""
    folder = Path(shutil.copytree(seeds / "begun", seeds / "copy", dirs_exist_ok=True))
    path = folder / "training.json"
    before = json.loads(path.read_text())
    _damage(path, random)
    agree = random.random() < 0.8 and _agree_plan(path)
    try:
        plan = read_asked(folder)
        options_of(plan["data"])
        for name, value in plan["arguments"].items():
            recipes.get(plan["recipe"]).checked(name, value)
    except VariataError:
        return REFUSED
    if not agree and plan != {k: v for k, v in before.items() if k != "sha256"}:
        raise AssertionError("an edit was not noticed")
    return OK


def config(seeds: Path, random: Random) -> str:
    """A configuration file, damaged."""
    path = seeds / "copy.yaml"
    path.write_bytes(mutated("config.yaml", (seeds / "config.yaml").read_bytes(), random))
    try:
        found = read_config(path)
        found.pop("data", None)
        recipe = found.pop("recipe", "vae")
        _, rest = _taken(Settings(), found)
        _, rest = _taken(DataOptions(), rest)
        for name, value in rest.items():
            recipes.get(recipe).checked(name, value)
    except VariataError:
        return REFUSED
    return OK


def parser(name: str) -> Check:
    """The check of a reader of data by the name of its seed."""

    def check(seeds: Path, random: Random) -> str:
        path = seeds / "damaged" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(mutated(name, (seeds / "data" / name).read_bytes(), random))
        return read(path)

    return check


def read(path: Path) -> str:
    """Read data as a training does."""
    try:
        prepare_data(path, DataOptions(size=(4, 5) if path.suffix == ".zip" else None), 0)
    except VariataError:
        return REFUSED
    return "read"


def targets(seeds: Path) -> dict[str, Check]:
    """All targets by name."""
    found: dict[str, Check] = {"saved": saved, "state": state, "asked": asked, "config": config}
    found |= {f"refitted-{name}": partial(saved, kept=f"refitted-{name}") for name in REFITTED}
    return found | {path.name: parser(path.name) for path in sorted((seeds / "data").iterdir())}


def require_same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """Refuse weights that differ."""
    if not all(torch.equal(value, theirs[name]) for name, value in ours.items()):
        raise AssertionError("other weights were loaded")


def _train(folder: Path, *callbacks: Callback) -> None:
    torch.manual_seed(0)
    made = recipes.vae(shape=(3,), latent=2, hidden=(8,))
    rows, kept = Rows(torch.linspace(-1, 1, 120).view(40, 3)), Checkpoint(folder)
    train(made.model, made.phases, rows, rows, SETTINGS, checkpoint=kept, callbacks=callbacks)


def _damage(path: Path, random: Random) -> None:
    path.write_bytes(mutated(path.name, path.read_bytes(), random))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _agree(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    for name, facts in manifest["files"].items():
        facts["sha256"] = _sha256(folder / name)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _damage_numbers(path: Path, random: Random) -> None:
    record = json.loads(path.read_text())
    numbers = mutated("a.json", record["numbers"].encode(), random).decode(errors="replace")
    digested = hashlib.sha256(numbers.encode()).hexdigest()
    path.write_text(json.dumps(record | {"numbers": numbers, "numbers_sha256": digested}))


def _agree_state(folder: Path, name: str) -> None:
    manifest = (folder / name).with_suffix(".json")
    try:
        record = json.loads(manifest.read_text())
        record["sha256"] = _sha256(folder / name.replace("json", "safetensors"))
        manifest.write_text(json.dumps(record))
    except (ValueError, TypeError, RecursionError):
        return


def _agree_plan(path: Path) -> bool:
    try:
        record = json.loads(path.read_text())
        record.pop("sha256", None)
        path.write_text(json.dumps(record | {"sha256": digest(record)}))
    except (ValueError, AttributeError, TypeError, RecursionError):
        return False
    return True
