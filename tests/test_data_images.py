"""Folders and zips of pictures: sizes, channels, labels, parts, and files that are damaged."""

import shutil
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from variata import fit
from variata.data import infer_schema, open_source, pictures
from variata.errors import DataError, UsageError
from variata.tasks.rows import examples_of
from variata.tasks.source import DataOptions, prepare_data

RNG = np.random.default_rng(0)


def _save(path, height=37, width=53, mode="RGB", **options):
    channels = {"L": (), "LA": (2,), "RGB": (3,), "RGBA": (4,)}[mode]
    pixels = RNG.integers(0, 256, (height, width, *channels), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels, mode if mode == "LA" else None).save(path, **options)
    return pixels


def test_colour_pictures_of_any_size(tmp_path):
    pixels = [_save(tmp_path / f"{i}.png") for i in range(5)]
    source = open_source(tmp_path)
    assert source.values.shape == (5, 37, 53, 3)
    np.testing.assert_array_equal(source.values, np.stack(pixels))
    assert source.labels is None
    assert not source.lossy
    assert infer_schema(source.values, layout=source.layout).shape == (3, 37, 53)


def test_grey_pictures_keep_one_channel(tmp_path):
    pixels = [_save(tmp_path / f"{i}.bmp", mode="L") for i in range(3)]
    np.testing.assert_array_equal(open_source(tmp_path).values, np.stack(pixels))
    _save(tmp_path / "colour.png")
    mixed = open_source(tmp_path).values
    assert mixed.shape == (4, 37, 53, 3)
    np.testing.assert_array_equal(mixed[0, ..., 1], pixels[0])


def test_subfolders_are_labels(tmp_path):
    for name in ("cat/b.png", "cat/a.png", "dog/deep/c.png"):
        _save(tmp_path / name)
    source = open_source(str(tmp_path))
    assert source.label_names == ("cat", "dog")
    assert source.labels is not None
    assert source.labels.tolist() == [0, 0, 1]
    assert source.published is None


def test_train_and_test_folders_are_published_parts(tmp_path):
    for part, count in (("train", 20), ("test", 3)):
        for i in range(count):
            _save(tmp_path / part / ("cat" if i % 2 else "dog") / f"{i:02}.png", 4, 4, "L")
    source = open_source(tmp_path)
    assert source.label_names == ("cat", "dog")
    assert source.published is not None
    assert [len(p) for p in source.published] == [18, 2, 3]
    assert sorted(np.concatenate(source.published).tolist()) == list(range(23))


def test_two_sizes_are_named_and_resizing_helps(tmp_path):
    _save(tmp_path / "a.png", 10, 12)
    _save(tmp_path / "b.png", 11, 12)
    with pytest.raises(DataError, match="'a.png' is 10x12 and 'b.png' is 11x12.*--size HxW"):
        open_source(tmp_path)
    assert open_source(tmp_path, size=(6, 8)).values.shape == (2, 6, 8, 3)


