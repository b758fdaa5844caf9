"""Finding a file of the catalogue: in the data folder, in the cache, or on the network once."""

from __future__ import annotations

import os
from pathlib import Path

from variata.data.catalog.download import download
from variata.data.catalog.entry import Entry, RemoteFile
from variata.data.places import cache_folder
from variata.errors import DataError


def data_folder() -> Path | None:
    """Return the folder that the environment variable VARIATA_DATA names, if it is set."""
    named = os.environ.get("VARIATA_DATA")
    return Path(named).expanduser() if named else None


def fetch(entry: Entry, file: RemoteFile) -> Path:
    """Return the path of a file, downloading it to the cache when it is nowhere.

    Raises:
        DataError: it cannot be had; says where it comes from and where to put it.
    """
    folders = [data_folder(), cache_folder()]
    places = [f / entry.folder / file.name for f in folders if f is not None]
    for place in places:
        if place.is_file():
            return place
    reasons = []
    for url in file.urls:
        try:
            return download(url, places[-1], file.sha256, file.bytes)
        except DataError as error:
            reasons.append(str(error))
    raise DataError(_advice(entry, file, places[-1], reasons))


def _advice(entry: Entry, file: RemoteFile, place: Path, reasons: list[str]) -> str:
    why = f" ({' '.join(reasons)})" if reasons else " (it cannot be downloaded)"
    return (
        f"'{entry.name}' needs the file '{file.name}', which is not here{why}. Get it from its"
        f" origin ({entry.origin}) and put it at '{place}', or set VARIATA_DATA to a folder that"
        f" holds {entry.folder}/{file.name}."
    )
