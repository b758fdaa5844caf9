"""CSV, DataFrames and parquet: headers, labels, identifiers, and cells that are no numbers."""

import builtins
import gzip

import numpy as np
import pytest

from variata.data import infer_schema, open_source
from variata.errors import DataError, MissingExtraError

FLOWERS = """id,sepal,petal,kind
1,5.1,1.4,setosa
2,4.9,1.5,virginica
3,6.0,1.1,setosa
"""


@pytest.fixture
def write(tmp_path):
    def _write(text, name="t.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return _write


def test_header_label_and_identifier(write):
    source = open_source(write(FLOWERS), label="kind")
    assert source.columns == ("sepal", "petal")
    assert source.values.tolist() == [[5.1, 1.4], [4.9, 1.5], [6.0, 1.1]]
    assert source.label_names == ("setosa", "virginica")
    assert source.labels is not None
    assert source.labels.tolist() == [0, 1, 0]
    assert "'id'" in source.note


def test_label_by_number_and_ignored_columns(write):
    source = open_source(write(FLOWERS), label=3, ignore=["petal"])
    assert source.columns == ("sepal",)
    assert source.labels is not None
    assert open_source(write(FLOWERS), label="-1").labels is not None
    kept = open_source(write(FLOWERS), ignore="kind")
    assert kept.columns == ("sepal", "petal")
    with pytest.raises(DataError, match="No column 'sort' for --label; the columns are id, sepal"):
        open_source(write(FLOWERS), label="sort")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_without_header(write, delimiter):
    text = "\n".join(delimiter.join(row) for row in (["1", "2.5"], ["3", "4"], ["5", "6"])) + "\n\n"
    source = open_source(write(text))
    assert source.columns is None
    assert source.values.tolist() == [[1, 2.5], [3, 4], [5, 6]]


def test_labels_without_header(write):
    source = open_source(write("5.1,a\n4.0,b\n"), label=1)
    assert source.values.tolist() == [[5.1], [4.0]]
    assert source.label_names == ("a", "b")


def test_one_column_quotes_byte_order_mark_and_windows_lines(write):
    source = open_source(write('\ufeff"height, cm"\r\n1.5\r\n"2.5"\r\n'))
    assert source.columns == ("height, cm",)
    assert source.values.tolist() == [[1.5], [2.5]]
    assert open_source(write("# a, b\n1, 2.5\n3, 4\n")).columns == ("a", "b")


def test_whole_numbers_stay_whole(write):
    source = open_source(write("a,b\n0,3\n5,0\n"))
    assert source.values.dtype == np.int64
    assert infer_schema(source.values).kind == "count"


def test_identifier_only_when_it_numbers_the_rows(write):
    repeated = open_source(write("user_id,x\n1,0.5\n1,0.7\n2,0.1\n"))
    assert repeated.columns == ("user_id", "x")
    texts = open_source(write("uuid,x\nab1,0.5\ncd2,0.7\n"))
    assert texts.columns == ("x",)
    unnamed = open_source(write(",x\n0,0.5\n1,0.7\n"))
    assert unnamed.columns == ("x",)
    other = open_source(write("year,x\n2001,0.5\n2002,0.7\n"))
    assert other.columns == ("year", "x")


@pytest.mark.parametrize("cell", ["", "NaN", "NA", "?", "null"])
def test_missing_cells_are_located(write, cell):
    with pytest.raises(DataError, match="missing in .*t.csv', line 3, column 'b'.*not supported"):
        open_source(write(f"a,b\n1,2\n3,{cell}\n"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("a,b\n", "no rows"),
        ("a,b\n1,2\n3\n", "Expected 2 cells in .*line 3, got 1"),
        ("a,b\n1,2\n3,blue\n", "got 'blue' in .*line 3, column 'b'.*--ignore b.*--label b"),
        ("1,2\n3,blue\n", "line 2, column 1"),
        ("kind\na\nb\n", "Expected a number, got 'a'"),
        ("id\n1\n2\n", "no columns"),
    ],
)
def test_bad_tables(write, text, words):
    with pytest.raises(DataError, match=words):
        open_source(write(text))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a;b\n3,14;2\n-1,5;7\n", [[3.14, 2], [-1.5, 7]]),
        ("a\tb\n,5\t2,5e-1\n1\t7\n", [[0.5, 0.25], [1, 7]]),
        ("3,14;2\n-1,5;7\n", [[3.14, 2], [-1.5, 7]]),
        ("size, cm;weight, kg\n3,14;2,0\n-1,5;7,0\n", [[3.14, 2], [-1.5, 7]]),
    ],
)
def test_decimal_commas(write, text, values):
    source = open_source(write(text))
    assert source.values.tolist() == values
    assert "decimal commas are read as decimal points" in source.note


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a;b\n1,5;2.5\n", "one decimal mark, got '1,5' in .* column 'a' and '2.5' in"),
        ("a;b\n1.234,5;2\n", "'1.234,5' in .*; write it with one decimal mark and no others"),
        ('a,b\n"3,14",2\n', "'3,14' in .* if that is a decimal comma, separate .* semicolons"),
        ("a\n3,14\n", "got 2; if it has decimal commas, separate the cells with semicolons"),
    ],
)
def test_commas_that_cannot_be_read(write, text, words):
    with pytest.raises(DataError, match=words):
        open_source(write(text))