def test_damaged_pictures_are_named(tmp_path):
    _save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cut.png"):
        open_source(tmp_path)
    (tmp_path / "cut.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="cut.png"):
        open_source(tmp_path)


@pytest.mark.parametrize("held", [True, False], ids=["in memory", "mapped"])
def test_few_damaged_pictures_are_left_out(tmp_path, monkeypatch, held):
    monkeypatch.setenv("VARIATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("variata.data.memory.fits", lambda size: held)
    monkeypatch.setattr("variata.data.images.CHUNK_ELEMENTS", 7 * 37 * 53 * 3)
    folder, whole = tmp_path / "all", tmp_path / "whole"
    for i in range(40):
        _save(folder / "ab"[i % 2] / f"{i:02}.png")
    shutil.copytree(folder, whole)
    cut = (folder / "a" / "10.png").read_bytes()
    (folder / "a" / "10.png").write_bytes(cut[: len(cut) // 2])  # its header is whole
    (folder / "b" / "31.png").write_bytes(b"no picture")
    for name in ("a/10.png", "b/31.png"):
        (whole / name).unlink()
    wanted = open_source(whole)
    for _ in range(2):  # the second comes from the cache where it is mapped
        source = open_source(folder)
        np.testing.assert_array_equal(source.values, wanted.values)
        np.testing.assert_array_equal(source.labels, wanted.labels)
        assert source.note.startswith("2 of 40 pictures are left out: 'a/10.png' cannot be read")
        assert [what.split()[0] for what in source.left_out] == ["'a/10.png'", "'b/31.png'"]
    assert wanted.left_out == ()
    notes = prepare_data(str(folder), DataOptions(), 0).notes
    assert any("left out" in note for note in notes)
    schema = infer_schema(wanted.values)
    assert len(examples_of(str(whole), schema)) == 38
    with pytest.raises(DataError, match="in their order.*'a/10.png'.*Take such pictures out"):
        examples_of(str(folder), schema)


@pytest.mark.parametrize("error", [MemoryError(), PermissionError(13, "Permission denied")])
def test_pictures_that_are_not_at_fault_are_never_left_out(tmp_path, monkeypatch, error):
    for i in range(40):
        _save(tmp_path / f"{i:02}.png", height=38 if i == 7 else 37)

    def failing(image):
        if image.height == 38:
            raise error
        return look(image)

    look = pictures._look
    monkeypatch.setattr(pictures, "_look", failing)
    with pytest.raises(DataError, match="^The picture '07.png' cannot be read"):
        open_source(tmp_path, size=(8, 8))


def test_a_link_to_nothing_is_named(tmp_path):
    _save(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(DataError, match="^The picture 'b.png' cannot be read"):
        open_source(tmp_path)


def test_many_damaged_pictures_refuse_the_folder(tmp_path):
    for i in range(30):
        _save(tmp_path / f"{i:02}.png")
    for i in range(4):
        (tmp_path / f"{i:02}.png").write_bytes(b"")
    with pytest.raises(DataError, match="4 of the 30.*more than 5%: '00.png'.*and 1 more"):
        open_source(tmp_path)


def test_damaged_members_of_a_zip_are_left_out(tmp_path):
    for i in range(20):
        _save(tmp_path / f"{i:02}.png")
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for path in sorted(tmp_path.glob("*.png")):
            archive.write(path, path.name)
        place = archive.getinfo("07.png").header_offset + 200
    data = bytearray((tmp_path / "p.zip").read_bytes())
    data[place] ^= 0xFF
    (tmp_path / "p.zip").write_bytes(data)
    source = open_source(tmp_path / "p.zip")
    assert len(source) == 19
    assert source.left_out == ("'07.png' cannot be read: it is damaged or no zip file",)


def test_sixteen_bits_alpha_and_palettes(tmp_path):
    deep = RNG.integers(0, 65536, (8, 9)).astype(np.uint16)
    (tmp_path / "deep").mkdir()
    Image.fromarray(deep).save(tmp_path / "deep" / "a.png")
    source = open_source(tmp_path / "deep")
    np.testing.assert_array_equal(source.values[0], np.rint(deep / 257).astype(np.uint8))
    assert "16-bit" in source.note
    rgba = _save(tmp_path / "alpha" / "a.png", mode="RGBA")
    source = open_source(tmp_path / "alpha")
    np.testing.assert_array_equal(source.values[0], rgba[..., :3])
    assert "transparency" in source.note
    (tmp_path / "palette").mkdir()
    Image.fromarray(deep.astype(np.uint8)).convert("P").save(tmp_path / "palette" / "a.gif")
    assert open_source(tmp_path / "palette").values.shape == (1, 8, 9)


def test_colour_pictures_of_sixteen_bits_have_a_note_too(tmp_path):
    def chunk(kind, data):
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    rows = b"".join(b"\0" + RNG.bytes(6 * 5) for _ in range(4))
    head = struct.pack(">IIBBBBB", 5, 4, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*pair) for pair in chunks)
    (tmp_path / "a.png").write_bytes(png)
    source = open_source(tmp_path)
    assert source.values.shape == (1, 4, 5, 3)
    assert "16-bit" in source.note


def test_training_says_what_was_changed(tmp_path):
    for i in range(8):
        _save(tmp_path / f"{i}.png", 4, 4, "RGBA")
        Image.fromarray(RNG.integers(0, 65536, (4, 4)).astype(np.uint16)).save(
            tmp_path / f"deep{i}.png"
        )
    said = []
    fit(tmp_path, latent=2, hidden=(8,), epochs=1, announce=said.append)
    assert "transparency is dropped; 16-bit values are scaled to 8 bits" in said


def test_pictures_stand_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    _save(tmp_path / "a.jpg", 20, 30, exif=exif)
    _save(tmp_path / "b.jpg", 30, 20)
    source = open_source(tmp_path)
    assert source.values.shape == (2, 30, 20, 3)
    assert source.lossy


def test_hidden_files_links_and_empty_folders(tmp_path):
    with pytest.raises(DataError, match="holds no pictures"):
        open_source(tmp_path)
    _save(tmp_path / ".hidden.png")
    _save(tmp_path / ".git" / "x.png")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match="holds no pictures"):
        open_source(tmp_path)
    _save(tmp_path / "a" / "x.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert len(open_source(tmp_path)) == 1


def test_bombs_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("variata.data.pictures.MOST_PIXELS", 1000)
    _save(tmp_path / "big.png")
    with pytest.raises(DataError, match="'big.png' is too large: 37x53"):
        open_source(tmp_path)


def test_zip_of_pictures(tmp_path):
    _save(tmp_path / "in" / "cat" / "a.png")
    _save(tmp_path / "in" / "dog" / "b.png")
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        for name in ("cat/a.png", "dog/b.png"):
            archive.write(tmp_path / "in" / name, name)
        archive.writestr("__MACOSX/cat/._a.png", b"junk")
    zipped, folder = open_source(tmp_path / "p.zip"), open_source(tmp_path / "in")
    np.testing.assert_array_equal(zipped.values, folder.values)
    assert zipped.label_names == ("cat", "dog")
    (tmp_path / "bad.zip").write_bytes(b"PK no")
    with pytest.raises(DataError, match="bad.zip"):
        open_source(tmp_path / "bad.zip")


def test_one_picture_is_no_data_set(tmp_path):
    _save(tmp_path / "a.png")
    with pytest.raises(DataError, match="folder of pictures"):
        open_source(tmp_path / "a.png")
    with pytest.raises(UsageError, match="--label"):
        open_source(tmp_path, label="x")
