"""pandas DataFrames and parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from variata.data.identifiers import is_identifier, named_like_id
from variata.data.reasons import damaged
from variata.data.source import Source, encode_labels, pick_column
from variata.data.values import frame_array, unique_names
from variata.errors import MissingExtraError


def from_frame(
    frame: Any, name: str = "table", label: Any = None, ignore: Sequence[str | int] = ()
) -> Source:
    """Return a source of a DataFrame of numbers; identifiers are left out with a note.

    Raises:
        DataError: a column that holds something else than numbers, or none left.
    """
    columns = [str(c) for c in frame.columns]
    drop = {pick_column(columns, c, "--ignore") for c in ignore}
    raw = label
    if isinstance(label, (str, int)):
        place = pick_column(columns, label, "--label")
        drop.add(place)
        raw = frame.iloc[:, place].to_numpy()
    ids = [i for i in _identifiers(frame, columns) if i not in drop]
    keep = [i for i in range(len(columns)) if i not in drop and i not in ids]
    values = frame_array(frame.iloc[:, keep])
    codes, names = (None, None) if raw is None else encode_labels(raw, len(values))
    note = "; ".join(f"column '{columns[i]}' numbers the rows and is left out" for i in ids)
    unique = unique_names(columns)
    kept = tuple(unique[i] for i in keep)
    return Source(name, values, codes, names, kept, "vector", note=note)


def from_parquet(
    path: Path, label: str | int | None = None, ignore: Sequence[str | int] = ()
) -> Source:
    """Read a parquet file of numbers.

    Raises:
        MissingExtraError: pandas or pyarrow is not installed.
        DataError: unreadable, or a column that holds no numbers.
    """
    try:
        import pandas

        frame = pandas.read_parquet(path)
    except ImportError as error:
        raise MissingExtraError(
            "Reading parquet needs pandas and pyarrow: pip install 'variata[tables]'."
        ) from error
    except Exception as error:  # damaged bytes make pyarrow raise almost anything
        raise damaged(path, "parquet", b"PAR1", "DataFrame.to_parquet", error) from error
    return from_frame(frame, path.name, label, ignore)


def _identifiers(frame: Any, columns: Sequence[str]) -> list[int]:
    near = [i for i, name in enumerate(columns) if named_like_id(name)]
    return [i for i in near if is_identifier([str(v) for v in frame.iloc[:, i].tolist()])]
