"""The codes of a trained model: whether it has any, which they are, how they are used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.conditionals import QuantisedPosterior, head_of
from variata.data import Examples
from variata.metrics import Usage
from variata.models import LatentModel, decodes, likelihood_of
from variata.shapes import draw_mean, spread
from variata.tasks.bulk import batch_of, in_blocks, read

ROWS = 50_000  # whose codes are counted, at most


def quantisers(module: LatentModel) -> list[Any | None]:
    """What makes codes at every level, see `variata.nn.quantiser`; None where latents are real."""
    return [getattr(head_of(v.posterior), "quantiser", None) for v in module.levels]


def has_codes(module: LatentModel) -> bool:
    """Whether a level's latents are codes."""
    return any(q is not None for q in quantisers(module))


def exact(module: LatentModel) -> bool:
    """Whether one draw says all: of a single code at every level, or where nothing is drawn."""
    if not decodes(module):
        return likelihood_of(module) != "bound"  # which is one by the noise within cells
    return all(isinstance(head_of(v.posterior), QuantisedPosterior) for v in module.levels)


def codes_of(module: LatentModel, batch: Batch) -> list[Tensor]:
    """The (most probable) codes of examples at every level that has any, (B, S) each."""
    stages = module.infer(batch, how=draw_mean)
    pairs = zip(quantisers(module), stages, strict=True)
    return [q.codes(stage.z[0]) for q, stage in pairs if q is not None]


def coded_latents(
    module: LatentModel, examples: Examples, seed: int
) -> list[tuple[Tensor, Tensor | None]]:
    """A draw of the latents of every level, (N, L) float32, with what its prior knows, (N, C)."""
    found: list[list[Tensor]] = []

    def work(part: range) -> list[Tensor]:
        batch = batch_of(module, examples, part)
        drawn, h = [], None if batch.c is None else spread(batch.c, 1)
        for level, stage in zip(module.levels, module.infer(batch), strict=True):
            drawn += [stage.z, stage.z[..., :0] if h is None else h]
            h = level.merge(h, stage.z)  # type: ignore[operator]
        return [value[0].float().cpu() for value in drawn]

    in_blocks(module, len(examples), seed, work, found.append)
    whole = [torch.cat(parts) for parts in zip(*found, strict=True)]
    known = [h if h.shape[1] else None for h in whole[1::2]]
    return list(zip(whole[::2], known, strict=True))


def usage(module: LatentModel, examples: Examples) -> list[dict[str, float]]:
    """How the first 50,000 examples use the codes, for every level that has any."""
    known = [q for q in quantisers(module) if q is not None]
    if not known:
        return []
    totals = [torch.zeros(q.size, dtype=torch.long) for q in known]

    def keep(counts: Sequence[Tensor]) -> None:
        for total, count in zip(totals, counts, strict=True):
            total += count

    def work(batch: Batch) -> list[Tensor]:
        pairs = zip(codes_of(module, batch), known, strict=True)
        return [torch.bincount(c.flatten().cpu(), minlength=q.size) for c, q in pairs]

    read(module, examples.subset(torch.arange(min(len(examples), ROWS))), work, keep)
    return [Usage.of(n, q.length).as_dict() for n, q in zip(totals, known, strict=True)]


def usage_rows(levels: Sequence[dict[str, float]] | None) -> list[tuple[str, str]]:
    """How codes are used, in words.

    >>> usage_rows([{"size": 512, "positions": 10, "used": 1.0, "perplexity": 300.2}])
    [('codes', '10 of 512 each: 100 % in use, perplexity 300')]
    """
    names = (
        ["codes"] if len(levels or ()) == 1 else [f"codes {i}" for i in range(len(levels or ()))]
    )
    told = [
        f"{v['positions']} of {v['size']} each: {100 * v['used']:.0f} % in use, perplexity "
        f"{v['perplexity']:.0f}"
        for v in levels or ()
    ]
    return list(zip(names, told, strict=True))
