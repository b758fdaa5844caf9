"""The catalogue: real sets where they are at hand, drawn sprites, and downloads that go wrong."""

import contextlib
import hashlib
import os
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from variata.data import Examples, catalog, infer_schema, open_source, split
from variata.data.catalog.download import download
from variata.data.catalog.entry import Entry, RemoteFile
from variata.data.catalog.fetch import fetch
from variata.errors import DataError, UsageError

DATA = np.random.default_rng(0).bytes(700_000)
SUM = hashlib.sha256(DATA).hexdigest()

needs_data = pytest.mark.skipif(
    not os.environ.get("VARIATA_DATA"), reason="VARIATA_DATA names no folder of data sets"
)


@needs_data
@pytest.mark.parametrize(
    ("name", "shape", "counts"),
    [
        ("mnist", (70_000, 28, 28), [50_000, 10_000, 10_000]),
        ("fashion_mnist", (70_000, 28, 28), [50_000, 10_000, 10_000]),
        ("binarized_mnist", (70_000, 28, 28), [50_000, 10_000, 10_000]),
        ("omniglot_small", (4_840, 28, 28), None),
        ("frey_faces", (1_965, 28, 20), None),
        ("cifar10_cats", (6_000, 32, 32, 3), [4_500, 500, 1_000]),
    ],
)
def test_real_sets(name, shape, counts):
    source = catalog.load(name)
    assert source.values.shape == shape
    assert source.values.dtype == np.uint8
    assert source.lossy == (name == "cifar10_cats")
    if counts is None:
        assert source.published is None
        return
    assert source.published is not None
    assert [len(part) for part in source.published] == counts
    rows = np.concatenate([np.asarray(part) for part in source.published])
    assert len(np.unique(rows)) == len(rows) == shape[0]


@needs_data
def test_published_split_of_mnist_reaches_the_examples():
    source = open_source("mnist")
    schema = infer_schema(source.values, label_names=source.label_names)
    parts = split(Examples.of(source.values, schema, source.labels), published=source.published)
    assert [len(p) for p in parts] == [50_000, 10_000, 10_000]
    assert parts.test.labels is not None
    assert parts.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert float(parts.test.codes.float().mean()) / 255 == pytest.approx(0.1325, abs=1e-4)


@needs_data
def test_means_of_binarized_mnist():
    source = open_source("binarized_mnist")
    assert source.published is not None
    means = [source.values[np.asarray(part)].mean() for part in source.published]
    np.testing.assert_allclose(means, [0.13056, 0.13113, 0.13251], atol=1e-5)


def test_digits():
    source = open_source("digits")
    assert source.values.shape == (1797, 8, 8)
    assert source.label_names == tuple("0123456789")
    assert infer_schema(source.values).levels == 17


def test_entries_are_complete():
    for name in catalog.names():
        entry = catalog.entry(name)
        assert entry.title
        assert entry.origin
        assert all(len(file.sha256) == 64 and file.bytes > 0 for file in entry.files)
    with pytest.raises(UsageError, match="Did you mean 'digits'"):
        catalog.entry("digit")


def test_sprites_cover_their_grid():
    factors = catalog.sprites_factors(20_000, seed=1)
    assert len(np.unique(factors, axis=0)) == 20_000
    assert (factors.min(0) == 0).all()
    assert (factors.max(0) + 1).tolist() == [3, 6, 40, 32, 32]
    assert np.array_equal(factors, catalog.sprites_factors(20_000, seed=1))
    assert 3 * 6 * 40 * 32 * 32 == 737_280
    assert len(np.unique(catalog.sprites_factors(737_280)[::64], axis=0)) == 11_520


def test_sprites_of_distinct_factors_mostly_differ():
    images = catalog.render_sprites(catalog.sprites_factors(3_000))
    assert images.shape == (3_000, 64, 64)
    assert set(np.unique(images).tolist()) == {0, 1}
    assert len(np.unique(images.reshape(3_000, -1), axis=0)) > 0.98 * 3_000


def test_sprites_follow_their_factors():
    draw = catalog.render_sprites
    for shape in range(3):
        ink = draw(np.array([[shape, s, 7, 10, 20] for s in range(6)])).sum((1, 2)).astype(int)
        assert (np.diff(ink) > 0).all()
        assert int(ink[5]) == pytest.approx(4 * int(ink[0]), rel=0.15)
    left, right = draw(np.array([[2, 3, 9, 4, 8], [2, 3, 9, 5, 8]]))
    np.testing.assert_array_equal(np.roll(left, 1, axis=1), right)
    upper, lower = draw(np.array([[2, 3, 9, 4, 8], [2, 3, 9, 4, 9]]))
    np.testing.assert_array_equal(np.roll(upper, 1, axis=0), lower)
    quarter, turned = draw(np.array([[2, 5, 0, 16, 16], [2, 5, 20, 16, 16]]))
    np.testing.assert_array_equal(quarter[16:49, 16:49], turned[16:49, 16:49][::-1, ::-1])
    ends = draw(
        np.array(
            [[s, 5, r, x, y] for s in range(3) for r in range(40) for x in (0, 31) for y in (0, 31)]
        )
    )
    assert not ends[:, [0, -1]].any()
    assert not ends[:, :, [0, -1]].any()


