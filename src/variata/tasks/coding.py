"""The verbs that take rows or latents through a trained model, a part at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from variata.batch import Batch
from variata.data.memory import forget
from variata.errors import UsageError
from variata.shapes import draw_mean
from variata.tasks.abilities import require_encoder, require_latents, require_likelihood
from variata.tasks.bounds import Bounds
from variata.tasks.class_names import latent_of_class
from variata.tasks.codes import exact
from variata.tasks.collect import Array, Keep
from variata.tasks.moments import means, scales
from variata.tasks.trained import Out, Trained

SCORE_DRAWS = 32


class Coding(Trained):
    """A trained model that encodes, decodes, draws, cleans and scores; see `Model`."""

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
        label: str | int | None = None,
        seed: int = 0,
        mean: bool = False,
        out: Out = None,
        precision: str = "fp32",
    ) -> Array:
        """Draw n examples: a latent from the prior, then x from p(x | z), in own units.

        Args:
            n: how many.
            condition: of what, for a model with a condition.
            label: the class of all of them, for a model whose first latent is one, such as `m2`.
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
        told = None if label is None else latent_of_class(self, label)

        def work(part: range) -> Array:
            given = {} if told is None else {0: told.expand(len(part), -1)}
            c = self._seen(conditions, part)
            return self._shown(self.module.imagine(len(part), c, given), shown)

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


def _array(values: Tensor) -> Array:
    return values.cpu().numpy()
