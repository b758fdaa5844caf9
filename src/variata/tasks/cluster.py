"""Clusters of rows, by a model whose prior is a mixture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.distributions import MixtureSameFamily

from variata.batch import Batch
from variata.conditionals import responsibilities
from variata.errors import NoDensityError
from variata.metrics import Agreement, cluster_agreement
from variata.shapes import draw_mean
from variata.tasks.abilities import require_encoder
from variata.tasks.bulk import read
from variata.tasks.classify import labels_in
from variata.tasks.collect import Array, Keep, collected
from variata.tasks.model import Model


@dataclass(frozen=True)
class Clusters:
    """What `cluster` has found.

    Attributes:
        responsibilities: p(c | z) at the posterior mean of every row, (N, C).
        agreement: with the classes of the rows; None where none is known.
    """

    responsibilities: Array
    agreement: Agreement | None

    @property
    def labels(self) -> Array:
        """The number of the most probable component for every row, (N,)."""
        return self.responsibilities.argmax(1)


def cluster(model: Model, data: Any, *, condition: Any = None) -> Clusters:
    """The clusters of rows: the components of the prior at their posterior means.

    Args:
        model: whose prior is a mixture: `vade`, `mixture_prior`, or one fitted by `refit-prior`.
        data: rows, whose labels, where known, serve to measure the agreement alone.
        condition: of the rows, for a model with one.

    Raises:
        NoDensityError: for a model without a mixture.

    >>> from variata import fit
    >>> model = fit("digits", "mixture_prior", modes=4, latent=2, hidden=(8,), epochs=1)
    >>> cluster(model, "digits").responsibilities.shape
    (1797, 4)
    """
    require_encoder(model.recipe, model.module, "cluster")
    examples, level = model.examples(data, condition), model.module.levels[0]

    def work(batch: Batch) -> Array:
        z = model.module.infer(batch, how=draw_mean)[0].z[0]
        p = level.prior(None)  # type: ignore[operator]
        if len(model.module.levels) != 1 or not isinstance(p, MixtureSameFamily):
            raise NoDensityError(
                f"The prior of the recipe {model.recipe} has no components to be clusters: train "
                "vade, or fit a mixture with `variata refit-prior RUN --prior gmm`."
            )
        return responsibilities(p, z).cpu().numpy()

    def make(keep: Keep) -> None:
        read(model.module, examples, work, keep)

    found = collected(len(examples), make, None, model.watch)
    known = labels_in(model, examples)
    if known is None:
        return Clusters(found, None)
    return Clusters(found, cluster_agreement(found.argmax(1), torch.as_tensor(known).cpu()))
