"""Arrays in memory, .npy, .npz and idx files, and names that do not exist."""

import gzip
import re
import struct
import zipfile

import numpy as np
import pytest
import torch

from variata.data import infer_schema, open_source, read_array
from variata.data.source import encode_labels
from variata.errors import DataError, UsageError

X = np.arange(24, dtype=np.float32).reshape(6, 4)
Y = np.array([0, 1, 1, 0, 2, 2])


def test_memory():
    assert open_source(X).values is X
    assert open_source(torch.from_numpy(X)).values.dtype == np.float32
    assert open_source([[1, 2], [3, 4]]).values.tolist() == [[1, 2], [3, 4]]
    labelled = open_source(X, label=["b", "a", "a", "b", None, "c"])
    assert labelled.label_names == ("a", "b", "c")
    assert labelled.labels is not None
    assert labelled.labels.tolist() == [1, 0, 0, 1, -1, 2]
    column = open_source(X.astype(int), label=-1, ignore=[0])
    assert column.values.shape == (6, 2)
    with pytest.raises(DataError, match="one label per row"):
        open_source(X, label=[1, 2])
    with pytest.raises(DataError, match="No column '9' for --label"):
        open_source(X, label="9")


def test_labels():
    codes, names = encode_labels(["10", "9", "", "9"], 4)
    assert (codes.tolist(), names) == ([1, 0, -1, 0], ("9", "10"))
    codes, names = encode_labels(np.array([-1, 0, 5]), 3)
    assert (codes.tolist(), names) == ([-1, 0, 1], ("0", "5"))
    codes, names = encode_labels(np.array([-1, 1, -1]), 3)
    assert (codes.tolist(), names) == ([0, 1, 0], ("-1", "1"))
    codes, names = encode_labels(np.array([np.nan, 2.0, 1.0]), 3)
    assert (codes.tolist(), names) == ([-1, 1, 0], ("1", "2"))
    codes, names = encode_labels(np.array([True, False]), 2)
    assert (codes.tolist(), names) == ([1, 0], ("0", "1"))
    with pytest.raises(DataError, match="fractions"):
        encode_labels([0.5, 1.0], 2)


def test_masked_values_are_missing_values():
    masked = np.ma.array(np.arange(6).reshape(3, 2), mask=False)
    assert infer_schema(open_source(masked).values).own_shape == (2,)
    masked[1:, 1] = np.ma.masked
    with pytest.raises(DataError, match="nan at row 1, column 1; missing values are not supported"):
        infer_schema(open_source(masked).values)
    with pytest.raises(DataError, match="nan at row 1, column 'b'"):
        infer_schema(masked, columns=["a", "b"])
    for values in ([5, 9, 7], ["x", "y", "z"]):
        labels = open_source(X[:3], label=np.ma.array(values, mask=[0, 1, 0])).labels
        assert labels is not None
        assert labels.tolist() == [0, -1, 1]


def test_npy(tmp_path):
    np.save(tmp_path / "a.npy", X)
    np.testing.assert_array_equal(open_source(tmp_path / "a.npy").values, X)
    np.testing.assert_array_equal(read_array(str(tmp_path / "a.npy")), X)
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-7])
    with pytest.raises(DataError, match="does not exist"):
        read_array(tmp_path / "none.npy")


@pytest.mark.parametrize(
    ("data", "flaw"),
    [
        (lambda whole: whole[:-7], "cut short"),
        (lambda whole: whole[:40], "cut short"),
        (lambda whole: whole.replace(b"(6, 4)", b"(6, [)"), "damaged inside"),
        (lambda whole: b"hello" + whole, "does not start as one"),
        (lambda whole: b"PK" + whole, "does not start as one"),
        (lambda whole: b"", "empty"),
    ],
)
def test_damaged_npy(tmp_path, data, flaw):
    np.save(tmp_path / "a.npy", X)
    path = tmp_path / "f.npy"
    path.write_bytes(data((tmp_path / "a.npy").read_bytes()))
    with pytest.raises(DataError) as caught:
        open_source(path)
    words = (
        f"'{re.escape(str(path))}' is damaged or no .npy file .*; write it again with numpy.save"
    )
    assert re.fullmatch(rf"{words}\.", str(caught.value))
    assert flaw in str(caught.value)


