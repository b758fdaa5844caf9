"""pandas DataFrames and parquet files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from variata.data import memory
from variata.data.cache import Kept
from variata.data.checks import require_finite
from variata.data.identifiers import is_identifier, named_like_id
from variata.data.labels import Labels
from variata.data.reasons import damaged
from variata.data.source import Source, encode_labels, pick_column
from variata.data.spool import Say, silent
from variata.data.values import CHUNK_ELEMENTS, frame_array, unique_names
from variata.errors import MissingExtraError, VariataError


def from_frame(
    frame: Any, name: str = "table", label: Any = None, ignore: Sequence[str | int] = ()
) -> Source:
    """Return a source of a DataFrame of numbers; identifiers are left out with a note.

    Raises:
        DataError: a column that holds something else than numbers, or none left.
    """
    columns = [str(c) for c in frame.columns]
    place, raw = _label_place(columns, label), label
    if place is not None:
        raw = frame.iloc[:, place].to_numpy()
    keep, note = _kept(columns, place, ignore, lambda i: frame.iloc[:, i].tolist())
    values = frame_array(frame.iloc[:, keep])
    codes, names = (None, None) if raw is None else encode_labels(raw, len(values))
    kept = tuple(unique_names(columns)[i] for i in keep)
    return Source(name, values, codes, names, kept, "vector", note=note)


def from_parquet(
    path: Path,
    label: str | int | None = None,
    ignore: Sequence[str | int] = (),
    say: Say = silent,
) -> Source:
    """Read a parquet file of numbers; what does not fit in memory is kept in the cache, and mapped.

    Raises:
        MissingExtraError: pandas or pyarrow is not installed.
        DataError: unreadable, or a column that holds no numbers.
    """
    kept = Kept.of(path, [path], ("parquet", label, *ignore), say)
    found = kept.load()
    if found is not None:
        return found
    with _errors_told(path):
        import pandas
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            if not memory.fits(file.metadata.num_rows * file.metadata.num_columns * 8):
                return _by_groups(path, file, label, ignore, kept)
        frame = pandas.read_parquet(path)
    return from_frame(frame, path.name, label, ignore)


def parquet_column(path: Path, column: str | int) -> np.ndarray:
    """The values of one column of a parquet file, (N,)."""
    with _errors_told(path):
        import pandas
        from pyarrow import parquet

        columns = [str(name) for name in parquet.read_schema(path).names]
        name = columns[pick_column(columns, column, "the condition")]
        return pandas.read_parquet(path, columns=[name])[name].to_numpy()


@contextmanager
def _errors_told(path: Path) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(
            "Reading parquet needs pandas and pyarrow: pip install 'variata[tables]'."
        ) from error
    except VariataError:
        raise
    except Exception as error:  # damaged bytes make pyarrow raise almost anything
        raise damaged(path, "parquet", b"PAR1", "DataFrame.to_parquet", error) from error


def _by_groups(
    path: Path, file: Any, label: str | int | None, ignore: Sequence[str | int], kept: Kept
) -> Source:
    """The same as `from_frame` of the whole, with some rows in memory at a time."""
    head = file.schema_arrow.empty_table().to_pandas()
    columns = [str(c) for c in head.columns]
    step = max(1, CHUNK_ELEMENTS // max(1, len(columns)))

    def frames(chosen: list[int]) -> Iterator[Any]:
        names = [columns[i] for i in chosen]
        try:
            for batch in file.iter_batches(step, columns=names):
                yield batch.to_pandas()[names]
        except OSError as error:
            raise damaged(path, "parquet", b"PAR1", "DataFrame.to_parquet", error) from error

    def cells(column: int) -> Iterator[Any]:
        return (cell for part in frames([column]) for cell in part.iloc[:, 0].tolist())

    place = _label_place(columns, label)
    keep, note = _kept(columns, place, ignore, cells)
    names = tuple(unique_names(columns)[i] for i in keep)
    dtype = frame_array(head.iloc[:, keep]).dtype
    shape = (file.metadata.num_rows, len(keep))
    values = kept.write(_finite(frames(keep), names), shape, dtype)
    codes, label_names = (None, None) if place is None else _labels(cells(place))
    source = Source(path.name, values, codes, label_names, names, "vector", note=note)
    return kept.keep(source)


def _finite(frames: Iterable[Any], names: Sequence[str]) -> Iterator[np.ndarray]:
    """Arrays of frames, in which nothing is missing."""
    start = 0
    for frame in frames:
        part = frame_array(frame)
        require_finite(part, names, start)
        start += len(part)
        yield part


def _labels(cells: Iterable[Any]) -> tuple[np.ndarray, tuple[str, ...]]:
    labels = Labels()
    for cell in cells:
        labels.add(None if cell is None or cell != cell else cell)
    return labels.encoded()


def _label_place(columns: Sequence[str], label: Any) -> int | None:
    return pick_column(columns, label, "--label") if isinstance(label, (str, int)) else None


def _kept(
    columns: Sequence[str],
    label: int | None,
    ignore: Sequence[str | int],
    cells: Callable[[int], Iterable[Any]],
) -> tuple[list[int], str]:
    """The columns of numbers, and a note on those that number the rows and are left out."""
    drop = {label} | {pick_column(columns, c, "--ignore") for c in ignore}
    near = [i for i, name in enumerate(columns) if i not in drop and named_like_id(name)]
    ids = [i for i in near if is_identifier(str(v) for v in cells(i))]
    note = "; ".join(f"column '{columns[i]}' numbers the rows and is left out" for i in ids)
    return [i for i in range(len(columns)) if i not in {*drop, *ids}], note
