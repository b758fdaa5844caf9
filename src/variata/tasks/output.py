"""Writing what a verb made, and never over what it read or what a run is made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from variata.atomic import make_folder, write_atomic, write_bytes
from variata.errors import UsageError
from variata.store import MANIFEST
from variata.store.folder import FILES
from variata.tasks.run import LOCK, PLAN


def write_output(
    path: str | Path,
    picture: Any,
    values: Any,
    inputs: Sequence[str | Path] = (),
    film: Any = None,
) -> Path:
    """Write `picture()` to a `.png`, `values()` to a `.npy`, `film()` to a `.gif`: as it is named.

    A file that is there already is replaced, unless it is one of `inputs` or belongs to a run.

    Raises:
        UsageError: for another ending, or a file that must stay.
        StoreError: when it cannot be written.
    """
    target = output_file(path, inputs, film is not None)
    make_folder(target.parent)
    if target.suffix == ".npy":
        array = np.ascontiguousarray(values())
        write_atomic(target, lambda part: _save_array(part, array))
    else:
        write_bytes(target, film() if target.suffix == ".gif" else picture())
    return target


def output_file(path: str | Path, inputs: Sequence[str | Path] = (), film: bool = False) -> Path:
    """The path of a `.png` or `.npy` file, or one of a film, that may be written.

    Raises:
        UsageError: for another ending, or a file that must stay.
    """
    target, moving = Path(path), ", .gif (a film)" if film else ""
    if target.suffix not in (".png", ".npy", *([".gif"] if film else [])):
        raise UsageError(f"'{target}' must end in .png (a picture){moving} or .npy (the values).")
    refuse_to_replace(target, inputs)
    return target


def array_file(path: str | Path, inputs: Sequence[str | Path] = ()) -> Path:
    """The path of a `.npy` file that may be written.

    Raises:
        UsageError: for another ending, or a file that must stay.
    """
    target = Path(path)
    if target.suffix != ".npy":
        raise UsageError(f"'{target}' must end in .npy.")
    refuse_to_replace(target, inputs)
    return target


def refuse_to_replace(target: Path, inputs: Sequence[str | Path] = ()) -> None:
    """Refuse to write over a file that is read, or that a run is made of.

    Raises:
        UsageError: when `target` is there already and is, or lies in, one of `inputs`, or is one
            of the files of a run.
    """
    if not target.exists():
        return
    whole = target.resolve()
    for given in (Path(i).resolve() for i in inputs):
        if whole == given or given in whole.parents:
            raise UsageError(f"'{target}' is read here and would be lost: write to another file.")
    made = any((target.parent / name).is_file() for name in (MANIFEST, PLAN))
    if made and target.name in {MANIFEST, PLAN, LOCK, *FILES}:
        raise UsageError(f"'{target}' belongs to a run: write to another file.")


def _save_array(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)
