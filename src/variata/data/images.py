"""Folders and zip files of pictures."""

from __future__ import annotations

import io
import math
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np

from variata.data import memory
from variata.data.cache import Kept
from variata.data.left_out import LeftOut
from variata.data.pictures import Look, Picture, look, read, undisturbed
from variata.data.reasons import reason
from variata.data.sizes import require_whole_members
from variata.data.source import Source, encode_labels, three_parts
from variata.data.spool import Say, silent
from variata.data.values import CHUNK_ELEMENTS
from variata.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
PART_FOLDERS = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid"} | {
    "test": "test"
}
LARGEST_MEMBER = 1 << 28
LOOKS = 1_000  # pictures that are looked at together

Size = tuple[int, int]


def from_folder(folder: Path, size: Size | None = None, say: Say = silent) -> Source:
    """Read all pictures below a folder, in the order of their names.

    Subfolders are labels (below train/, valid/, test/ where these are there). Pictures keep their
    size, (N, H, W) when all are grey and (N, H, W, 3) otherwise; `size` (H, W) resizes them. What
    does not fit in memory is kept in the cache, and mapped. The source says which few pictures are
    left out, since they cannot be read.

    Raises:
        DataError: no pictures, many unreadable ones, or two sizes, naming the files.
    """
    found = sorted(_walk(folder))
    kept = Kept.of(folder, [folder / name for name in found], ("pictures", size), say)
    known = kept.load()
    if known is not None:
        return known
    pictures = [Picture(name, partial(open, folder / name, "rb")) for name in found]
    return _gather(folder.name or str(folder), str(folder), pictures, size, kept)


def from_zip(path: Path, size: Size | None = None, say: Say = silent) -> Source:
    """Read all pictures of a zip file, as `from_folder` does."""
    kept = Kept.of(path, [path], ("pictures", size), say)
    known = kept.load()
    if known is not None:
        return known
    try:
        with zipfile.ZipFile(path) as archive:
            members = {m.filename: m for m in archive.infolist() if _wanted(m.filename)}
            require_whole_members(archive, path)
            for name, member in members.items():
                if member.file_size > LARGEST_MEMBER:
                    raise DataError(f"'{name}' in '{path}' is too large to be a picture.")
            pictures = [Picture(n, partial(_member, archive, n)) for n in sorted(members)]
            return _gather(path.name, str(path), pictures, size, kept)
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, RuntimeError) as error:
        raise DataError(
            f"Could not read '{path}' as a zip of pictures: {reason(error)}."
        ) from error


def folder_labels(names: Sequence[str]) -> tuple[list[str], dict[str, np.ndarray]]:
    """Return the label of each picture by its folder, and the rows of published parts.

    >>> folder_labels(["train/cat/1.png", "test/dog/1.png"])[0]
    ['cat', 'dog']
    >>> folder_labels(["cat/1.png", "dog/a/1.png"])
    (['cat', 'dog'], {})
    """
    parents = [PurePosixPath(name).parts[:-1] for name in names]
    parts = np.asarray([PART_FOLDERS.get(p[0].lower(), "") if p else "" for p in parents])
    if not len(parts) or "" in parts or set(parts.tolist()) == {"train"}:
        return [p[0] if p else "" for p in parents], {}
    rows = {str(part): np.flatnonzero(parts == part) for part in np.unique(parts)}
    return [p[1] if len(p) > 1 else "" for p in parents], rows


def _gather(
    name: str, place: str, pictures: Sequence[Picture], size: Size | None, kept: Kept
) -> Source:
    if not pictures:
        raise DataError(f"'{place}' holds no pictures ({', '.join(s[1:] for s in SUFFIXES)}).")
    left = LeftOut(place, len(pictures))
    with undisturbed(), ThreadPoolExecutor(memory.workers()) as pool:
        pictures, looks = _looked_at(pictures, left, pool)
        height, width = size or _one_size(pictures, looks)
        grey = all(seen.grey for seen in looks)
        shape = (len(pictures), height, width, *(() if grey else (3,)))
        values, lost = _filled(
            partial(read, grey=grey, size=size), pictures, shape, left, pool, kept
        )
    left.require_few()
    if lost:
        values, pictures = _without(values, pictures, lost, kept)
    texts, rows = folder_labels([p.name for p in pictures])
    many = len(set(texts) - {""}) > 1
    codes, names = encode_labels(texts, len(texts)) if many else (None, None)
    lossy = all(p.name.lower().endswith((".jpg", ".jpeg")) for p in pictures)
    about: dict[str, Any] = {"layout": "image", "lossy": lossy, "left_out": tuple(left.what)}
    about |= {"published": three_parts(rows), "note": _note(looks, left)}
    source = Source(name, values, codes, names, **about)
    return source if memory.mapped(values) is None else kept.keep(source)


