"""Rows to a file that holds them without loss."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from variata.atomic import make_folder, write_atomic
from variata.data import Examples
from variata.data.memory import forget
from variata.errors import DataError, UsageError
from variata.tasks.bounds import Bounds
from variata.tasks.collect import Array
from variata.tasks.compression.codec import MODELLED, Codec
from variata.tasks.compression.layout import CHUNK_BYTES, Header, Writer
from variata.tasks.output import refuse_to_replace
from variata.tasks.rows import values_of
from variata.tasks.source import options_of
from variata.tasks.trained import Trained

CHUNK = 4_096
SUFFIX = ".vrt"


@dataclass(frozen=True)
class Compressed:
    """What `compress` has written.

    Attributes:
        out: the file.
        rows, chunks: that it holds.
        bytes: of the whole file, with everything in it.
        bits_per_row, bits_per_dim: the same as bits, for each row, and each value of a row.
        chunks_without_model: chunks that are stored or deflated, since that is shorter.
        rows_without_bits_back: rows that paid for their latents, to start a chunk.
        first_bits: about what these paid more than others: the bits of their latents.
        model_bits_per_dim: the model's own negative ELBO, in bits for each value of a row; None
            unless it was asked for.
        seconds: that it took, without the latter.
    """

    out: Path
    rows: int
    chunks: int
    bytes: int
    bits_per_row: float
    bits_per_dim: float
    chunks_without_model: int
    rows_without_bits_back: int
    first_bits: int
    model_bits_per_dim: float | None
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return asdict(self) | {"out": str(self.out)}


def compress(
    model: Trained, data: Any, out: str | Path, chunk: int | None = None, compare: bool = False
) -> Compressed:
    """Write rows to a `.vrt` file, from which the same model makes them again to the last bit.

    Networks compute in arithmetic that gives the same bits on every machine, and in batches of any
    size. Rows are coded in chunks, each of which can be read without the others.

    Args:
        model: with one level of Gaussian latents, under N(0, I) or a mixture, and a likelihood of
            discrete values.
        data: rows, of the schema's values. Those in between are kept all the same, but deflated.
        out: the file, which must end in `.vrt`.
        chunk: rows of a chunk, 4,096 unless said; fewer, where rows are large.
        compare: whether to compute the model's ELBO as well.

    Raises:
        UsageError: for a model that cannot code such data, or a file that must stay.
        DataError: when the data cannot be used.
        MissingExtraError: `constriction` is not installed.
        StoreError: when the file cannot be written; nothing of it is then left.
    """
    target = Path(out)
    if target.suffix != SUFFIX:
        raise UsageError(f"'{target}' must end in {SUFFIX}.")
    refuse_to_replace(target, model.reads(data))
    began, codec = time.monotonic(), Codec.of(model)
    values = values_of(data, model.schema, options_of(model.saved.about.get("data", {})))
    if len(values) < 1:
        raise DataError("There are no rows to compress: give at least one.")
    header = _header(codec, values, CHUNK if chunk is None else chunk)
    kept: list[tuple[int, int]] = []

    def write(part: Path) -> None:
        with part.open("wb") as file:
            writer = Writer(file, header)
            for number in range(header.chunks):
                rows = header.rows_of(number)
                made, direct = codec.write(_rows(values, rows, header.dtype))
                writer.add(made)
                kept.append((made.way, direct))
                if model.watch is not None:
                    model.watch(rows.stop / header.rows)
            writer.close()

    make_folder(target.parent)
    write_atomic(target, write)
    seconds = time.monotonic() - began
    bits, dims = 8 * target.stat().st_size, math.prod(header.shape)
    exact, direct = codec.chain.model, sum(d for _, d in kept)
    return Compressed(
        out=target,
        rows=header.rows,
        chunks=header.chunks,
        bytes=bits // 8,
        bits_per_row=bits / header.rows,
        bits_per_dim=bits / header.rows / dims,
        chunks_without_model=sum(way != MODELLED for way, _ in kept),
        rows_without_bits_back=direct,
        first_bits=direct * exact.latent * exact.lattice.bits,
        model_bits_per_dim=_bound(model, values) / dims if compare else None,
        seconds=seconds,
    )


def _header(codec: Codec, values: Array, chunk: int) -> Header:
    if not 1 <= chunk < 2**31:
        raise UsageError(f"A chunk needs at least one row, got {chunk}.")
    shape, dtype = values.shape[1:], values.dtype.newbyteorder("<")
    fits = CHUNK_BYTES // (math.prod(shape) * dtype.itemsize)
    return Header(codec.identity, len(values), max(1, min(chunk, fits)), dtype, shape)


def _rows(values: Array, rows: range, dtype: np.dtype) -> Array:
    taken = values[rows.start : rows.stop].astype(dtype)
    forget(values)
    return taken


def _bound(model: Trained, values: Array) -> float:
    """The negative ELBO of a row, in bits, by a draw for each."""
    total = 0.0

    def add(bounds: Tensor) -> None:
        nonlocal total
        total -= float(bounds.sum())

    examples = Examples.of_checked(values, model.schema)
    Bounds(model.module, examples, k=1).each(add)
    return total / len(values) / math.log(2)
