"""Densities over the data itself: what stands for a decoder in a model without latents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from variata.distributions import Cells, Dequantised, Flow
from variata.nn import Logit, Rescaling
from variata.nn.joining import checked
from variata.shapes import Shape, numel


class FlowDensity(nn.Module):
    """h (K, B, C) -> p(x | h), of invertible steps from values within their cells to noise.

    Args:
        steps: (x (N, L), c (N, C)) -> image and volume change, each with an inverse.
        shape: X, of L elements.
        cells: of the data.
        context: C; 0 for none.
        made: `Flow`, or `Diffusion` where the last step is one.
        alike: whether all elements are scaled by the same numbers.

    Attributes:
        density: what `log_prob` is: "bound" or "estimated".

    >>> halves = Cells(width=0.5, discrete=True, least=0.0, most=1.0)
    >>> p = FlowDensity([], (2, 2), halves)(torch.zeros(1, 3, 0))
    >>> p.log_prob(torch.zeros(3, 2, 2)).shape
    torch.Size([1, 3])
    """

    zeros: Tensor

    def __init__(
        self,
        steps: Sequence[nn.Module],
        shape: Shape,
        cells: Cells,
        context: int = 0,
        made: type[Flow] = Flow,
        alike: bool = False,
    ) -> None:
        super().__init__()
        self.shape, self.cells, self.context, self.made = shape, cells, context, made
        self.density: Literal["bound", "estimated"] = "bound" if made is Flow else "estimated"
        self.raw_shape, self.alike = (1, *shape), alike
        self.opened = None if cells.ends is None or made is not Flow else Logit(*cells.ends)
        self.rescaling = Rescaling(numel(shape))
        self.steps = nn.ModuleList(steps)
        self.register_buffer("zeros", torch.zeros(numel(shape)), persistent=False)

    def forward(self, h: Tensor) -> Dequantised:
        return Dequantised(self.of_rows, checked(h, self.context), self.shape, self.cells)

    def of_rows(self, c: Tensor) -> Flow:
        """The distribution of values within their cells, of rows c (N, C), over (N, L)."""
        first = [] if self.opened is None else [self.opened]
        told = [_Told(step, c) for step in self.steps]
        return self.made([*first, self.rescaling, *told], self.zeros)

    @torch.no_grad()
    def start(self, x: Tensor) -> None:
        """Take mean and scale of the elements from examples x (N, *X)."""
        y = self.cells.moved(x, torch.rand_like(x)).flatten(1)
        y = y if self.opened is None else self.opened(y)[0]
        self.rescaling.take(y, self.alike)


class _Told:
    """A step that knows its context."""

    def __init__(self, step: Any, context: Tensor) -> None:
        self.step, self.context = step, context

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.step(x, self.context)

    def inverse(self, y: Tensor) -> Tensor:
        return self.step.inverse(y, self.context)

    def error(self, x: Tensor, noise: Tensor, turn: Tensor) -> Tensor:
        return self.step.error(x, noise, turn, self.context)
