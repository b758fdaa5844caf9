"""Rows to chunks and back, by the model where it wins."""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from variata.data import Schema
from variata.errors import DataError, StoreError, UsageError, VariataError
from variata.exact import ExactModel, arithmetic
from variata.tasks.compression.chain import MOST, Chain
from variata.tasks.compression.layout import Chunk, Identity
from variata.tasks.trained import Trained

STORED, DEFLATED, MODELLED = 0, 1, 2
FAST = 1  # deflating is for rows that the model does not know, and costs time for all
Array = NDArray[np.generic]
Words = NDArray[np.uint32]
MEANING = ("kind", "shape", "own_shape", "dtype", "levels", "low", "step")


@dataclass(frozen=True)
class Codec:
    """Rows of one model's data as chunks.

    Attributes:
        chain: by which the model codes.
        schema: of the data.
        identity: of both, and of the arithmetic.
    """

    chain: Chain
    schema: Schema
    identity: Identity

    @classmethod
    def of(cls, model: Trained) -> Codec:
        """The codec of a trained model.

        Raises:
            UsageError: it cannot code; the message names why.
        """
        schema = model.schema
        if schema.levels is None:
            raise UsageError(
                f"Compression needs values of which there are finitely many, such as pixels, and "
                f"this model's data is {schema.describe()}."
            )
        exact = ExactModel(model.module, schema.levels)
        identity = Identity(_arithmetic(), _weights(model.module), _meaning(schema))
        return cls(Chain(exact), schema, identity)

    def write(self, rows: Array) -> tuple[Chunk, int]:
        """Rows (N, *own_shape) as a chunk, and how many of them gave no bits back."""
        content = np.ascontiguousarray(rows).tobytes()
        check, words, direct = crc32(content), None, 0
        codes = self.schema.encode_all(np.asarray(rows)).numpy().astype(np.int64)
        if self._own(codes, rows.dtype) == content:  # or values lie beside the model's levels
            words, direct = self.chain.write(codes)
        deflated = zlib.compress(content, FAST)
        ways = {STORED: content, DEFLATED: deflated}
        if words is not None:
            ways[MODELLED] = words.astype("<u4").tobytes()
        best = min(ways, key=lambda way: len(ways[way]))
        return Chunk(best, ways[best], check), direct if best == MODELLED else 0

    def read(self, chunk: Chunk, rows: int, dtype: np.dtype, shape: tuple[int, ...]) -> Array:
        """The rows of a chunk.

        Raises:
            StoreError: they are not those that were written.
        """
        size = rows * math.prod(shape) * dtype.itemsize
        try:
            content = self._content(chunk, rows, dtype, size)
        except (VariataError, ValueError, zlib.error) as error:
            raise StoreError("damaged") from error
        if len(content) != size or crc32(content) != chunk.check:
            raise StoreError("damaged")
        return np.frombuffer(content, dtype).reshape(rows, *shape)

    def _content(self, chunk: Chunk, rows: int, dtype: np.dtype, size: int) -> bytes:
        if chunk.way == STORED:
            return chunk.payload
        if chunk.way == DEFLATED:
            return zlib.decompressobj().decompress(chunk.payload, size + 1)
        if chunk.way == MODELLED:
            words = np.frombuffer(chunk.payload, "<u4").astype(np.uint32)
            return self._own(self.chain.read(words, rows), dtype)
        raise DataError("it is kept in a way that this variata does not know")

    def _own(self, codes: NDArray[np.int64], dtype: np.dtype) -> bytes:
        """The rows of codes, as bytes in the person's own units."""
        x = self.schema.to_model(torch.from_numpy(codes))
        return self.schema.decode(x, round=True).astype(dtype, copy=False).tobytes()


def _arithmetic() -> bytes:
    return hashlib.sha256(f"{arithmetic()}, batches to {MOST}".encode()).digest()[:16]


def _weights(module: nn.Module) -> bytes:
    """Which weights these are: names, shapes and numbers, however a run's file holds them."""
    kept = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        kept.update(f"{name} {tuple(value.shape)} ".encode())
        kept.update(value.detach().cpu().double().numpy().astype("<f8").tobytes())
    return kept.digest()[:16]


def _meaning(schema: Schema) -> bytes:
    """What values stand for: names of columns and labels may change."""
    fields = schema.to_json()
    text = json.dumps({name: fields[name] for name in MEANING}, sort_keys=True)
    return hashlib.sha256(text.encode()).digest()[:16]
