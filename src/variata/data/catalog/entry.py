"""What is known of a data set of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """A file of a data set: its name, checksum and size, and the addresses it can be had from."""

    name: str
    sha256: str
    bytes: int
    urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A data set of the catalogue.

    Attributes:
        name: what to call it by.
        title: one line that says what it is.
        shape: of one example, in words.
        counts: rows of train, valid and test where published, else of all.
        licence, origin: terms, and who made it and where it can be got.
        note: what to know before reporting figures on it, or "".
        folder: below the data folder, where its files lie; "" when it needs none.
        files: the files it needs.
    """

    name: str
    title: str
    shape: str
    counts: str
    licence: str
    origin: str
    note: str = ""
    folder: str = ""
    files: tuple[RemoteFile, ...] = ()
