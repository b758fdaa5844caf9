"""A lock that its holder's death releases, however it dies."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from variata.errors import StoreError

LOCK = "training.lock"
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)  # of a file system


class Lock:
    """Holds a file for one process; the system lets go of it when that process ends.

    Args:
        path: of the file, in which the holder's number is written for people to read.

    Raises:
        StoreError: on entering, when another process holds it, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._descriptor = path, -1

    def __enter__(self) -> Lock:
        while True:
            self._descriptor = self._open()
            if not _held(self._descriptor):
                holder = self.path.read_text() or "another"
                os.close(self._descriptor)
                raise StoreError(f"{self.path.parent} is in use: process {holder} trains there.")
            if self._is_still_there():
                break
            os.close(self._descriptor)  # its last holder removed it before we held it
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, str(os.getpid()).encode())
        return self

    def __exit__(self, *_: object) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_CREAT | os.O_RDWR, 0o644)
        except OSError as error:
            where = self.path.parent
            raise StoreError(f"Cannot write in {where}: {error.strerror}.") from error

    def _is_still_there(self) -> bool:
        try:
            return os.stat(self.path).st_ino == os.fstat(self._descriptor).st_ino
        except FileNotFoundError:
            return False


def _held(descriptor: int) -> bool:
    """Take the lock; False when another process has it."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in NO_LOCKS:  # then nobody else can hold one either
            return True
        raise
    return True