@pytest.mark.parametrize("name", ["t.csv.gz", "t.tsv.gz"])
def test_gzipped_tables(tmp_path, name):
    rows = [f"{i},{i * i / 7}" for i in range(200)]
    packed = gzip.compress("\n".join(["a,b", *rows]).encode())
    (tmp_path / name).write_bytes(packed)
    source = open_source(tmp_path / name)
    assert source.columns == ("a", "b")
    assert source.values[-1].tolist() == [199, 199 * 199 / 7]
    (tmp_path / name).write_bytes(packed[:-60])
    with pytest.raises(DataError, match=r"Could not read .*t\..sv\.gz' .*: it is cut short\.$"):
        open_source(tmp_path / name)
    (tmp_path / name).write_bytes(b"a,b\n1,2\n")
    with pytest.raises(DataError, match="no gzip file"):
        open_source(tmp_path / name)


def test_columns_of_one_name(write):
    path = write("a,b,a\n1,2,3.5\n2,4,4.5\n")
    assert open_source(path).columns == ("a", "b", "a.1")
    assert open_source(path, ignore="b").columns == ("a", "a.1")
    assert open_source(path, ignore=[0]).columns == ("b", "a.1")
    for option in ("label", "ignore"):
        with pytest.raises(DataError, match=f"2 columns are called 'a'.*--{option}.*: 0, 2"):
            open_source(path, **{option: "a"})


def test_frame_columns_of_one_name():
    pandas = pytest.importorskip("pandas")
    values = np.array([[1.5, 2.0, 3.25], [2.5, 4.0, 9.0], [0.0, 1.0, 2.0]])
    frame = pandas.DataFrame(values, columns=["a", "b", "a"])
    schema = infer_schema(frame)
    assert schema.columns == open_source(frame).columns == ("a", "b", "a.1")
    np.testing.assert_allclose(schema.decode(schema.encode(frame)), values, atol=1e-6)


def test_bytes_that_are_no_text(write, tmp_path):
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x01,\x80\n")
    with pytest.raises(
        DataError, match=r"b.csv' .* it is not UTF-8 text; save it in that encoding"
    ):
        open_source(tmp_path / "b.csv")


def test_missing_label_is_unknown(write):
    source = open_source(write("x,k\n1.5,a\n2.5,\n3.5,b\n"), label="k")
    assert source.labels is not None
    assert source.labels.tolist() == [0, -1, 1]


def test_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"id": [10, 11, 12], "a": [1.5, 2.0, 3.0], "flag": [True, False, True], "k": list("xyx")}
    )
    source = open_source(frame, label="k")
    assert source.columns == ("a", "flag")
    assert source.values.tolist() == [[1.5, 1], [2.0, 0], [3.0, 1]]
    assert source.label_names == ("x", "y")
    assert "'id'" in source.note
    with pytest.raises(DataError, match="Column 'k'.*--ignore k.*--label k"):
        open_source(frame)
    assert open_source(frame, ignore=["k", "id"]).columns == ("a", "flag")
    with pytest.raises(DataError, match="no columns"):
        open_source(frame[["k"]], label="k")


def test_parquet(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"a": [1, 2], "b": [0.5, 0.25], "k": ["x", "y"]})
    frame.to_parquet(tmp_path / "t.parquet")
    source = open_source(tmp_path / "t.parquet", label="k")
    assert source.values.tolist() == [[1, 0.5], [2, 0.25]]
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match=r"bad.parquet' is damaged or no parquet .*to_parquet\.$"):
        open_source(tmp_path / "bad.parquet")


def test_parquet_without_pandas(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **named):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *rest, **named)

    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'variata\[tables\]'"):
        open_source(tmp_path / "t.parquet")
