"""Files that are whole or absent: temporary file, fsync, rename."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from variata.errors import StoreError

PART = ".part"  # the end of the name of a file that is being written
UNABLE = (errno.EBADF, errno.EINVAL, errno.EACCES, errno.EPERM, errno.ENOSYS, errno.ENOTSUP)


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, flush it to disk and move it into place.

    Raises:
        StoreError: when the folder cannot be written or the disk is full; `path` is then as before.
    """
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PART)
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        temporary.chmod(0o644)
        _sync(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    except (OSError, SafetensorError) as error:  # the latter where a disk is full below it
        reason = getattr(error, "strerror", None) or error
        raise StoreError(
            f"Cannot write {path}: {reason}. Make room, or choose another folder."
        ) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what a killed process left of files that it was writing, where it may be removed."""
    for part in folder.glob(f".*{PART}"):
        with suppress(OSError):
            part.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    write_atomic(path, lambda part: _write_bytes(part, text.encode()))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a binary file atomically."""
    write_atomic(path, lambda part: _write_bytes(part, content))


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object of a file.

    Raises:
        StoreError: it cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path} cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise StoreError(f"{path} is damaged: it does not hold an object.")
    return content


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(path: Path) -> None:
    """Bring to disk which files a folder holds, where its file system can do that."""
    try:
        _sync(path)
    except OSError as error:
        if error.errno not in UNABLE:
            raise


def make_folder(path: Path) -> None:
    """Create a folder and its parents.

    Raises:
        StoreError: when there is no right to do so, or a file is in the way.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            sync_folder(folder.parent)
    except OSError as error:
        reason = error.strerror or error
        raise StoreError(f"Cannot make the folder {path}: {reason}. Choose another.") from error


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
