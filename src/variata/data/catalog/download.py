"""One download: resumed where it stopped, checked, and put in place whole."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

from variata.errors import DataError

BLOCK = 1 << 18
ATTEMPTS = 3
TIMEOUT_SECONDS = 30
PAGE_STARTS = (b"<!doctype", b"<html", b"<?xml")


def download(url: str, target: Path, sha256: str, size: int) -> Path:
    """Download `url` to `target`; an interrupted download goes on from where it stopped.

    Bytes go to `target`.part, which takes the place of `target` once size and SHA-256 agree.

    Raises:
        DataError: no network, a web page instead of data, or other bytes than expected.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(ATTEMPTS):
            _continue(url, part, size)
            if part.stat().st_size >= size:
                break
        _check(url, part, sha256, size)
        os.replace(part, target)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise DataError(f"{url} could not be downloaded: {reason}.") from error
    return target


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _continue(url: str, part: Path, size: int) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have >= size:
        return
    headers = {"User-Agent": "variata", **({"Range": f"bytes={have}-"} if have else {})}
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        resumed = response.status == 206 and _starts_at(response, have)
        with part.open("ab" if resumed else "wb") as out:
            _copy(url, response, out, size - have if resumed else size, first=not resumed)


def _starts_at(response: Any, have: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _copy(url: str, response: Any, out: IO[bytes], most: int, first: bool) -> None:
    """Copy at most one block beyond what is expected, so that a wrong answer cannot fill a disk."""
    taken = 0
    while taken <= most and (block := _block(response)):
        if first and taken == 0 and block.lstrip()[:9].lower().startswith(PAGE_STARTS):
            raise DataError(f"{url} answered with a web page instead of data.")
        out.write(block)
        taken += len(block)


def _block(response: Any) -> bytes:
    try:
        return response.read(BLOCK)
    except http.client.IncompleteRead as error:
        return error.partial


def _check(url: str, part: Path, sha256: str, size: int) -> None:
    came = part.stat().st_size
    if came < size:
        raise DataError(f"{url} ended after {came} of {size} bytes; try again to go on from there.")
    if came > size or file_sha256(part) != sha256:
        part.unlink()
        raise DataError(f"{url} is not the expected file: its SHA-256 differs.")
