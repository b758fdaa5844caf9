"""A table of vectors that latents are replaced by, and how it follows them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from variata.nn.clustering import k_means, nearest
from variata.nn.quantiser import positions

DECAY = 0.99  # of the moving averages, at every step
REVIVE_EVERY = 50  # steps
DEAD = 0.05  # of the even share of uses: rarer codes take over a half of the most used ones
POINTS = 64  # for each vector that a codebook starts with, at most


class Codebook(nn.Module):
    """K vectors, shared by all positions of a latent; each takes the nearest.

    The vectors are moving averages of what they stand for, changed by `after_step` alone, or
    parameters (`learned`) that a term of the loss moves. Either way, vectors that are hardly used
    are put beside the most used ones, which then share their uses.

    Args:
        size: K. width: of a vector. latent: L. learned: whether vectors are parameters.

    Raises:
        UsageError: for a latent that is no multiple of the width.

    References:
        Neural Discrete Representation Learning (van den Oord et al., 2017), arXiv:1711.00937
        An Algorithm for Vector Quantizer Design (Linde, Buzo and Gray, 1980), for the splitting

    >>> book = Codebook(size=8, width=2, latent=6)
    >>> codes = torch.tensor([[0, 7, 3]])
    >>> bool((book.codes(book.vectors(codes)) == codes).all())
    True
    """

    vectors_: Tensor
    counts: Tensor
    sums: Tensor
    gathered = 3  # tensors of `statistics`

    def __init__(self, size: int, width: int, latent: int, learned: bool = False) -> None:
        super().__init__()
        self.length, self.size, self.width = positions(latent, width, "width"), size, width
        vectors = torch.randn(size, width)
        if learned:
            self.vectors_ = nn.Parameter(vectors)
        else:
            self.register_buffer("vectors_", vectors)
        self.learned = learned
        self.register_buffer("counts", torch.full((size,), self.length / size))
        self.register_buffer("sums", vectors * self.length / size)

    def quantise(self, encoded: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See `Quantiser`."""
        codes = self.codes(encoded.detach())
        return encoded, self.vectors(codes), codes

    def codes(self, z: Tensor) -> Tensor:
        """See `Quantiser`."""
        return nearest(z.unflatten(-1, (self.length, self.width)), self.vectors_.detach())

    def vectors(self, codes: Tensor) -> Tensor:
        """See `Quantiser`."""
        return self.vectors_[codes].flatten(-2)

    def statistics(self, encoded: Tensor, codes: Tensor) -> list[Tensor]:
        """Means over examples: uses of every code (K,), sums of what it stood for (K, D), error ().

        Those of a whole batch are the means of those of its parts, weighed by their rows.
        """
        rows, points, own = codes.shape[:-1].numel(), encoded.detach(), codes.flatten()
        points = points.reshape(-1, self.width)
        counts = torch.zeros_like(self.counts).index_add(0, own, torch.ones_like(points[:, 0]))
        sums = torch.zeros_like(self.sums).index_add(0, own, points)
        error = (points - self.vectors_.detach()[own]).square().mean()
        return [counts / rows, sums / rows, error]

    @torch.no_grad()
    def after_step(self, statistics: Sequence[Tensor], step: int) -> None:
        """Follow the statistics of a step; those that are not finite are left out."""
        counts, sums, error = statistics
        finite = torch.stack([part.isfinite().all() for part in statistics]).all()
        share = (1 - DECAY) * finite
        self.counts.lerp_(torch.where(finite, counts, self.counts), share)
        self.sums.lerp_(torch.where(finite, sums, self.sums), share)
        if not self.learned:
            self.vectors_.copy_(self.sums / self.counts.clamp_min(1e-12)[:, None])
        if (step + 1) % REVIVE_EVERY == 0:
            self._revive(error.nan_to_num(0.0, 0.0, 0.0).sqrt())

    @torch.no_grad()
    def start(self, encoded: Tensor) -> None:
        """Start as the centres of latents (..., L)."""
        points = encoded.reshape(-1, self.width)
        points = points[torch.randperm(len(points), device=points.device)[: POINTS * self.size]]
        self.vectors_.copy_(k_means(points, self.size))
        own = nearest(points, self.vectors_)
        counts = torch.bincount(own, minlength=self.size).to(points) * self.length / len(points)
        self.counts.copy_(counts.clamp_min(DEAD * self.length / self.size))
        self.sums.copy_(self.vectors_ * self.counts[:, None])

    def _revive(self, spread: Tensor) -> None:
        """Codes that are hardly used take over half of the uses of those used most."""
        order = self.counts.argsort()
        rare, common = order[: self.size // 2], order.flip(0)[: self.size // 2]
        dead = self.counts[rare] < DEAD * self.length / self.size
        aside = self.vectors_[common] + spread * torch.randn_like(self.vectors_[common])
        half = torch.where(dead, self.counts[common] / 2, self.counts[common])
        self.vectors_[rare] = torch.where(dead[:, None], aside, self.vectors_[rare])
        self.counts[rare] = torch.where(dead, half, self.counts[rare])
        self.counts[common] = half
        self.sums.copy_(self.vectors_ * self.counts[:, None])
