"""How far out an element lies among those of normal rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SLACK = 0.1  # of a scale: differences that tell nothing, such as those of pixels that never vary


@dataclass(frozen=True)
class Tails:
    """What is left of elements of normal rows, in their own scales.

    Attributes:
        ordered: (x - expected) / scale of R rows that a model has not learned from, each column
            in ascending order, (R, D).
    """

    ordered: Tensor

    @classmethod
    def of(cls, left: Tensor) -> Tails:
        """By what is left of normal rows, (R, D), in any order."""
        return cls(left.sort(0).values)

    def nats(self, left: Tensor) -> Tensor:
        """Minus the logarithm of the share of normal rows as far out on either side, (N, D).

        Of the p-value of a conformal test of every element, two-sided: no distribution is assumed,
        and there are no more than log(R + 1) nats. Rows that are nearer by less than a tenth of a
        scale count as being as far out.

        Args:
            left: of rows, (N, D).

        Reference:
            A Tutorial on Conformal Prediction (Shafer and Vovk, 2007), arXiv:0706.3188

        >>> tails = Tails.of(torch.tensor([[-1.0], [0.0], [1.0]]))
        >>> tails.nats(torch.tensor([[0.0], [1.0], [9.0]])).exp()  # 1 / p
        tensor([[1.0000],
                [1.3333],
                [4.0000]])
        """
        rows, columns = len(self.ordered), self.ordered.T.contiguous()
        values = left.T.contiguous()
        below = torch.searchsorted(columns, values + SLACK, right=True).T
        above = rows - torch.searchsorted(columns, values - SLACK).T
        beyond = (2 * torch.minimum(below, above)).clamp_max(rows)
        return -((beyond + 1).to(left) / (rows + 1)).log()
