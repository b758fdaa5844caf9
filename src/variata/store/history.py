"""The history of a training: one report a line."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from variata.atomic import write_text
from variata.errors import StoreError
from variata.training import Report


def write_history(path: Path, reports: list[dict[str, Any]]) -> None:
    """Write reports, a line of JSON for each."""
    write_text(path, "".join(json.dumps(report) + "\n" for report in reports))


def read_history(path: Path) -> list[dict[str, Any]]:
    """Read them again.

    Raises:
        StoreError: a line is no report; the message has its number.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error
    return [_read(path, number, line) for number, line in enumerate(lines, 1)]


def _read(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        return _reports().validate_json(line, strict=True).as_dict()
    except ValueError as error:
        raise StoreError(f"{path} is damaged: line {number} is no report of a training.") from error


@cache
def _reports() -> TypeAdapter[Report]:
    return TypeAdapter(Report)
