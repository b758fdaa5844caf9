"""Damage to files: of bytes, of what formats mean, and inside what checksums protect."""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

WILD: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2, 255, 2**31, 2**63, 10**30, 1e308, -1e-308, float("nan"), float("inf"),
    "", "x", "os.system", "vae", "3", "\x00", "é" * 50, [], {}, [[]], [None], [2**40, 2**40],
    [0] * 300, {"a": {"b": [1]}}, "__import__('os')",
)  # fmt: skip
TOKENS = (b"nan", b"inf", b"-1", b"1e400", b"9" * 5000, b"", b"\x00", b"''", b"2001-99-99", b"[[[")
DEEP = 100_000
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")

Mutator = Callable[[bytes, Random], bytes]


def flipped(content: bytes, random: Random) -> bytes:
    """A few bits are others; more often near the start, where headers are."""
    made = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 8))):
        end = min(len(made), random.choice((16, 200, len(made))))
        if end:
            made[random.randrange(end)] ^= 1 << random.randrange(8)
    return bytes(made)


def cut(content: bytes, random: Random) -> bytes:
    """The end is missing."""
    return content[: random.randrange(len(content) + 1)]


def spliced(content: bytes, random: Random) -> bytes:
    """A part is twice there, or in the place of another, or random bytes are put in."""
    start, end = sorted(random.randrange(len(content) + 1) for _ in range(2))
    part = random.choice((content[start:end], random.randbytes(random.randrange(40)), b""))
    at = random.randrange(len(content) + 1)
    over = random.choice((0, len(part), end - start))
    return content[:at] + part + content[at + over :]


def swapped(content: bytes, random: Random) -> bytes:
    """Two parts change places."""
    a, b, c = sorted(random.randrange(len(content) + 1) for _ in range(3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def largest(content: bytes, random: Random) -> bytes:
    """A number of a header becomes a huge one."""
    size = random.choice((1, 2, 4, 8))
    at = random.randrange(max(1, min(len(content), 200) - size))
    return content[:at] + random.choice((b"\xff", b"\x7f", b"\x00")) * size + content[at + size :]


def reworded(content: bytes, random: Random) -> bytes:
    """A number that is written out becomes something else."""
    found = list(NUMBER.finditer(content))
    if not found:
        return flipped(content, random)
    match = random.choice(found)
    return content[: match.start()] + random.choice(TOKENS) + content[match.end() :]


def nested(content: bytes, random: Random) -> bytes:
    """A value becomes lists in lists, deeper than any reader goes."""
    found = list(NUMBER.finditer(content)) or [re.match(b"", content)]
    match = random.choice(found)
    assert match is not None
    return content[: match.start()] + b"[" * DEEP + content[match.end() :]


BYTES: tuple[Mutator, ...] = (flipped, flipped, cut, spliced, swapped, largest, reworded)


def any_bytes(content: bytes, random: Random) -> bytes:
    """One or two of the ways that know no format."""
    for _ in range(random.choice((1, 1, 2))):
        content = random.choice(BYTES)(content, random)
    return content


def json_edit(content: bytes, random: Random) -> bytes:
    """Values of other kinds, missing, unknown and exchanged keys; now and then only bytes."""
    if random.random() < 0.15:
        return random.choice((nested, any_bytes))(content, random)
    record = json.loads(content)
    for _ in range(random.choice((1, 1, 1, 3))):
        _edit(record, random)
    return json.dumps(record).encode()


def json_lines_edit(content: bytes, random: Random) -> bytes:
    """An edit of one line, or of bytes."""
    lines = content.splitlines()
    if not lines or random.random() < 0.2:
        return any_bytes(content, random)
    i = random.randrange(len(lines))
    lines[i] = json_edit(lines[i], random)
    return b"\n".join(lines) + b"\n"


def safetensors_edit(content: bytes, random: Random) -> bytes:
    """An edit of the header, whose length is made to fit; or bytes."""
    if random.random() < 0.3:
        return any_bytes(content, random)
    (size,) = struct.unpack("<Q", content[:8])
    header = json_edit(content[8 : 8 + size], random)
    return struct.pack("<Q", len(header)) + header + content[8 + size :]


def gzip_edit(content: bytes, random: Random) -> bytes:
    """Damage inside of what is compressed, or outside."""
    if random.random() < 0.3:
        return any_bytes(content, random)
    return gzip.compress(any_bytes(gzip.decompress(content), random), 1)


def zip_edit(content: bytes, random: Random) -> bytes:
    """Damage inside of one member, with its checksum made to fit; or outside."""
    if random.random() < 0.3:
        return any_bytes(content, random)
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", 8) as new:
        names = old.namelist()
        chosen = random.choice(names)
        for name in names:
            part = old.read(name)
            new.writestr(name, any_bytes(part, random) if name == chosen else part)
    return made.getvalue()


BY_KIND: dict[str, Mutator] = {
    "json": json_edit,
    "jsonl": json_lines_edit,
    "safetensors": safetensors_edit,
    "gz": gzip_edit,
    "npz": zip_edit,
    "zip": zip_edit,
}


def mutated(name: str, content: bytes, random: Random) -> bytes:
    """Damage a file in a way that suits its name."""
    return BY_KIND.get(name.rsplit(".", 1)[-1], any_bytes)(content, random)


def _edit(record: Any, random: Random) -> None:
    """Change one entry somewhere in nested lists and dictionaries."""
    places = [*_places(record)]
    if not places:
        return
    holder, key = random.choice(places)
    way = random.randrange(6)
    if way == 0 and isinstance(holder, dict):
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[f"{key}x"] = deepcopy(random.choice(WILD))
    elif way == 2:
        other, name = random.choice(places)
        holder[key] = json.loads(json.dumps(other[name]))
    elif way == 3 and isinstance(holder[key], int | float):
        holder[key] = holder[key] * random.choice((-1, 2, 10, 10**6, 0.5)) + random.choice((0, 1))
    else:
        holder[key] = deepcopy(random.choice(WILD))


def _places(record: Any) -> list[tuple[Any, Any]]:
    keys = list(record) if isinstance(record, dict) else list(range(len(record)))
    inner = [record[key] for key in keys if isinstance(record[key], dict | list)]
    return [(record, key) for key in keys] + [place for part in inner for place in _places(part)]
