"""From a name, a path or an object in memory to a source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from variata.data import catalog
from variata.data.arrays import from_array, from_npy, from_npz
from variata.data.datasets import from_dataset, is_dataset
from variata.data.delimited import from_csv
from variata.data.idx import from_idx, from_idx_parts, idx_parts, is_idx
from variata.data.images import SUFFIXES, from_folder, from_zip
from variata.data.source import Source
from variata.data.spool import Say, silent
from variata.data.tables import from_frame, from_parquet
from variata.data.values import is_frame
from variata.errors import DataError, UsageError, did_you_mean

KNOWN = (
    ".npy, .npz, .csv, .tsv (or .gz of these two), .parquet, idx (-ubyte), .zip of pictures, or a"
    " folder of pictures"
)
TABLES = (".csv", ".tsv", ".txt", ".data")


@dataclass(frozen=True)
class Options:
    """What a person said about the data."""

    label: Any
    ignore: Sequence[str | int]
    key: str | None
    size: tuple[int, int] | None
    say: Say = silent

    def allow(self, what: str, *names: str) -> None:
        """Raise UsageError when an option was given that `what` has no use for."""
        for name in ("label", "ignore", "key", "size"):
            value = getattr(self, name)
            given = value is not None and not (name == "ignore" and len(value) == 0)
            if given and name not in names:
                raise UsageError(f"--{name} has no use for {what}; leave it out.")


def open_source(
    data: Any,
    *,
    label: Any = None,
    ignore: Sequence[str | int] = (),
    key: str | None = None,
    size: tuple[int, int] | None = None,
    say: Say = silent,
) -> Source:
    """Open data: an array, tensor, DataFrame or lists, a torch data set, a path, or a known name.

    Large .npy files are mapped. Other files that do not fit in memory are read once into a mapped
    file in the cache folder, which is made anew when they have changed.

    Args:
        data: .npy, .npz, .csv, .tsv, .csv.gz, .tsv.gz, .parquet and idx files, zip files and
            folders of pictures, or a name listed by `variata data`. A path that exists goes before
            a name.
        label: column (name or number), array of a .npz, or the labels themselves for data in
            memory.
        ignore: columns to leave out.
        key: array of a .npz to read.
        size: (height, width) to resize pictures to.
        say: is told, in one line, of anything that takes long.

    Raises:
        DataError: missing, unreadable or not numbers; says which file and what to do.
        UsageError: an option that has no use for this kind of data.
        MissingExtraError: a package for this kind of file is not installed.

    >>> open_source([[1.0, 2.0], [3.0, 4.0]]).values.shape
    (2, 2)
    """
    ignore = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    options = Options(label, ignore, key, size, say)
    if isinstance(data, Source):
        return data
    if not isinstance(data, (str, Path)):
        return _from_memory(data, options)
    if not str(data):
        raise DataError("Expected a path or the name of a data set, got nothing.")
    path = Path(data).expanduser()
    if path.is_dir():
        return _from_directory(path, options)
    if path.is_file():
        return _from_file(path, options)
    return _from_name(str(data), options)


def _from_memory(data: Any, options: Options) -> Source:
    if is_dataset(data):
        options.allow("data sets that yield examples")
        return from_dataset(data, options.say)
    options.allow("data in memory", "label", "ignore")
    if is_frame(data):
        return from_frame(data, "table", options.label, options.ignore)
    return from_array(data, "array", options.label, options.ignore)


def _from_directory(path: Path, options: Options) -> Source:
    parts = idx_parts(path)
    if "train" in parts:
        options.allow("a folder of idx files")
        return from_idx_parts(path.name, parts)
    options.allow("a folder of pictures", "size")
    return from_folder(path, options.size, options.say)


def _from_file(path: Path, options: Options) -> Source:
    packed = path.suffix.lower() == ".gz"
    suffix = "".join(path.suffixes[-2 if packed else -1 :]).lower()
    if is_idx(path):
        options.allow("idx files")
        return from_idx(path)
    if suffix == ".npy":
        options.allow(".npy files", "label", "ignore")
        return from_npy(path, options.label, options.ignore)
    if suffix == ".npz":
        options.allow(".npz files", "label", "key", "ignore")
        return from_npz(path, options.label, options.key, options.ignore)
    if suffix == ".zip":
        options.allow("zip files of pictures", "size")
        return from_zip(path, options.size, options.say)
    return _from_table(path, suffix, options)


def _from_table(path: Path, suffix: str, options: Options) -> Source:
    options.allow(f"{suffix or 'such'} files", "label", "ignore")
    if suffix.removesuffix(".gz") in TABLES:
        return from_csv(path, options.label, options.ignore, options.say)
    if suffix in (".parquet", ".pq"):
        return from_parquet(path, options.label, options.ignore, options.say)
    if suffix in SUFFIXES:
        raise DataError(f"'{path}' is one picture; expected a folder of pictures.")
    raise DataError(f"Cannot tell how to read '{path}'; expected {KNOWN}.")


def _from_name(name: str, options: Options) -> Source:
    if name in catalog.names():
        options.allow("sets of the catalogue")
        return catalog.load(name)
    hint = did_you_mean(name, catalog.names())
    raise DataError(
        f"'{name}' does not exist, neither as a file or folder nor in the catalogue (listed by"
        f" `variata data`).{hint}"
    )