@pytest.mark.parametrize(
    "factors", [[[3, 0, 0, 0, 0]], [[0, 0, 0, 0, -1]], [[0.0] * 5], [0, 0, 0, 0, 0]]
)
def test_sprites_outside_the_grid(factors):
    with pytest.raises(DataError):
        catalog.render_sprites(np.array(factors))


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, *args, behaviour, seen):
        self.behaviour, self.seen = behaviour, seen
        super().__init__(*args)

    def do_GET(self):
        asked = self.headers.get("Range")
        self.seen.append(asked)
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        body, kind = DATA[start:], self.behaviour
        if kind == "html":
            body = b"<!DOCTYPE html><title>Sign in</title>" * 9
        if kind == "wrong":
            body = bytes(len(DATA))
        if kind == "long":
            body = DATA + bytes(10_000_000)
        if kind == "missing":
            self.send_error(404)
            return
        if kind == "no ranges":
            start, body = 0, DATA
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(DATA) - 1}/{len(DATA)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = 200_000 if kind == "cuts" else len(body)
        with contextlib.suppress(OSError):
            self.wfile.write(body[:cut])

    def log_message(self, format, *args):
        pass


@pytest.fixture
def serve():
    servers = []

    def _serve(behaviour):
        seen = []
        server = ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(_Handler, behaviour=behaviour, seen=seen)
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/file.bin", seen

    yield _serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def _parts(folder):
    return sorted(path.name for path in folder.iterdir())


def test_download_is_checked_and_put_in_place(serve, tmp_path):
    url, seen = serve("good")
    path = download(url, tmp_path / "deep" / "file.bin", SUM, len(DATA))
    assert path.read_bytes() == DATA
    assert _parts(tmp_path / "deep") == ["file.bin"]
    assert seen == [None]


def test_download_goes_on_after_a_cut(serve, tmp_path):
    url, seen = serve("cuts")
    with pytest.raises(DataError, match="ended after 600000 of 700000 bytes"):
        download(url, tmp_path / "f", SUM, len(DATA))
    assert _parts(tmp_path) == ["f.part"]
    assert download(url, tmp_path / "f", SUM, len(DATA)).read_bytes() == DATA
    assert seen == [None, "bytes=200000-", "bytes=400000-", "bytes=600000-"]


def test_download_starts_again_where_ranges_are_unknown(serve, tmp_path):
    url, seen = serve("no ranges")
    (tmp_path / "f.part").write_bytes(DATA[:5000])
    assert download(url, tmp_path / "f", SUM, len(DATA)).read_bytes() == DATA
    assert seen == ["bytes=5000-"]


def test_damaged_part_is_thrown_away(serve, tmp_path):
    url, _ = serve("good")
    (tmp_path / "f.part").write_bytes(b"x" * 5000)
    with pytest.raises(DataError, match="SHA-256"):
        download(url, tmp_path / "f", SUM, len(DATA))
    assert _parts(tmp_path) == []
    assert download(url, tmp_path / "f", SUM, len(DATA)).read_bytes() == DATA


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("html", "web page instead of data"),
        ("wrong", "SHA-256"),
        ("long", "not the expected file"),
        ("missing", "could not be downloaded: Not Found"),
    ],
)
def test_other_answers_are_refused(serve, tmp_path, behaviour, words):
    url, _ = serve(behaviour)
    with pytest.raises(DataError, match=words):
        download(url, tmp_path / "f", SUM, len(DATA))
    assert not (tmp_path / "f").exists()


def _entry(*urls):
    file = RemoteFile("file.bin", SUM, len(DATA), urls)
    return Entry("toy", "a toy", "5", "7", "none", "the toy shop", folder="toys", files=(file,))


def test_fetch_looks_in_the_data_folder_then_the_cache_then_the_net(serve, tmp_path, monkeypatch):
    url, seen = serve("good")
    monkeypatch.setenv("VARIATA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("VARIATA_CACHE", str(tmp_path / "cache"))
    entry = _entry("http://127.0.0.1:9/none", url)
    cached = fetch(entry, entry.files[0])
    assert cached == tmp_path / "cache" / "toys" / "file.bin"
    assert fetch(entry, entry.files[0]) == cached
    assert len(seen) == 1
    own = tmp_path / "data" / "toys" / "file.bin"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    assert fetch(entry, entry.files[0]) == own


@pytest.mark.parametrize("urls", [(), ("http://127.0.0.1:9/none",)])
def test_without_network_the_error_says_what_to_do(tmp_path, monkeypatch, urls):
    monkeypatch.delenv("VARIATA_DATA", raising=False)
    monkeypatch.setenv("VARIATA_CACHE", str(tmp_path))
    entry = _entry(*urls)
    words = f"'toy' needs the file 'file.bin'.*the toy shop.*{tmp_path}.*VARIATA_DATA"
    with pytest.raises(DataError, match=words):
        fetch(entry, entry.files[0])
