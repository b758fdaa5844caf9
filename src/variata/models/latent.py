"""The core: one descent serves inference, generation, editing and conditioning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from variata.batch import Batch
from variata.models.level import Level
from variata.models.trace import Stage, Trace
from variata.shapes import Draw, draw, spread

Given = Mapping[int, Tensor]


class LatentModel(nn.Module):
    """p(x, z | c) = p(x | z, c) prod_l p(z_l | z_<l, c), with q(z_l | z_<l, x, c) at every level.

    The model knows no loss. z is (K, B, *Z), x is (B, *X) and densities are (K, B); K is always
    there and K = 1 is not special. Without levels it is a density over x; with a level that has no
    posterior, a generator.

    Args:
        encoder: what the posteriors read: seen (B, *X) -> features.
        levels: the latents, from the top down. Where there are none, h is the condition alone:
            (K, B, C), with C = 0 where there is none either.
        decoder: h (K, B, *H) -> p(x | h).

    >>> import torch
    >>> from variata import recipes
    >>> model = recipes.build("vae", shape=(4,), likelihood="gaussian", latent=2, hidden=(8,)).model
    >>> x = torch.zeros(5, 4)
    >>> trace = model.observe(Batch(x, x), k=3)
    >>> trace.stages[0].z.shape, trace.rate().shape
    (torch.Size([3, 5, 2]), torch.Size([3, 5]))
    """

    def __init__(self, encoder: nn.Module, levels: Sequence[Level], decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.levels = nn.ModuleList(levels)

    def observe(
        self,
        batch: Batch,
        k: int = 1,
        given: Given | None = None,
        how: Draw = draw,
        features: Any = None,
    ) -> Trace:
        """Draw every latent from its posterior, K times, except those given.

        Args:
            batch: B examples.
            k: draws for each example.
            given: level -> latent (B, *Z), used instead of a draw.
            how: `draw`, or `draw_mean` for no noise, or any other way to draw a latent.
            features: what the encoder makes of `batch.seen`, where it is at hand already.
        """
        stages, h = self._observed(batch, k, given, how, features)
        return Trace(stages, self.decoder(h), batch)

    def infer(
        self,
        batch: Batch,
        k: int = 1,
        given: Given | None = None,
        how: Draw = draw,
        features: Any = None,
    ) -> tuple[Stage, ...]:
        """The stages of `observe`, without the work of the decoder."""
        return self._observed(batch, k, given, how, features)[0]

    def imagine(
        self, n: int, c: Tensor | None = None, given: Given | None = None, how: Draw = draw
    ) -> Trace:
        """Draw every latent from its prior, except those given; the likelihood is (1, n)."""
        stages, h = self._descend(c, 1, n, given or {}, None, how)
        return Trace(stages, self.decoder(h))

    def _observed(
        self, batch: Batch, k: int, given: Given | None, how: Draw, features: Any
    ) -> tuple[tuple[Stage, ...], Any]:
        features = self.encoder(batch.seen) if features is None else features
        rows = batch.x.shape[0]  # len() would fix their number in an exported graph
        return self._descend(batch.c, k, rows, given or {}, features, how)

    def _levels(self) -> Iterator[Level]:
        yield from self.levels  # type: ignore[misc]

    def _descend(
        self,
        h: Tensor | None,
        k: int,
        n: int,
        given: Given,
        features: Any,
        how: Draw,
    ) -> tuple[tuple[Stage, ...], Any]:
        stages: list[Stage] = []
        h = h if h is None else spread(h, k)
        for i, level in enumerate(self._levels()):
            p = level.prior(h)
            q = None
            if features is not None and i not in given and level.posterior is not None:
                q = level.posterior(h, features)
            z = spread(given[i], k) if i in given else how(q or p, k, n)
            stages.append(Stage(z, p, q))
            h = level.merge(h, z)
        return tuple(stages), next(self.parameters()).new_empty(k, n, 0) if h is None else h
