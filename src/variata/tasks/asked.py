"""What a training was asked to do, written down so that it can go on, and guarded against edits."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NotRequired

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from variata import store
from variata.atomic import make_folder, read_object, write_text
from variata.errors import StoreError, UsageError
from variata.training import Settings

PLAN, COPY, DIGEST = "training.json", "checkpoint/training.json", "sha256"
SHOWN = 3  # differences told


class Data(TypedDict):
    """The part about the data; see `variata.tasks.source`."""

    name: str
    source: str | None
    options: dict[str, Any]
    seed: int
    fingerprint: str
    fingerprint_beside: NotRequired[str]
    given: NotRequired[list[str]]


class Init(TypedDict):
    """The part about a run to start from; see `variata.tasks.warm`."""

    run: str
    weights: str


class Asked(TypedDict):
    """What must be there, and of which kind."""

    id: str
    recipe: str
    arguments: dict[str, Any]
    settings: dict[str, Any]
    data: Data
    device: str
    made: dict[str, Any]
    init: NotRequired[Init]


def write_asked(folder: Path, plan: dict[str, Any]) -> None:
    """Write it twice: a copy beside the states tells what an edit has changed."""
    text = json.dumps(plan | {DIGEST: digest(plan)}, indent=2) + "\n"
    write_text(folder / PLAN, text)
    make_folder((folder / COPY).parent)
    write_text(folder / COPY, text)


def read_asked(folder: Path) -> dict[str, Any]:
    """What an interrupted training was asked to do.

    Raises:
        StoreError: when the folder holds none, its training has finished, or it was changed since;
            the message names what was changed.
    """
    path = folder / PLAN
    if not path.is_file():
        done = store.exists(folder)
        why = "its training has finished" if done else "it holds no interrupted training"
        raise StoreError(f"{folder} cannot be resumed: {why}.")
    record = read_object(path)
    if record.pop(DIGEST, None) != digest(record):
        raise StoreError(_changed(path, record, folder / COPY))
    return _checked(path, record)


def how_to_go_on(folder: Path) -> str:
    """What continues an interrupted training: a command or, with data given in memory, a call."""
    try:
        data = read_object(folder / PLAN)["data"]
        if data["source"] is None:
            again = ", ".join(f"{name}=..." for name in ["data", *data.get("given", [])])
            return f"variata.resume({str(folder)!r}, {again}) in Python, with the same values"
    except (StoreError, LookupError, TypeError, AttributeError):
        pass  # whatever is wrong with it is told by who goes on
    return f"variata train --resume {shlex.quote(str(folder))}"


def digest(plan: dict[str, Any]) -> str:
    """The SHA-256 of a plan, whatever the order of its keys.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


def differences(before: Any, after: Any, name: str = "") -> Iterator[str]:
    """Say which entries differ, from what to what.

    >>> list(differences({"settings": {"lr": 1}, "b": 2}, {"settings": {"lr": 3}, "b": 2}))
    ['settings.lr from 1 to 3']
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            inner = f"{name}.{key}" if name else key
            yield from differences(before.get(key), after.get(key), inner)
    elif before != after:
        yield f"{name} from {before!r:.60} to {after!r:.60}"


def _changed(path: Path, record: dict[str, Any], copy: Path) -> str:
    advice = "put it back, or train anew into another folder"
    try:
        first = read_object(copy)
    except StoreError:
        first = {}
    known = first.pop(DIGEST, None) == digest(first)
    found = list(differences(first, record)) if known else []
    what = f" ({', '.join(found[:SHOWN])}{', ...' if len(found) > SHOWN else ''})" if found else ""
    return f"{path} was changed since its training began{what}: {advice}."


def _checked(path: Path, record: dict[str, Any]) -> dict[str, Any]:
    try:
        TypeAdapter(Asked).validate_python(record, strict=True)
        Settings(**record["settings"])
        return record
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise StoreError(f"{path} is damaged: {where}: {first['msg'].lower()}.") from error
    except (TypeError, UsageError) as error:
        raise StoreError(f"{path} is damaged: {error}") from error
