"""A trained model and its verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from variata import store
from variata.batch import Batch
from variata.data import context_of
from variata.data.memory import forget
from variata.errors import UsageError
from variata.shapes import draw_mean
from variata.tasks.abilities import require_encoder, require_latents, require_likelihood
from variata.tasks.bounds import Bounds
from variata.tasks.codes import exact
from variata.tasks.collect import Array, Keep
from variata.tasks.moments import means, scales
from variata.tasks.trained import Out, Trained

if TYPE_CHECKING:
    from variata.tasks.classify import Classes
    from variata.tasks.cluster import Clusters
    from variata.tasks.compression.compress import Compressed
    from variata.tasks.goodness import Goodness

SCORE_DRAWS = 32


class Model(Trained):
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

    def encode(
        self, data: Any, *, condition: Any = None, out: Out = None, precision: str = "fp32"
    ) -> Array:
        """Posterior means, (N, latent), those of several levels side by side.

        Where latents are codes: the vectors of the codes (for classes: their probabilities).

        Args:
            condition: of the rows; None takes the data's own.
            precision: of the products of networks: "fp32", or "bf16", which is faster on processors
                and accelerators that have instructions for it, with two to three digits.
            out: a `.npy` file to write to, piece by piece; what is returned is then mapped from it,
                read-only, and may be larger than memory.
        """
        require_encoder(self.recipe, self.module, "encode")
        rows = self.examples(data, condition)

        def work(batch: Batch) -> Array:
            return _array(means(self._inferred(batch)))

        return self._read(data, rows, work, out, precision)

    def posterior(self, data: Any, *, condition: Any = None) -> tuple[Array, Array]:
        """Posterior means and standard deviations, both (N, latent).

        Raises:
            NoDensityError: for an autoencoder, whose posterior is a point, and for flows and
                hyperbolic space, whose standard deviations are not known.
        """
        require_encoder(self.recipe, self.module, "give posteriors")
        require_likelihood(self.recipe, self.module)
        rows = self.examples(data, condition)

        def work(batch: Batch) -> Array:
            stages = self._inferred(batch)
            return _array(torch.stack([means(stages), scales(stages)], 1))

        both = self._read(data, rows, work, None)
        return both[:, 0], both[:, 1]

    def decode(
        self, z: Any, *, condition: Any = None, seed: int | None = None, out: Out = None
    ) -> Array:
        """Latents (N, latent) to the likelihood's mean in own units, or to a draw with a seed.

        Latents are taken as they are, also where they lie between the vectors of codes; on a
        sphere, by their direction.

        Args:
            z: in memory, or a mapped file that may be larger than memory.
            condition: of the rows, for a model with a condition.
            out: a file, as in `encode`.
        """
        latents = self._checked(z)
        conditions, widths = self.context(condition, len(latents)), self.widths

        def work(part: range) -> Array:
            rows = self._latents(latents[part.start : part.stop], part.start)
            given, c = dict(enumerate(rows.split(widths, -1))), self._seen(conditions, part)
            forget(latents)
            return self._shown(self.module.imagine(len(part), c, given), seed)

        return self._made(len(latents), seed or 0, work, out)

    def sample(
        self,
        n: int = 64,
        *,
        condition: Any = None,
        seed: int = 0,
        mean: bool = False,
        out: Out = None,
        precision: str = "fp32",
    ) -> Array:
        """Draw n examples: a latent from the prior, then x from p(x | z), in own units.

        Args:
            n: how many.
            condition: of what, for a model with a condition.
            seed: the same seed gives the same examples, however much memory there is.
            mean: show the likelihood's mean instead of a draw from it, as pictures of VAEs do.
            out: a file, as in `encode`.
            precision: as in `encode`.
        """
        if not isinstance(n, int | np.integer) or n < 1:
            raise UsageError(f"sample needs a whole number of at least 1, got {n!r}.")
        if mean:
            require_latents(self.recipe, self.module, "show means given a latent")
        shown, conditions = None if mean else seed, self.context(condition, int(n))

        def work(part: range) -> Array:
            return self._shown(self.module.imagine(len(part), self._seen(conditions, part)), shown)

        return self._made(int(n), seed, work, out, precision)

    def reconstruct(
        self,
        data: Any,
        *,
        condition: Any = None,
        target: Any = None,
        shift: Any = None,
        out: Out = None,
    ) -> Array:
        """The likelihood's mean at the posterior mean, in own units; `out` as in `encode`.

        Args:
            condition: of the rows; None takes the data's own.
            target: a condition to decode with instead: the same style under another condition, z
                from q(z | x, condition) and x from p(x | z, target).
            shift: what is added to every z first, (latent,); see `edit`.
        """
        require_encoder(self.recipe, self.module, "reconstruct")
        rows = self.examples(data, condition)
        aims = None if target is None else self.context(target, len(rows))
        by = None if shift is None else self._latents(self._checked(np.asarray(shift)[None]), 0)

        def work(batch: Batch) -> Array:
            if aims is None and by is None:
                return self._shown(self.module.observe(batch, how=draw_mean), None)
            z = means(self._inferred(batch))
            given = dict(enumerate((z if by is None else z + by).split(self.widths, -1)))
            c = batch.c if aims is None else aims.gather(batch.index.cpu()).to(batch.x)  # type: ignore[union-attr]
            return self._shown(self.module.imagine(len(batch), c, given), None)

        return self._read(data, rows, work, out)

    def denoise(self, data: Any, *, condition: Any = None, out: Out = None) -> Array:
        """Noisy rows made clean, in own units (`variata.tasks.denoise`).

        For a model trained with `corrupt=`, whose encoder has learnt to see through noise. Values
        may lie between the levels of the data and beyond their range.

        Args:
            condition: of the rows; None takes the data's own.
            out: a file, as in `encode`.
        """
        from variata.tasks.denoise import cleaned, known_sigma, noisy_rows

        rows, sigma = noisy_rows(self, data, condition), known_sigma(self)

        def work(batch: Batch) -> Array:
            p = self.module.observe(batch, how=draw_mean).likelihood
            return self.schema.decode(cleaned(p, batch.seen, sigma).cpu())

        return self._read(data, rows, work, out)

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

    def score(
        self,
        data: Any,
        *,
        condition: Any = None,
        k: int = SCORE_DRAWS,
        seed: int = 0,
        out: Out = None,
        precision: str = "fp32",
    ) -> Array:
        """A lower bound of log p(x) of every row, (N,), nats, in the data's own units.

        The importance-weighted bound of k draws, of which any number fits in memory. All rows share
        the same noise, so that the score of a row does not depend on the others. With a condition,
        it is a bound of log p(x | c). Where the prior or the model is a diffusion, whose density is
        an estimate, scores are estimates too, and no bounds. Of a density over x the draws are of
        noise within the cells of values; where it has none, or is an estimate, there is one.

        Args:
            condition: of the rows; None takes the data's own.
            out: a file, as in `encode`.
            precision: of the products of networks. "bf16" is faster where there are instructions
                for it, and adds an error that the Bernoulli likelihood hardly shows, but a
                Gaussian or logistic one of small scale may.

        Raises:
            NoDensityError: for an autoencoder or a GAN, which have no likelihood.
        """
        if k < 1:
            raise UsageError(f"score needs k of at least 1, got {k}.")
        require_likelihood(self.recipe, self.module)
        target, examples = self._target(out, data), self.examples(data, condition)
        k = 1 if exact(self.module) else k
        bounds = Bounds(self.module, examples, k, seed, own=False, precision=precision)
        shift = self.schema.log_jacobian()

        def make(keep: Keep) -> None:
            bounds.each(lambda found: keep(found.numpy() + shift))

        return self._collected(len(examples), make, target)

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


def _array(values: Tensor) -> Array:
    return values.cpu().numpy()
