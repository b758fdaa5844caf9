"""Files in the idx format of MNIST, plain or gzipped."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from variata.data.reasons import reason
from variata.data.sizes import read_at_most
from variata.data.source import Source, encode_labels, three_parts
from variata.errors import DataError

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
IMAGES = re.compile(r"^(?P<part>.*?)-?images[-.]idx3-ubyte(?P<gz>\.gz)?$")
PARTS = {"train": "train", "t10k": "test", "test": "test", "valid": "valid"}
LARGEST = 1 << 34


def is_idx(path: Path) -> bool:
    """Whether a file's name is one of an idx file.

    >>> is_idx(Path("train-images-idx3-ubyte.gz")), is_idx(Path("a.npy"))
    (True, False)
    """
    return re.search(r"(idx\d-ubyte|-ubyte|\.idx\d?)(\.gz)?$", path.name) is not None


def read_idx(path: Path) -> np.ndarray:
    """Return the array of an idx file.

    Raises:
        DataError: not the idx format, truncated or too long, naming the file.
    """
    try:
        with path.open("rb") as raw:
            stream = gzip.GzipFile(fileobj=raw) if path.name.endswith(".gz") else raw
            return _parse(path, stream)
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise DataError(f"Could not read '{path}' as an idx file: {reason(error)}.") from error


def from_idx(path: Path) -> Source:
    """Read one idx file, and its labels where the file of labels lies beside it."""
    values = read_idx(path)
    sibling = labels_beside(path)
    if sibling is None:
        return Source(path.name, values)
    codes, names = encode_labels(read_idx(sibling), len(values))
    return Source(path.name, values, codes, names, note=f"labels from {sibling.name}")


def labels_beside(path: Path) -> Path | None:
    """Return the file of labels that belongs to a file of images, if it is there."""
    stem = path.name.removesuffix(".gz")
    label = stem.replace("images", "labels").replace("idx3", "idx1")
    beside = (path.with_name(label + end) for end in (".gz", ""))
    return next((p for p in beside if label != stem and p.is_file()), None)


def idx_parts(folder: Path) -> dict[str, Path]:
    """Return the image files of a folder by part, e.g. {"train": ..., "test": ...}."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        match = IMAGES.match(path.name)
        part = PARTS.get(match["part"]) if match else None
        if part:
            found.setdefault(part, path)
    return {part: found[part] for part in ("train", "valid", "test") if part in found}


def from_idx_parts(name: str, parts: dict[str, Path], held_out: int | None = None) -> Source:
    """Join idx files of train and test; `held_out` last rows of train are the valid part."""
    sources = {part: from_idx(path) for part, path in parts.items()}
    ends = np.cumsum([len(s) for s in sources.values()])
    rows = {p: np.arange(e - len(s), e) for (p, s), e in zip(sources.items(), ends, strict=True)}
    if held_out and len(rows["train"]) > held_out:
        rows["valid"], rows["train"] = rows["train"][-held_out:], rows["train"][:-held_out]
    try:
        values = np.concatenate([s.values for s in sources.values()])
    except ValueError as error:
        raise DataError(f"The parts of '{name}' do not fit together: {reason(error)}.") from error
    if any(s.labels is None for s in sources.values()):
        return Source(name, values, published=three_parts(rows))
    texts = np.concatenate([np.asarray(s.label_names)[s.labels] for s in sources.values()])
    codes, names = encode_labels(texts, len(values))
    return Source(name, values, codes, names, published=three_parts(rows))


def _parse(path: Path, stream: IO[bytes] | gzip.GzipFile) -> np.ndarray:
    zero, code, dims = struct.unpack(">HBB", stream.read(4))
    if zero or code not in DTYPES or not 1 <= dims <= 4:
        raise DataError(f"'{path}' is not an idx file: it does not start as one.")
    shape = struct.unpack(f">{dims}I", stream.read(4 * dims))
    dtype = np.dtype(DTYPES[code])
    size = math.prod(shape) * dtype.itemsize
    data = read_at_most(stream, min(size, LARGEST) + 1)
    if len(data) != size:
        came = "more" if len(data) > size else len(data)
        raise DataError(f"'{path}' should hold {size} bytes for shape {shape}, got {came}.")
    array = np.frombuffer(data, dtype=dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="))
