"""Examples in memory, as training takes them."""

from __future__ import annotations

from torch import Tensor

from variata.batch import Batch


class Rows:
    """Examples in memory."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, index: Tensor) -> Batch:
        return Batch(self.x[index], self.x[index], index=index)