def _looked_at(
    pictures: Sequence[Picture], left: LeftOut, pool: ThreadPoolExecutor
) -> tuple[list[Picture], list[Look]]:
    """The pictures that can be opened, and what their headers say."""
    seen = [
        s for some in _chunks(pictures, LOOKS) for s in pool.map(partial(left.tried, look), some)
    ]
    left.require_few()
    pairs = [(p, s) for p, s in zip(pictures, seen, strict=True) if s is not None]
    return [p for p, _ in pairs], [s for _, s in pairs]


def _filled(
    pixels: Callable[[Picture], np.ndarray],
    pictures: Sequence[Picture],
    shape: tuple[int, ...],
    left: LeftOut,
    pool: ThreadPoolExecutor,
    kept: Kept,
) -> tuple[np.ndarray, list[int]]:
    """All values (N, ...), and the rows that could not be read, which are zeros."""
    lost: list[int] = []

    def parts() -> Iterator[np.ndarray]:
        start, blank = 0, np.zeros(shape[1:], dtype=np.uint8)
        for chunk in _chunks(pictures, max(1, CHUNK_ELEMENTS // math.prod(shape[1:]))):
            made = list(pool.map(partial(left.tried, pixels), chunk))
            lost.extend(start + i for i, values in enumerate(made) if values is None)
            start += len(made)
            yield np.stack([blank if values is None else values for values in made])

    if not memory.fits(math.prod(shape)):
        return kept.write(parts(), shape, np.dtype(np.uint8)), lost
    values, start = np.empty(shape, dtype=np.uint8), 0
    for part in parts():
        values[start : start + len(part)] = part
        start += len(part)
    return values, lost


def _without(
    values: np.ndarray, pictures: Sequence[Picture], lost: Sequence[int], kept: Kept
) -> tuple[np.ndarray, list[Picture]]:
    """Values and pictures without some rows; a mapped file is written anew."""
    whole = np.delete(np.arange(len(values)), lost)
    good = [pictures[i] for i in whole.tolist()]
    if memory.mapped(values) is None:
        return values[whole], good
    step = max(1, CHUNK_ELEMENTS // math.prod(values.shape[1:]))
    parts = (values[whole[i : i + step]] for i in range(0, len(whole), step))
    return kept.write(parts, (len(whole), *values.shape[1:]), values.dtype), good


def _chunks(pictures: Sequence[Picture], count: int) -> Iterator[Sequence[Picture]]:
    return (pictures[i : i + count] for i in range(0, len(pictures), count))


def _one_size(pictures: Sequence[Picture], looks: Sequence[Look]) -> Size:
    first = looks[0]
    for picture, seen in zip(pictures, looks, strict=True):
        if (seen.height, seen.width) != (first.height, first.width):
            raise DataError(
                f"The pictures have several sizes: '{pictures[0].name}' is"
                f" {first.height}x{first.width} and '{picture.name}' is"
                f" {seen.height}x{seen.width} (HxW); resize them with --size HxW."
            )
    return first.height, first.width


def _note(looks: Sequence[Look], left: LeftOut) -> str:
    notes = [
        left.note(),
        "transparency is dropped" if any(seen.alpha for seen in looks) else "",
        "16-bit values are scaled to 8 bits" if any(seen.deep for seen in looks) else "",
    ]
    return "; ".join(note for note in notes if note)


def _walk(folder: Path) -> Iterator[str]:
    for base, inner, files in os.walk(folder, followlinks=False):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(files):
            relative = (Path(base) / name).relative_to(folder).as_posix()
            if _wanted(relative):
                yield relative


def _wanted(name: str) -> bool:
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    return not hidden and name.lower().endswith(SUFFIXES)


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    try:
        return io.BytesIO(archive.read(name))
    except (zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"cannot be read: {reason(error)}") from error
