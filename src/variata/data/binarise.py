"""Grey levels shown as zeros and ones: each value is 1 with the probability of its level."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from variata.batch import Batch
from variata.data.examples import Examples
from variata.data.lazy import Codes
from variata.data.schema import Schema
from variata.errors import DataError, UsageError
from variata.noise import noise
from variata.shapes import numel

SEED = 0  # of what is drawn once, whatever the seed of a run, so that runs are measured on the same


@dataclass(frozen=True, eq=False)
class DrawnOnce:
    """Codes of grey levels (N, *shape) as zeros and ones, which depend on a row's number alone.

    They are drawn whenever they are asked for, so that nothing is held beside the grey levels.

    Attributes:
        grey: codes of the levels.
        schema: what those mean.
        first: number of the first row, in the whole data.
    """

    grey: Codes
    schema: Schema
    first: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.grey.shape)

    @property
    def device(self) -> torch.device:
        return self.grey.device

    def __len__(self) -> int:
        return len(self.grey)

    def __getitem__(self, rows: slice, /) -> DrawnOnce:
        start, _, _ = rows.indices(len(self))
        return DrawnOnce(self.grey[rows], self.schema, self.first + start)

    def index_select(self, dim: int, index: Tensor) -> Tensor:
        """The zeros and ones of the rows `index` (B,), uint8."""
        chance = self.schema.to_model(self.grey.index_select(dim, index))
        drawn = uniform((index + self.first).tolist(), numel(self.schema.shape))
        return (drawn.to(chance.device).view(chance.shape) < chance).to(torch.uint8)

    def to(self, device: torch.device | str) -> DrawnOnce:
        """Return the same, with the grey levels on a device."""
        return replace(self, grey=self.grey.to(device))


def uniform(rows: list[int], width: int) -> Tensor:
    """Numbers of [0, 1) for each of these rows, (B, width), by a generator of its own (Philox).

    >>> bool((uniform([3, 5], 4)[1] == uniform([5], 4)[0]).all())
    True
    """
    bits = np.empty((len(rows), width), np.uint64)
    for into, row in zip(bits, rows, strict=True):
        into[:] = np.random.Philox(key=[SEED, row]).random_raw(width)
    return torch.from_numpy((bits >> np.uint64(40)).astype(np.float32) * np.float32(2**-24))


def binarised(examples: Examples, likelihood: str | None = None) -> Examples:
    """The same rows as zeros and ones, drawn once: P(1) = grey level / highest level.

    Raises:
        DataError: for data of no grey levels.
        UsageError: for another likelihood than that of zeros and ones.

    References:
        On the Quantitative Analysis of Deep Belief Networks (Salakhutdinov and Murray, 2008)
        Importance Weighted Autoencoders (Burda et al., 2015), arXiv:1509.00519

    >>> from variata.data.infer import infer_schema
    >>> grey = np.array([[[0, 255], [51, 0]], [[255, 0], [0, 102]]], np.uint8)
    >>> shown = binarised(Examples.of(grey, infer_schema(grey)))
    >>> shown.schema.describe()
    'binary images 1x2x2 (values 0 and 1): Bernoulli likelihood'
    >>> shown.all().x[0, 0, 0], redrawn(shown).all().x[0, 0, 1]
    (tensor([0., 1.]), tensor([0.2000, 0.0000]))
    """
    schema = examples.schema
    if schema.kind != "levels":
        is_binary = schema.kind == "binary"
        why = "this data is binary already" if is_binary else f"these are {schema.describe()}"
        raise DataError(
            "Only grey levels can be binarised (0 to 255, or multiples of 1/255 up to 1), and "
            f"{why}: leave --binarise out."
        )
    if likelihood not in (None, "bernoulli"):
        raise UsageError(
            f"Binarised values have the likelihood bernoulli: leave '{likelihood}' or --binarise "
            "out."
        )
    binary = replace(
        schema, kind="binary", dtype="uint8", levels=2, low=0.0, step=1.0, likelihood="bernoulli"
    )
    return replace(examples, codes=DrawnOnce(examples.codes, schema), schema=binary)


def redrawn(examples: Examples) -> Examples:
    """Binarised rows as the grey levels that `draw` draws anew; any others as they are."""
    codes = examples.codes
    if not isinstance(codes, DrawnOnce):
        return examples
    return replace(examples, codes=codes.grey, schema=codes.schema)


def draw(batch: Batch) -> Batch:
    """The view of grey levels in [0, 1] in which each value of x is 1 with that probability.

    Random numbers come from torch's global generator, and belong to a row's place in its batch.

    >>> x = torch.tensor([[0.0, 1.0]])
    >>> draw(Batch(x, x)).x
    tensor([[0., 1.]])
    """
    grey = batch.x
    u = noise(torch.rand, grey.shape, grey.ndim - 1, dtype=grey.dtype, device=grey.device)
    x = (u < grey).to(grey.dtype)
    return replace(batch, x=x, seen=x)