def test_a_single_number_is_no_data(tmp_path):
    np.save(tmp_path / "s.npy", 3.0)
    with pytest.raises(DataError, match="'s.npy' is a single number; expected rows"):
        open_source(tmp_path / "s.npy")
    np.savez(tmp_path / "s.npz", x_train=X, x_test=1.0)
    with pytest.raises(DataError, match=r"do not fit together: x_train \(6, 4\), x_test \(\)"):
        open_source(tmp_path / "s.npz")
    for read in (open_source, infer_schema):
        with pytest.raises(DataError, match="The data is a single number"):
            read(5.0)


def test_pickles_are_never_opened(tmp_path):
    np.save(tmp_path / "p.npy", np.array([{"a": 1}, None], dtype=object))
    with pytest.raises(DataError, match="p.npy' holds Python objects, which variata never opens"):
        open_source(tmp_path / "p.npy")
    np.savez(tmp_path / "p.npz", x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="p.npz' holds Python objects"):
        open_source(tmp_path / "p.npz")


def test_npz_with_usual_names_and_labels(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", X=X, y=Y, other=X)
    source = open_source(tmp_path / "a.npz")
    np.testing.assert_array_equal(source.values, X)
    assert source.labels is not None
    assert source.labels.tolist() == Y.tolist()
    assert open_source(tmp_path / "a.npz", key="other").labels is not None
    with pytest.raises(DataError, match="no array 'z'.*X, y, other.*--key"):
        open_source(tmp_path / "a.npz", key="z")
    with pytest.raises(DataError, match="no array 'z' for --label"):
        open_source(tmp_path / "a.npz", label="z")


def test_npz_with_unusual_names(tmp_path):
    np.savez(tmp_path / "one.npz", latent=X)
    np.testing.assert_array_equal(open_source(tmp_path / "one.npz").values, X)
    np.savez(tmp_path / "two.npz", left=X, right=X)
    with pytest.raises(DataError, match="left, right with --key"):
        open_source(tmp_path / "two.npz")
    assert open_source(tmp_path / "two.npz", key="left").values.shape == (6, 4)


def test_npz_with_train_and_test(tmp_path):
    np.savez(tmp_path / "m.npz", x_train=X, y_train=Y, x_test=X[:2], y_test=Y[:2])
    source = open_source(tmp_path / "m.npz")
    assert source.values.shape == (8, 4)
    assert source.published is not None
    assert [len(p) for p in source.published] == [5, 1, 2]
    assert sorted(np.concatenate(source.published).tolist()) == list(range(8))
    assert list(source.published[2]) == [6, 7]
    assert source.labels is not None
    assert source.labels.tolist() == [*Y.tolist(), 0, 1]


def test_sparse_npz(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.random.default_rng(0).poisson(0.3, (7, 11))
    for make in (sparse.csr_matrix, sparse.csc_matrix):
        sparse.save_npz(tmp_path / "s.npz", make(dense))
        np.testing.assert_array_equal(open_source(tmp_path / "s.npz").values, dense)
    np.testing.assert_array_equal(open_source(sparse.csr_matrix(dense)).values, dense)


def test_damaged_npz(tmp_path):
    (tmp_path / "junk.npz").write_bytes(b"not a zip at all")
    with pytest.raises(DataError, match=r"junk.npz' is damaged .* start as one.*numpy.savez\.$"):
        open_source(tmp_path / "junk.npz")
    np.savez(tmp_path / "none.npz")
    with pytest.raises(DataError, match="none.npz' holds no arrays"):
        open_source(tmp_path / "none.npz")
    np.save(tmp_path / "one.npy", X)
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(DataError, match="end in .npy"):
        open_source(tmp_path / "one.npz")
    np.savez_compressed(tmp_path / "a.npz", x=np.random.default_rng(0).normal(size=(50, 50)))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[400:420] = b"\xff" * 20
    (tmp_path / "bad.npz").write_bytes(bytes(data))
    (tmp_path / "bad.npy").write_bytes((tmp_path / "a.npz").read_bytes())
    with pytest.raises(DataError, match="end in .npz"):
        open_source(tmp_path / "bad.npy")
    with pytest.raises(DataError, match="bad.npz' is damaged"):
        open_source(tmp_path / "bad.npz")
    with zipfile.ZipFile(tmp_path / "text.npz", "w") as archive:
        archive.writestr("x.npy", "hello")
    with pytest.raises(DataError, match="text.npz"):
        open_source(tmp_path / "text.npz")


def _idx(array):
    code = {"u1": 8, "i4": 12, "f4": 13}[array.dtype.str[1:]]
    head = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, (20, 4, 5), dtype=np.uint8)
CLASSES = np.arange(20, dtype=np.uint8) % 3


def test_idx_with_labels_beside(tmp_path):
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(_idx(IMAGES)))
    assert open_source(path).labels is None
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(_idx(CLASSES))
    source = open_source(path)
    np.testing.assert_array_equal(source.values, IMAGES)
    assert source.labels is not None
    assert source.labels.tolist() == CLASSES.tolist()


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_idx_of_other_numbers(tmp_path, dtype):
    values = IMAGES.astype(dtype)
    (tmp_path / "a.idx").write_bytes(_idx(values))
    read = open_source(tmp_path / "a.idx").values
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, values)


