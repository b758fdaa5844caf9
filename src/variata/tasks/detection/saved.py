"""A detector as a folder: its models, what calibrates them, and a manifest written last."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

from annotated_types import Gt, Le, MinLen
from pydantic import ConfigDict, TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from variata import store
from variata.atomic import make_folder, read_object, sha256, write_atomic, write_text
from variata.data import Examples
from variata.errors import StoreError, UsageError
from variata.shapes import numel
from variata.tasks.detection.calibration import Calibration
from variata.tasks.detection.judge import WEIGHTS, Judge
from variata.tasks.detection.local import Latents
from variata.tasks.detection.parts import Reference
from variata.tasks.model import Model
from variata.tasks.plan import chosen_device
from variata.tasks.scikit import in_double_precision

FORMAT = 1
FACTS, NUMBERS, MANIFEST = "detector.json", "judges.safetensors", "detector.manifest.json"
TENSORS = {"reference": ("z", "unit", "left"), "latents": ("mean", "covariance", "left")}


@dataclass(frozen=True)
class Facts:
    """What is told of a detector in words and numbers.

    Attributes:
        contamination, latent, epochs, random_state: as they were asked for.
        columns: of a table, and their names where they have some.
        calibrations: median and unit of every part, of each model.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    format: int
    contamination: Annotated[float, Gt(0), Le(0.5)]
    latent: int | None
    epochs: int | None
    random_state: int | None
    columns: int | None
    names: list[str] | None
    calibrations: Annotated[list[dict[str, Calibration]], MinLen(1)]


def member(folder: Path, index: int) -> Path:
    """Where one of the models lies."""
    return folder / f"member-{index}"


def exists(folder: Path) -> bool:
    """Whether a folder holds a saved detector."""
    return (folder / MANIFEST).is_file()


def write(facts: Facts, judges: Sequence[Judge], scores: Tensor, folder: Path) -> None:
    """Write a detector into a folder that is empty or new.

    Raises:
        StoreError: the folder is in use or cannot be written.
        UsageError: its models were made with modules of your own, or take a condition.
    """
    store.refuse_in_use(folder)
    if any(judge.ranked.context is not None for judge in judges):
        raise UsageError("A detector by a model with a condition is not saved: keep its run.")
    make_folder(folder)
    tensors = {"scores": scores}
    for i, judge in enumerate(judges):
        module = copy.deepcopy(judge.model.module).float()
        store.save(replace(judge.model.saved, module=module), member(folder, i))
        tensors |= {f"{i}.{name}": value for name, value in _tensors(judge).items()}
    write_atomic(folder / NUMBERS, lambda part: save_file(tensors, part))
    write_text(folder / FACTS, json.dumps(asdict(facts), indent=1, allow_nan=False) + "\n")
    digests = {name: sha256(folder / name) for name in _listed(len(judges))}
    write_text(folder / MANIFEST, json.dumps(digests, indent=1) + "\n")


def read(folder: Path, device: str) -> tuple[Facts, list[Judge], Tensor]:
    """What was written; nothing in the folder is executed.

    Raises:
        StoreError: there is no detector, or a file is missing, changed, damaged or from a newer
            version.
    """
    facts, on = _facts(folder), chosen_device(device)
    numbers = _numbers(folder / NUMBERS)
    try:
        judges = [
            _judge(store.load(member(folder, i), on), found, _of(numbers, i))
            for i, found in enumerate(facts.calibrations)
        ]
        scores = numbers["scores"].double()
        if scores.dim() != 1 or not len(scores) or not scores.isfinite().all():
            raise ValueError("the scores are no finite numbers")
    except StoreError:
        raise
    except (KeyError, ValueError, RuntimeError) as error:
        raise StoreError(
            f"{folder / NUMBERS} does not fit the models beside it: {error}. "
            "Fit the detector again."
        ) from error
    return facts, judges, scores


def _facts(folder: Path) -> Facts:
    """The facts of a detector all of whose files are as they were written."""
    if not exists(folder):
        raise StoreError(f"{folder} holds no saved detector (no {MANIFEST}).")
    path = folder / FACTS
    try:
        found = TypeAdapter(Facts).validate_json(path.read_bytes())
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise StoreError(f"{path} is damaged: {where}: {first['msg'].lower()}.") from None
    if found.format > FORMAT:
        raise StoreError(
            f"{path} has format {found.format}, this variata reads up to {FORMAT}: upgrade variata."
        )
    _require_unchanged(folder, _listed(len(found.calibrations)))
    return found


def _require_unchanged(folder: Path, names: Sequence[str]) -> None:
    digests = read_object(folder / MANIFEST)
    for path in (folder / name for name in names):
        if not path.is_file():
            raise StoreError(f"{path} is missing: copy the whole folder again.")
        if digests.get(path.relative_to(folder).as_posix()) != sha256(path):
            raise StoreError(
                f"{path} was changed or damaged since it was saved (its SHA-256 differs): copy it "
                "again, or fit the detector again."
            )


def _listed(members: int) -> list[str]:
    """The files that the manifest speaks for; a model's own manifest speaks for the rest."""
    own = [(member(Path(), i) / store.MANIFEST).as_posix() for i in range(members)]
    return [FACTS, NUMBERS, *own]


def _tensors(judge: Judge) -> dict[str, Tensor]:
    own = {
        f"{part}.{name}": getattr(getattr(judge, part), name)
        for part, names in TENSORS.items()
        for name in names
    }
    found = own | {"held": judge.held, "ranked": judge.ranked.stored()}
    return {name: value.detach().cpu().contiguous() for name, value in found.items()}


def _judge(saved: store.Saved, found: dict[str, Calibration], own: Mapping[str, Tensor]) -> Judge:
    model = in_double_precision(Model(saved))
    reference, latents = (
        [own[f"{part}.{name}"].double() for name in names] for part, names in TENSORS.items()
    )
    elements = {1, numel(model.schema.shape)}
    z, size = reference[0], sum(model.widths)
    shapes = [(len(z), size), (size,), (size,), (size, size)]
    given = [tuple(value.shape) for value in (z, reference[1], latents[0], latents[1])]
    left = {reference[2].numel(), latents[2].numel()}
    if given != shapes or not left <= elements:
        raise ValueError("latents of another size")
    if not {*WEIGHTS} - {"likelihood"} <= {*found} <= {*WEIGHTS}:
        raise ValueError(f"calibrations of {', '.join(found)}")
    ranked = Examples(own["ranked"], model.schema)
    held = own["held"].double()
    return Judge(model, Reference(*reference), Latents(*latents), found, held, ranked)


def _of(numbers: dict[str, Tensor], index: int) -> dict[str, Tensor]:
    start = f"{index}."
    return {n.removeprefix(start): v for n, v in numbers.items() if n.startswith(start)}


def _numbers(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error
