"""Importance-weighted bounds of many rows with any number of draws, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from variata.data import Examples
from variata.metrics import LogMeanExp
from variata.models import LatentModel
from variata.noise import drawn_by
from variata.tasks.bulk import batch_of, quiet
from variata.tasks.decoded import decoded_in_parts
from variata.tasks.noise import DRAWS, Noise
from variata.tasks.pieces import FEW, Pieces, measured

DECODED_IN = 4  # parts, which the caches hold, of what latents are drawn for at a time


@dataclass(frozen=True)
class Bounds:
    """Lower bounds of log p(x), log mean_k p(x, z_k) / q(z_k | x), in nats in model space.

    Draws are streamed: memory is bounded whatever their number, and no bound depends on how many
    fit at a time.

    Attributes:
        module: without which nothing is drawn.
        examples: N rows.
        k: draws of each.
        seed: of their noise.
        own: whether every row has noise of its own, which makes the mean over rows more certain;
            or all rows share it, which makes a row's bound independent of those beside it.
        precision: of the products of networks, "fp32" or "bf16".

    Reference:
        Importance Weighted Autoencoders (Burda et al., 2015), arXiv:1509.00519
    """

    module: LatentModel
    examples: Examples
    k: int
    seed: int = 0
    own: bool = True
    precision: str = "fp32"

    def each(self, keep: Callable[[Tensor], None]) -> None:
        """Give `keep` the bounds of all rows in order, (rows,) float64, some rows at a time.

        Raises:
            NoDensityError: for a model without densities.
            MemoryError: when there is too little for a single draw of a single row.
        """
        rows = len(self.examples)
        with quiet(self.module, self.seed, self.precision) as device:
            pairs = self._pairs(rows, device)
            latents = len(self.module.levels) > 0 and device.type == "cpu"
            wide = pairs * DECODED_IN if latents else pairs
            across, down = together(wide, rows, self.k)
            draws = Pieces(down)
            with decoded_in_parts(self.module, pairs):
                Pieces(across).run(rows, lambda part: self._of(part, self.k, draws), keep)

    def _pairs(self, rows: int, device: torch.device) -> int:
        """How many pairs of a row and a draw to take at a time."""
        if rows * self.k <= FEW:
            return rows * self.k
        few = min(self.k, FEW)
        return measured(lambda n: self._of(range(1), n, Pieces(n)), few, device)

    def _of(self, rows: range, k: int, draws: Pieces) -> Tensor:
        batch, total = batch_of(self.module, self.examples, rows), LogMeanExp()
        features = self.module.encoder(batch.seen)

        def weigh(these: range) -> Tensor:
            how = Noise(self.seed, these, rows, self.own)
            trace = self.module.observe(batch, len(these), how=how, features=features)
            with drawn_by(how.source):
                return trace.log_weight()

        draws.run(k, weigh, total.add)
        return total.value()


def together(pairs: int, rows: int, k: int) -> tuple[int, int]:
    """How many rows, and how many draws of each, make at most so many pairs.

    Whole blocks of noise are taken where they fit.

    >>> together(300, rows=1_000, k=500), together(10_000, rows=1, k=5_000), together(9, 5, 64)
    ((4, 64), (1, 5000), (1, 9))
    """
    draws = min(k, DRAWS, max(1, pairs))
    across = max(1, min(rows, pairs // draws))
    whole = DRAWS * (pairs // (DRAWS * across))
    return across, max(draws, min(k, whole))
