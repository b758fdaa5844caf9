"""A trained model and its verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from variata import store
from variata.data import context_of
from variata.errors import UsageError
from variata.tasks.coding import SCORE_DRAWS, Coding
from variata.tasks.collect import Array
from variata.tasks.trained import Out

if TYPE_CHECKING:
    from variata.tasks.classify import Classes
    from variata.tasks.cluster import Clusters
    from variata.tasks.compression.compress import Compressed
    from variata.tasks.goodness import Goodness


class Model(Coding):
    """A trained model: a module, what its data is, and everything one does with the two.

    Values go in and come out in the person's own units and shape. Results are deterministic: what
    is random takes a seed and leaves the caller's random state alone.

    Verbs over many rows take as many at a time as is fast and fits in memory.

    Attributes:
        saved: the model as it is kept on disk.
        watch: what such a verb tells after every piece, the share that is done; None for nobody.
        assumed: the condition where none is given; see `given`.

    A model that was trained with a condition takes it from the data's labels or columns, or as
    `condition=`: one value for all rows, one for each, or values by name.

    >>> from variata import fit
    >>> model = fit("digits", latent=2, hidden=(16,), epochs=1)
    >>> model.sample(3).shape, model.encode("digits").shape
    ((3, 8, 8), (1797, 2))
    """

    def given(self, condition: Any) -> Model:
        """The same model under one condition, as if it were one without.

        >>> import numpy as np
        >>> from variata import fit
        >>> x = np.random.default_rng(0).normal(size=(100, 3))
        >>> kinds = ["cat", "dog"] * 50
        >>> model = fit(x, condition=kinds, latent=2, hidden=(8,), epochs=1)
        >>> model.sample(4, condition="dog").shape, model.given("cat").encode(x).shape
        ((4, 3), (100, 2))
        """
        one = Model(self.saved)
        one.watch, one.assumed = self.watch, context_of(self._condition(), condition, 1)
        return one

    def edit(
        self,
        data: Any,
        add: Mapping[str, float],
        *,
        groups: Any = None,
        condition: Any = None,
        out: Out = None,
    ) -> Array:
        """Reconstructions with more or less of attributes (`variata.tasks.edit`), in own units.

        Args:
            add: amount by the name of a class, such as {"smile": 1, "hat": -1}.
            groups: labelled rows that tell what the classes look like; None takes those of `data`.
            condition: of the rows; None takes the data's own.
            out: a file, as in `encode`.
        """
        from variata.tasks.edit import attribute_shift

        shift = attribute_shift(self, data if groups is None else groups, add)
        return self.reconstruct(data, condition=condition, shift=shift, out=out)

    def interpolate(
        self,
        start: Any,
        end: Any,
        steps: int = 10,
        *,
        through: Sequence[Any] = (),
        path: str = "linear",
        loop: bool = False,
        condition: Any = None,
    ) -> Array:
        """Decoder means on the way between two examples' latents, (steps, ...) for these alone.

        Args:
            steps: of the way from each example to the next, both included; neighbours share one.
            through: further examples between the two, in order.
            path: "linear", which is the shortest way where latents lie in a curved space;
                "spherical", on circles around the origin, where a Gaussian prior has its mass;
                "geodesic", along which what is decoded changes least.
            loop: whether it goes back to the start, and ends one step before.
            condition: one for all, for a model with a condition.

        Raises:
            UsageError: a path that means nothing for the model's latents.
        """
        from variata.tasks.interpolate import latent_path

        model = self if condition is None else self.given(condition)
        stops = model.encode(np.stack([np.asarray(x) for x in (start, *through, end)]))
        return model.decode(latent_path(model, stops, steps, path, loop))

    def traverse(self, origin: Any, dimension: int, values: Any, *, condition: Any = None) -> Array:
        """Decoder means where one latent dimension of `origin` (latent,) takes the values."""
        if not 0 <= dimension < self.latent:
            raise UsageError(f"There are {self.latent} latent dimensions, no number {dimension}.")
        latents = np.repeat(np.asarray(origin, dtype=np.float32)[None], len(values), axis=0)
        latents[:, dimension] = values
        return self.decode(latents, condition=condition)

    def typicality(
        self, data: Any, *, reference: Any = None, k: int = SCORE_DRAWS, seed: int = 0
    ) -> Array:
        """How usual the score of every row is, (N,): two-sided p-values (`metrics.typicality`).

        Args:
            reference: rows that the model has not learnt from; None takes those of the run that
                training chose by.
            k, seed: as in `score`.
        """
        from variata.metrics import typicality
        from variata.tasks.goodness import usual_scores

        return typicality(
            self.score(data, k=k, seed=seed), usual_scores(self, reference, k, seed)
        ).numpy()

    def goodness_of_fit(self, data: Any = None, against: str = "data", **more: Any) -> Goodness:
        """Test whether rows are like the data, or the model (`variata.tasks.goodness`)."""
        from variata.tasks.goodness import goodness_of_fit

        return goodness_of_fit(self, data, against, **more)

    def classify(self, data: Any, *, condition: Any = None) -> Classes:
        """The classes of rows, for models that know some (`variata.tasks.classify`)."""
        from variata.tasks.classify import classify

        return classify(self, data, condition=condition)

    def cluster(self, data: Any, *, condition: Any = None) -> Clusters:
        """The clusters of rows, for models whose prior is a mixture (`variata.tasks.cluster`)."""
        from variata.tasks.cluster import cluster

        return cluster(self, data, condition=condition)

    def compress(
        self, data: Any, out: str | Path, *, chunk: int | None = None, compare: bool = False
    ) -> Compressed:
        """Write rows to a `.vrt` file without loss (`variata.tasks.compression.compress`).

        Args:
            out: the file.
            chunk: rows that are read together; 4,096 unless said.
            compare: whether to compute the model's ELBO as well.
        """
        from variata.tasks.compression.compress import compress

        return compress(self, data, out, chunk, compare)

    def decompress(
        self,
        path: str | Path,
        *,
        rows: tuple[int, int] | None = None,
        recover: bool = False,
        out: Out = None,
    ) -> Array:
        """The rows of a `.vrt` file, (N, *own) (`variata.tasks.compression.decompress`).

        Args:
            rows: the first of them and the last + 1; None for all.
            recover: leave out what is damaged instead of an error.
            out: a file, as in `encode`.
        """
        from variata.tasks.compression.decompress import decompress

        return decompress(self, path, rows, recover, out).values

    def export(self, out: str | Path, what: Sequence[str] | None = None) -> list[Path]:
        """Write ONNX graphs of encode, decode and reconstruct (`variata.tasks.export`).

        Args:
            out: a folder, or a `.onnx` file for one of them.
            what: which of them; None for all.
        """
        from variata.tasks.export import export

        return export(self, out, what)

    def save(self, folder: str | Path) -> None:
        """Save into a folder (see `variata.store`).

        Raises:
            StoreError: when it cannot be written, or another model or other files are there.
        """
        path = Path(folder)
        store.refuse_in_use(path)
        store.save(self.saved, path)

    def to(self, device: str | torch.device) -> Model:
        """Move the module to a device; returns self."""
        self.module.to(device)
        return self

    def __repr__(self) -> str:
        return f"Model({self.recipe}, latent={self.latent}, {self.schema.describe()})"


def load(folder: str | Path, device: str | torch.device = "cpu") -> Model:
    """Load a trained model; nothing in the folder is executed.

    Raises:
        StoreError: when there is none, or a file is missing, changed or damaged.
    """
    return Model(store.load(Path(folder), device))
