"""Reading .npy and .npz files; nothing in them is ever executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from variata.data.reasons import damaged
from variata.data.sizes import require_whole_array, require_whole_members
from variata.errors import DataError

MAGIC = b"\x93NUMPY"
MAPPED_FROM = 1 << 24  # bytes; what is smaller is read at once, and the file may change


def read_npy(path: Path) -> np.ndarray:
    """Return the array of a .npy file; a large one is mapped, and read where it is looked at.

    Raises:
        DataError: damaged, or it holds Python objects, naming the file.
    """
    try:
        array = _loaded(path)
    except Exception as error:  # damaged bytes make numpy raise almost anything
        raise _refused(path, ".npy", MAGIC, "numpy.save", error) from error
    if isinstance(array, np.ndarray):
        return array
    array.close()
    raise DataError(f"'{path}' holds several arrays; rename it to end in .npz.")


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a .npz file.

    Raises:
        DataError: damaged, without arrays, or with Python objects, naming the file.
    """
    try:
        archive = _loaded(path)
        if isinstance(archive, np.ndarray):
            raise DataError(f"'{path}' holds one array; rename it to end in .npy.")
        with archive:
            arrays = {name: _member(path, archive, name) for name in archive.files}
    except DataError:
        raise
    except Exception as error:
        raise _refused(path, ".npz", b"PK", "numpy.savez", error) from error
    if not arrays:
        raise DataError(f"'{path}' holds no arrays; write it again with numpy.savez(path, x=...).")
    return arrays


def _loaded(path: Path) -> Any:
    with path.open("rb") as stream:
        start = stream.read(len(MAGIC))
        stream.seek(0)
        if start == MAGIC:
            require_whole_array(stream, path.stat().st_size)
    large = path.stat().st_size >= MAPPED_FROM
    return np.load(path, mmap_mode="r" if large else None, allow_pickle=False)


def _member(path: Path, archive: Any, name: str) -> np.ndarray:
    """One array, after a look at what it claims."""
    require_whole_members(archive.zip, path)
    inner = name if name in archive.zip.namelist() else f"{name}.npy"
    with archive.zip.open(inner) as stream:
        if stream.read(len(MAGIC)) == MAGIC:
            stream.seek(0)
            require_whole_array(stream, archive.zip.getinfo(inner).file_size)
    array = archive[name]
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name} is no array")
    return array


def _refused(path: Path, kind: str, start: bytes, again: str, error: Exception) -> DataError:
    if "Object arrays" in str(error) or "Python objects" in str(error):
        return DataError(
            f"'{path}' holds Python objects, which variata never opens; save plain numbers."
        )
    return damaged(path, kind, start, again, error)
