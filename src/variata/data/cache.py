"""What took long to read, kept as a mapped file beside a record of where it came from."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from variata.atomic import make_folder, write_atomic, write_text
from variata.data import memory
from variata.data.places import cache_folder
from variata.data.source import Source
from variata.data.spool import Say, silent, with_columns
from variata.data.values import row_chunks

FORMAT = 2
BLOCK = 1 << 20  # bytes of a block that a digest reads
BLOCKS = 64
ABANDONED = 3_600  # seconds after which nobody writes a file any more
PARTS = ("train", "valid", "test")
PLAIN = ("name", "label_names", "columns", "layout", "lossy", "note", "left_out")


@dataclass(frozen=True)
class Kept:
    """The folder of one source: `values.npy`, what goes with it, and `about.json`, written last.

    `about.json` holds the key of the source and a digest of every file. Where it is missing, or
    anything in it does not agree, it does not count and is made anew.

    Attributes:
        folder: where.
        key: changes with every file's name, size or time of change, and with the options.
        say: is told, in one line, when a file is begun.
    """

    folder: Path
    key: str
    say: Say = silent

    @classmethod
    def of(cls, path: Path, files: Iterable[Path], options: Any, say: Say = silent) -> Kept:
        """Return what is kept of a path that is read from `files`, with `options`."""
        place = hashlib.sha256(f"{path.resolve()} {options}".encode()).hexdigest()[:16]
        key = hashlib.sha256(f"{FORMAT} {options}".encode())
        for file in files:
            key.update(f"{file} {_state(file)}\n".encode())
        return cls(cache_folder() / "read" / f"{path.stem[:40]}-{place}", key.hexdigest(), say)

    def load(self) -> Source | None:
        """Return the source that was kept, or None where there is none or it is damaged."""
        try:
            about = json.loads((self.folder / "about.json").read_text())
            good = about["key"] == self.key and all(
                digest(self.folder / name) == told for name, told in about["files"].items()
            )
            return self._loaded(about["files"], about["source"]) if good else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(
        self, parts: Iterable[np.ndarray], shape: tuple[int, ...], dtype: np.dtype
    ) -> np.ndarray:
        """Write the values, chunk after chunk, and return them mapped.

        Raises:
            StoreError: the folder cannot be written, or the disk is full.
        """
        make_folder(self.folder)
        (self.folder / "about.json").unlink(missing_ok=True)
        _tidy(self.folder)
        size = np.prod(shape, dtype=np.float64) * dtype.itemsize / 1e9
        self.say(f"Reading {shape[0]:,} rows into {self.folder} ({size:.3g} GB), once.")
        path = self.folder / "values.npy"
        write_atomic(path, lambda part: _write_npy(part, parts, shape, dtype))
        return np.load(path, mmap_mode="r", allow_pickle=False)

    def keep(self, source: Source) -> Source:
        """Write down what goes with the values, and return the source."""
        arrays = {"labels": source.labels}
        arrays |= dict(zip(PARTS, source.published or (None,) * 3, strict=True))
        names = ["values.npy"]
        for name, array in arrays.items():
            if array is not None:
                rows = np.asarray(array)
                path = self.folder / f"{name}.npy"
                write_atomic(path, lambda p, a=rows: _write_npy(p, [a], a.shape, a.dtype))
                names.append(path.name)
        about = {
            "key": self.key,
            "files": {name: digest(self.folder / name) for name in names},
            "source": {name: getattr(source, name) for name in PLAIN},
        }
        write_text(self.folder / "about.json", json.dumps(about))
        return source

    def _loaded(self, files: Iterable[str], told: dict[str, Any]) -> Source:
        values = np.load(self.folder / "values.npy", mmap_mode="r", allow_pickle=False)
        others = {n: self._small(n) for n in ("labels", *PARTS) if f"{n}.npy" in files}
        published = tuple(others[name] for name in PARTS) if "train" in others else None
        for name in ("label_names", "columns"):
            told = told | {name: None if told[name] is None else tuple(told[name])}
        told = told | {"left_out": tuple(told["left_out"])}
        return Source(values=values, labels=others.get("labels"), published=published, **told)

    def _small(self, name: str) -> np.ndarray:
        return np.load(self.folder / f"{name}.npy", allow_pickle=False)


def settled(raw: np.ndarray, keep: Sequence[int], dtype: np.dtype | type, kept: Kept) -> np.ndarray:
    """Return columns of `raw` (N, D) in a dtype: in memory, or in `kept` where `raw` is mapped."""
    if memory.mapped(raw) is None:
        return with_columns(raw, keep).astype(dtype, copy=False)
    columns = list(keep)
    parts = (raw[rows][:, columns] for rows in row_chunks(raw))
    return kept.write(parts, (len(raw), len(columns)), np.dtype(dtype))


def digest(path: Path) -> str:
    """Return the size of a file and the SHA-256 of 64 MB of it, in evenly spaced blocks."""
    size = path.stat().st_size
    found = hashlib.sha256(str(size).encode())
    last = max(0, size - BLOCK)
    with path.open("rb") as stream:
        for start in np.linspace(0, last, min(BLOCKS, -(-size // BLOCK) or 1)).astype(np.int64):
            stream.seek(int(start))
            found.update(stream.read(BLOCK))
    return found.hexdigest()


def _state(file: Path) -> str:
    """Size and time of change; nothing where there are none: whoever opens the file says why."""
    try:
        state = file.stat()
    except OSError:
        return ""
    return f"{state.st_size} {state.st_mtime_ns}"


def _tidy(folder: Path) -> None:
    """Remove what a writer left that was killed; one at work has touched its file of late."""
    for part in folder.glob(".*.part"):
        if time.time() - part.stat().st_mtime > ABANDONED:
            part.unlink(missing_ok=True)


def _write_npy(
    path: Path, parts: Iterable[np.ndarray], shape: tuple[int, ...], dtype: np.dtype
) -> None:
    about = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with path.open("wb") as stream:
        np.lib.format.write_array_header_2_0(stream, about)
        for part in parts:
            stream.write(np.ascontiguousarray(part, dtype=dtype).data)
