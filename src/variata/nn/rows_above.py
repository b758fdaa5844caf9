"""Attention of the pixels of an image to the rows above their own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RowsAbove(nn.Module):
    """x + what attention finds in summaries of the rows above: an image as far as it is known.

    Every row is summed up as one key and one value, so that it costs little.

    Args:
        width: W', channels. columns: of an image.

    Reference:
        PixelSNAIL: An Improved Autoregressive Generative Model (Chen et al., 2017),
        arXiv:1712.09763

    >>> RowsAbove(4, columns=8)(torch.zeros(3, 4, 6, 8)).shape
    torch.Size([3, 4, 6, 8])
    """

    def __init__(self, width: int, columns: int) -> None:
        super().__init__()
        self.query, self.mix = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)
        self.summary = nn.Conv2d(width, 2 * width, (1, columns))
        self.nothing = nn.Parameter(torch.zeros(2 * width, 1))  # above the first row

    def nothing_yet(self, images: int) -> Tensor:
        """What is above the first row, (N, 2 W', 1)."""
        return self.nothing.expand(images, -1, -1)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, W', H, W), each pixel of which is told of the rows above it."""
        rows = self.summary(x)[..., :-1, 0]
        above = torch.cat([self.nothing_yet(x.shape[0]).to(rows.dtype), rows], -1)
        known = torch.ones(x.shape[-2], x.shape[-2], dtype=torch.bool, device=x.device).tril()
        return self.found(x, above, known.repeat_interleave(x.shape[-1], 0))

    def found(self, x: Tensor, above: Tensor, known: Tensor | None = None) -> Tensor:
        """Pixels x (N, W', H, W), each with what it finds in summaries (N, 2 W', R).

        Args:
            known: which pixel knows which of them, (H W, R); None where all know all.
        """
        keys, values = above.transpose(1, 2).chunk(2, -1)
        queries = self.query(x).flatten(2).transpose(1, 2)
        seen = F.scaled_dot_product_attention(queries, keys, values, attn_mask=known)
        return x + self.mix(seen.transpose(1, 2).unflatten(2, x.shape[-2:]))