def test_folder_of_idx_files_has_published_parts(tmp_path):
    for part, rows in (("train", slice(0, 15)), ("t10k", slice(15, 20))):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(_idx(IMAGES[rows]))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(_idx(CLASSES[rows]))
    source = open_source(tmp_path)
    np.testing.assert_array_equal(source.values, IMAGES)
    assert source.labels is not None
    assert source.labels.tolist() == CLASSES.tolist()
    assert source.published is not None
    assert [len(p) for p in source.published] == [14, 1, 5]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_idx(IMAGES)[:-3], "should hold 400 bytes.*got 397"),
        (_idx(IMAGES) + b"x", "got more"),
        (b"PNG and so on", "not an idx file"),
        (b"\0\0", "Could not read"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 2**31), "should hold"),
    ],
)
def test_damaged_idx(tmp_path, data, words):
    (tmp_path / "a-images-idx3-ubyte").write_bytes(data)
    with pytest.raises(DataError, match=words):
        open_source(tmp_path / "a-images-idx3-ubyte")
    (tmp_path / "b-images-idx3-ubyte.gz").write_bytes(data)
    with pytest.raises(DataError, match="b-images"):
        open_source(tmp_path / "b-images-idx3-ubyte.gz")


def test_missing_and_unknown(tmp_path):
    with pytest.raises(DataError, match="got nothing"):
        open_source("")
    with pytest.raises(DataError, match="does not exist.*`variata data`.*Did you mean 'mnist'"):
        open_source("mnits")
    with pytest.raises(DataError, match="does not exist"):
        open_source(tmp_path / "none.csv")
    (tmp_path / "a.docx").write_text("x")
    with pytest.raises(DataError, match="Cannot tell how to read .*a.docx"):
        open_source(tmp_path / "a.docx")


def test_options_without_use_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", X)
    with pytest.raises(UsageError, match="--key has no use for .npy files"):
        open_source(tmp_path / "a.npy", key="x")
    with pytest.raises(UsageError, match="--size"):
        open_source(X, size=(3, 3))
    with pytest.raises(UsageError, match="--label"):
        open_source("digits", label="y")
