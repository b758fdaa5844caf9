"""A small transformer over sequences of codes, each seeing those before it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.errors import UsageError
from variata.shapes import full

Past = tuple[Tensor, Tensor]


class CausalBlock(nn.Module):
    """Attention to what lies before, then a layer of each position alone; both residual.

    Reference:
        Attention Is All You Need (Vaswani et al., 2017), arXiv:1706.03762
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend = nn.Linear(width, 3 * width, bias=False)
        self.mix = nn.Linear(width, width)
        self.think = nn.Sequential(
            nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor, past: Past | None = None) -> tuple[Tensor, Past]:
        """x (N, T, W) after what was seen before, and what is to be remembered of all.

        With a past, T is 1.
        """
        parts = self.attend(self.before(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = (part.transpose(1, 2) for part in parts.unbind(2))
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=past is None)
        x = x + self.mix(seen.transpose(1, 2).flatten(2))
        return x + self.think(self.between(x)), (k, v)


class CausalTransformer(nn.Module):
    """Codes (N, S) to logits (N, S, V), of which those at a position know the codes before it.

    Args:
        length: S. size: V. width: of the layers. layers: how many. heads: of attention.
        context: numbers that all positions know, 0 for none.

    Raises:
        UsageError: for a width that cannot be divided among the heads.

    >>> network = CausalTransformer(length=5, size=7, width=16, layers=1, heads=2)
    >>> network(torch.zeros(3, 5, dtype=torch.long)).shape
    torch.Size([3, 5, 7])
    """

    def __init__(
        self,
        length: int,
        size: int,
        width: int = 128,
        layers: int = 2,
        heads: int = 4,
        context: int = 0,
    ) -> None:
        super().__init__()
        if width % heads:
            raise UsageError(f"A width of {width} cannot be divided among {heads} heads.")
        self.length, self.size, self.context = length, size, context
        self.places = nn.Parameter(0.1 * torch.randn(length, width))
        self.informed = nn.Linear(context, width) if context else None
        alone = length == 1  # then there is nothing to attend to
        self.embed = None if alone else nn.Embedding(size, width)
        self.blocks = nn.ModuleList(
            CausalBlock(width, heads) for _ in range(0 if alone else layers)
        )
        self.norm, self.output = nn.LayerNorm(width), nn.Linear(width, size)

    def forward(self, codes: Tensor, context: Tensor | None = None) -> Tensor:
        """Logits of all positions; context is (N, C), codes may be shares of codes (N, S, V)."""
        x = self.places + self._told(codes[:, :-1], context)
        for block in self.blocks:
            x, _ = block(x)
        return full(self.output(self.norm(x)))

    def unroll(
        self, n: int, choose: Callable[[Tensor], Tensor], context: Tensor | None = None
    ) -> Tensor:
        """Sequences made from the first position on, (n, S).

        Args:
            choose: logits (n, V) -> codes (n,).
        """
        past: list[Past | None] = [None] * len(self.blocks)
        codes: list[Tensor] = []
        for place in range(self.length):
            x = self._told(codes[-1][:, None] if codes else None, context, n)[:, -1:]
            x = self.places[place] + x
            for i, block in enumerate(self.blocks):
                x, past[i] = block(x, past[i])
            codes.append(choose(full(self.output(self.norm(x)))[:, 0]))
        return torch.stack(codes, 1)

    def _told(self, codes: Tensor | None, context: Tensor | None, n: int = 0) -> Tensor:
        """What positions know before attention: nothing at the first, then the code before."""
        rows = n if codes is None else len(codes)
        x = self.places.new_zeros(rows, 1, self.places.shape[1])
        if codes is not None and self.embed is not None:
            shares = codes.is_floating_point()
            x = torch.cat([x, codes @ self.embed.weight if shares else self.embed(codes)], 1)
        return x if self.informed is None else x + self.informed(context)[:, None]
