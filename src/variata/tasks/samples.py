"""How good samples are, in the features of a small classifier of the person's own data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from variata.data import Context, Examples
from variata.data.labels import has_classes
from variata.errors import StoreError
from variata.metrics import Features, frechet_distance, nearest_copies, prdc, train_features
from variata.models import LatentModel
from variata.tasks.bulk import in_blocks

MOST = 10_000
REMEMBERED = 50_000  # training rows among which copies are sought
SHIPPED = Path(__file__).parent / "features"
SAME_IMAGES = {"binarized_mnist": "mnist"}
LEARN_FROM = 10_000


def draw_samples(module: LatentModel, n: int, seed: int, context: Context | None = None) -> Tensor:
    """Draws from p(x | z) with z from the prior, (n, *X) in model space.

    Args:
        context: of rows, whose conditions are used in turn; None for a model without.
    """
    parts: list[Tensor] = []
    some = next(module.parameters())

    def work(part: range) -> Tensor:
        c = None
        if context is not None:
            rows = torch.arange(part.start, part.stop)
            c = context.gather(rows % len(context)).to(some)
        return module.imagine(len(part), c).likelihood.sample()[0].float().cpu()

    in_blocks(module, n, seed, work, parts.append)
    return torch.cat(parts)


def all_x(examples: Examples, limit: int, seed: int = 0) -> Tensor:
    """At most `limit` rows in model space, chosen by the seed."""
    order = torch.randperm(len(examples), generator=torch.Generator().manual_seed(seed))[:limit]
    return torch.cat([examples.gather(index).x for index in order.split(2_000)])


def features_for(data: Mapping[str, Any], train: Examples, cache: Path | None) -> Features:
    """Features for data: those shipped for a catalogue name, else a classifier trained here.

    Args:
        data: its record, with "name" and "source".
        train: rows to learn from, where nothing is shipped.
        cache: file to keep a trained classifier in, and to take it from.
    """
    name = data["name"]
    shipped = SHIPPED / f"{SAME_IMAGES.get(name, name)}.safetensors"
    if data["source"] == name and shipped.is_file():
        return Features.load(shipped)
    kept = None if cache is None else _kept(cache)
    if kept is not None:
        return kept
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:LEARN_FROM]
    some = train.subset(order)
    labels = some.labels if has_classes(some.labels) else None
    made = train_features(as_seen(all_x(some, LEARN_FROM), train), labels, name=name, epochs=3)
    if cache is not None:
        made.save(cache)
    return made


def _kept(cache: Path) -> Features | None:
    try:
        return Features.load(cache) if cache.is_file() else None
    except StoreError:
        return None  # only a cache: it is made anew


def sample_quality(
    module: LatentModel, features: Features, train: Examples, test: Examples, seed: int = 0
) -> dict[str, Any]:
    """Compare as many samples as there are test rows (at most 10,000) with the test rows."""
    fake = draw_samples(module, min(len(test), MOST), seed, test.context)
    return Judged(features, fake, train, test, seed).figures()


class Judged:
    """Samples (N, *X) in model space beside as many test rows, and training rows, in features.

    Attributes:
        test, samples, train: features of each, (N, F).
    """

    def __init__(
        self, features: Features, fake: Tensor, train: Examples, test: Examples, seed: int = 0
    ) -> None:
        self.net, count = features, len(fake)
        self.test, self.samples, self.train = (
            features(as_seen(x, test))
            for x in (all_x(test, count, seed), fake, all_x(train, REMEMBERED, seed))
        )

    def figures(self) -> dict[str, Any]:
        """How near samples come to test rows.

        Returns:
            The Frechet distance in the features, the same between training and test rows (what a
            perfect model would have), precision, recall, density, coverage, and memorisation.

        References:
            GANs Trained by a Two Time-Scale Update Rule (Heusel et al., 2017), arXiv:1706.08500
            Improved Precision and Recall Metric (Kynkäänniemi et al., 2019), arXiv:1904.06991
            Reliable Fidelity and Diversity Metrics (Naeem et al., 2020), arXiv:2002.09797
        """
        copies = nearest_copies(self.samples, self.train, self.test)
        return {
            "count": len(self.samples),
            "features": self.net.name,
            "frechet": frechet_distance(self.test, self.samples),
            "frechet_of_training_rows": frechet_distance(self.test, self.train[: len(self.test)]),
            **asdict(prdc(self.test, self.samples)),
            "nearer_to_training_rows": copies.nearer_train.as_dict(),
            "closer_than_test_rows": copies.closer.as_dict(),
        }


def as_seen(x: Tensor, examples: Examples) -> Tensor:
    """Examples (N, *X) in model space as features see them: images in [0, 1]."""
    real_images = examples.schema.kind == "real" and examples.schema.layout == "image"
    return torch.sigmoid(x) if real_images else x
