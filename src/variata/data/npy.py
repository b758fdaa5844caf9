"""Reading .npy and .npz files; nothing in them is ever executed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from variata.data.reasons import damaged
from variata.errors import DataError

MAPPED_FROM = 1 << 24  # bytes; what is smaller is read at once, and the file may change


def read_npy(path: Path) -> np.ndarray:
    """Return the array of a .npy file; a large one is mapped, and read where it is looked at.

    Raises:
        DataError: damaged, or it holds Python objects, naming the file.
    """
    try:
        large = path.stat().st_size >= MAPPED_FROM
        array = np.load(path, mmap_mode="r" if large else None, allow_pickle=False)
    except Exception as error:  # damaged bytes make numpy raise almost anything
        raise _refused(path, ".npy", b"\x93NUMPY", "numpy.save", error) from error
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
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise DataError(f"'{path}' holds one array; rename it to end in .npy.")
        with archive:
            arrays = {name: archive[name] for name in archive.files}
    except DataError:
        raise
    except Exception as error:
        raise _refused(path, ".npz", b"PK", "numpy.savez", error) from error
    if not arrays:
        raise DataError(f"'{path}' holds no arrays; write it again with numpy.savez(path, x=...).")
    return arrays


def _refused(path: Path, kind: str, start: bytes, again: str, error: Exception) -> DataError:
    if "Object arrays" in str(error) or "Python objects" in str(error):
        return DataError(
            f"'{path}' holds Python objects, which variata never opens; save plain numbers."
        )
    return damaged(path, kind, start, again, error)
