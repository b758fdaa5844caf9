"""Damaged `.vrt` files: each is reported, and what is whole in them is recovered."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from random import Random
from zlib import crc32

import numpy as np
import pytest

from compressing import model_of, rows
from variata.cli.app import run
from variata.errors import DataError, StoreError, UsageError
from variata.tasks.compression.codec import MODELLED, Codec
from variata.tasks.compression.decompress import decompress
from variata.tasks.compression.layout import CRC, HEADER, Chunk, Header, Writer
from variata.tasks.compression.reader import Reader
from variata.tasks.model import Model

CHUNK, ROWS = 8, 60


@pytest.fixture(scope="module")
def model() -> Model:
    return model_of("bernoulli", (12,))


@pytest.fixture(scope="module")
def values(model: Model) -> np.ndarray:
    return np.concatenate([model.sample(ROWS - 20), rows("bernoulli", (12,), 20)])


@pytest.fixture(scope="module")
def whole(model: Model, values: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "f.vrt"
    model.compress(values, path, chunk=CHUNK)
    return path.read_bytes()


@pytest.fixture(scope="module")
def places(whole: bytes, tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    """Where chunks begin, and where the last ends."""
    path = tmp_path_factory.mktemp("places") / "f.vrt"
    path.write_bytes(whole)
    with path.open("rb") as file:
        reader = Reader.of(file, recover=False)
        ends = [reader.offsets[i] for i in range(reader.header.chunks)]
        last = ends[-1] + len(reader.chunk(len(ends) - 1).packed(0, 0))
    return [*ends, last]


def damaged(whole: bytes, random: Random) -> tuple[bytes, range]:
    """A file that is cut off, or has some bytes of others; and which bytes are concerned."""
    at = random.randrange(len(whole))
    if random.random() < 0.3:
        return whole[:at], range(at, len(whole))
    end = min(len(whole), at + random.choice([1, 1, 1, 4, 30]))
    other = bytes(byte ^ random.randrange(1, 256) for byte in whole[at:end])
    return whole[:at] + other + whole[end:], range(at, end)


@pytest.mark.parametrize("count", [100, pytest.param(1_000, marks=pytest.mark.slow)])
def test_damaged_files_are_reported_and_what_is_whole_is_recovered(
    model: Model, values: np.ndarray, whole: bytes, places: list[int], tmp_path: Path, count: int
) -> None:
    path, random = tmp_path / "f.vrt", Random(count)
    for _ in range(count):
        content, hit = damaged(whole, random)
        path.write_bytes(content)
        with pytest.raises(StoreError, match=r"f\.vrt is damaged"):
            model.decompress(path)
        spared = [
            i for i in range(len(places) - 1) if places[i + 1] <= hit.start or places[i] >= hit.stop
        ]
        starts = hit.start < places[0] and hit.stop == len(whole)  # neither header is left
        if starts or not spared:
            with pytest.raises(StoreError):
                model.decompress(path, recover=True)
            continue
        found = decompress(model, path, recover=True)
        kept = np.concatenate([np.arange(ROWS)[i * CHUNK : (i + 1) * CHUNK] for i in spared])
        assert np.array_equal(found.values, values[kept])
        lost = [row for part in found.lost for row in range(*part)]
        assert sorted([*kept, *lost]) == list(range(ROWS))
        assert found.lost or found.damage


def test_bytes_too_many_are_reported(
    model: Model, whole: bytes, places: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "f.vrt"
    for at in (0, places[1], places[-1], len(whole)):
        path.write_bytes(whole[:at] + b"\0" + whole[at:])
        with pytest.raises(StoreError, match="damaged"):
            model.decompress(path)


def test_a_chunk_of_another_file_is_not_taken_for_its_own(
    model: Model, values: np.ndarray, whole: bytes, places: list[int], tmp_path: Path
) -> None:
    other, path = tmp_path / "other.vrt", tmp_path / "f.vrt"
    model.compress(values[: ROWS - 1], other, chunk=CHUNK)
    content = other.read_bytes()
    first = slice(places[0], places[1])
    path.write_bytes(whole[: places[0]] + content[first] + whole[places[1] :])
    assert decompress(model, path, recover=True).lost == ((0, CHUNK),)


def test_damage_elsewhere_does_not_touch_some_rows(
    model: Model, values: np.ndarray, whole: bytes, places: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "f.vrt"
    path.write_bytes(whole[: places[0] + 40] + b"!" + whole[places[0] + 41 :])
    assert np.array_equal(model.decompress(path, rows=(CHUNK, 20)), values[CHUNK:20])
    with pytest.raises(StoreError, match=f"rows 0 to {CHUNK - 1} cannot be read"):
        model.decompress(path, rows=(3, 20))


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"latent": 2}, "another model"),
        ({"likelihood": "categorical"}, "another model"),
    ],
)
def test_another_model_is_refused(
    whole: bytes, tmp_path: Path, other: dict[str, object], reason: str
) -> None:
    path = tmp_path / "f.vrt"
    path.write_bytes(whole)
    made = model_of(**{"likelihood": "bernoulli", "shape": (12,), **other})  # type: ignore[arg-type]
    for recover in (False, True):
        with pytest.raises(StoreError, match=reason):
            made.decompress(path, recover=recover)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("arithmetic", "computes otherwise"), ("model", "another model"), ("schema", "other data")],
)
def test_each_part_of_the_identity_is_checked(
    model: Model, tmp_path: Path, name: str, reason: str
) -> None:
    path, codec = tmp_path / "f.vrt", Codec.of(model)
    identity = replace(codec.identity, **{name: bytes(16)})
    path.write_bytes(written(Header(identity, 1, 1, np.dtype("u1"), (12,)), codec))
    with pytest.raises(StoreError, match=reason):
        model.decompress(path)


def written(header: Header, codec: Codec) -> bytes:
    """A file of one chunk of zeros."""
    import io

    file = io.BytesIO()
    writer = Writer(file, header)
    writer.add(codec.write(np.zeros((1, 12), np.uint8))[0])
    writer.close()
    return file.getvalue()


@pytest.mark.parametrize(
    ("rows", "chunk"), [(2**62, 2**31), (2**40, 2**20), (2**20, 1), (10**6, 10**6)]
)
def test_a_claim_takes_no_memory(model: Model, tmp_path: Path, rows: int, chunk: int) -> None:
    path, codec = tmp_path / "f.vrt", Codec.of(model)
    header = Header(codec.identity, rows, chunk, np.dtype("u1"), (12,))
    path.write_bytes(written(header, codec))
    with pytest.raises(StoreError, match="damaged"):
        model.decompress(path)
    if rows == 2**20:  # whose first chunk is there
        assert decompress(model, path, recover=True).lost == ((1, rows),)
    else:
        with pytest.raises(StoreError, match="damaged"):
            model.decompress(path, recover=True)


def test_another_version_is_named(model: Model, whole: bytes, tmp_path: Path) -> None:
    path, end = tmp_path / "f.vrt", HEADER.size + 4
    header = bytearray(whole[:end])
    struct.pack_into("<H", header, 8, 9)
    path.write_bytes(bytes(header) + CRC.pack(crc32(header)) + whole[end + 4 :])
    with pytest.raises(StoreError, match="has version 9, and this variata reads 1"):
        model.decompress(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY" + bytes(200), b"\x89VRT\r\n\x1a\n"])
def test_files_of_others_are_named(model: Model, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "f.vrt"
    path.write_bytes(content)
    for recover in (False, True):
        with pytest.raises(StoreError, match=r"f\.vrt is damaged or no file of variata's"):
            model.decompress(path, recover=recover)


def test_a_file_that_is_not_there_is_named(model: Model, tmp_path: Path) -> None:
    for path in (tmp_path / "absent.vrt", tmp_path):
        with pytest.raises(StoreError, match="cannot be read"):
            model.decompress(path)


def test_words_that_are_no_rows_are_damage(model: Model) -> None:
    codec, random = Codec.of(model), np.random.default_rng(0)
    for length in (0, 1, 5, 50):
        for _ in range(20):
            payload = random.integers(0, 2**32, length, dtype=np.uint32).tobytes()
            with pytest.raises(StoreError, match="damaged"):
                codec.read(Chunk(MODELLED, payload, 0), 7, np.dtype("u1"), (12,))


def test_nothing_is_written_where_something_fails(
    model: Model, values: np.ndarray, whole: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "f.vrt"
    path.write_bytes(whole[:-30])
    with pytest.raises(StoreError):
        model.decompress(path, out=tmp_path / "x.npy")
    for bad in (values + 1, values[:, 1:], values[:0], np.full((2, 12), np.nan)):
        with pytest.raises(DataError):
            model.compress(bad, tmp_path / "new.vrt")
    with pytest.raises(UsageError, match=r"must end in \.vrt"):
        model.compress(values, tmp_path / "x.npy")
    assert [p.name for p in tmp_path.iterdir()] == ["f.vrt"]


def test_a_file_that_is_read_is_not_written_over(
    model: Model, values: np.ndarray, tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", values)
    (tmp_path / "x.npy").rename(tmp_path / "x.vrt")
    with pytest.raises(UsageError, match="would be lost"):
        model.compress(tmp_path / "x.vrt", tmp_path / "x.vrt")


def test_the_command_line_recovers(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "f.vrt", tmp_path / "x.npy"
    assert run(["compress", str(digits_run), "digits", "-o", str(file), "--chunk", "500"]) == 0
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    command = ["decompress", str(digits_run), str(file), "-o", str(out)]
    assert run(command) == 5
    assert "Recover the others with --recover" in capsys.readouterr().err
    assert not out.exists()
    assert run([*command, "--recover"]) == 0
    assert "rows 500 to 999 are damaged and left out" in capsys.readouterr().err
    assert len(np.load(out)) == 1_297


def test_places_far_beyond_the_file_are_damage(model: Model, whole: bytes, tmp_path: Path) -> None:
    path, header = tmp_path / "f.vrt", Header.unpacked(whole)
    start = len(whole) - 8 - len(header.packed()) - 4 - 8 * (header.chunks + 1)
    index = bytearray(whole[start : start + 8 * (header.chunks + 1)])
    struct.pack_into("<Q", index, 8, 2**64 - 1)
    rest = CRC.pack(crc32(index)) + whole[start + len(index) + 4 :]
    path.write_bytes(whole[:start] + bytes(index) + rest)
    with pytest.raises(StoreError, match="more in it than it lists"):
        model.decompress(path)
    assert len(model.decompress(path, recover=True)) == ROWS
