"""A trained model and its verbs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from variata import store
from variata.batch import Batch
from variata.conditionals import DiracPosterior
from variata.data import Examples, Schema
from variata.data.memory import forget
from variata.errors import DataError, NoDensityError, ShapeError, UsageError
from variata.models import LatentModel, Stage, Trace
from variata.shapes import draw_mean
from variata.store import Saved
from variata.tasks.bounds import Bounds
from variata.tasks.bulk import in_blocks, quiet, read
from variata.tasks.codes import exact
from variata.tasks.collect import Array, Keep, Make, Watch, collected
from variata.tasks.output import array_file
from variata.tasks.source import examples_of, options_of

Out = str | Path | None
SCORE_DRAWS = 32


class Model:
    """A trained model: a module, what its data is, and everything one does with the two.

    Values go in and come out in the person's own units and shape. Results are deterministic: what
    is random takes a seed and leaves the caller's random state alone.

    Verbs over many rows take as many at a time as is fast and fits in memory.

    Attributes:
        saved: the model as it is kept on disk.
        watch: what such a verb tells after every piece, the share that is done; None for nobody.

    >>> from variata import fit
    >>> model = fit("digits", latent=2, hidden=(16,), epochs=1)
    >>> model.sample(3).shape, model.encode("digits").shape
    ((3, 8, 8), (1797, 2))
    """

    def __init__(self, saved: Saved) -> None:
        self.saved = saved
        self.watch: Watch | None = None

    @property
    def module(self) -> LatentModel:
        """The trained `torch.nn.Module`."""
        return self.saved.module

    @property
    def schema(self) -> Schema:
        """What the data is and how it becomes what the module sees."""
        return self.saved.schema

    @property
    def recipe(self) -> str:
        """Name of the recipe."""
        return self.saved.recipe

    @property
    def latent(self) -> int:
        """Number of latent dimensions, of all levels together."""
        return sum(self.widths)

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Number of latent dimensions of every level, from the top."""
        x = next(self.module.parameters()).new_zeros(1, *self.schema.shape)
        with quiet(self.module, 0):
            stages = self.module.infer(Batch(x, x), how=draw_mean)
        return tuple(stage.z.flatten(2).shape[-1] for stage in stages)

    @property
    def history(self) -> list[dict[str, Any]]:
        """One record for each validation while training."""
        return self.saved.reports

    def encode(self, data: Any, *, out: Out = None, precision: str = "fp32") -> Array:
        """Posterior means, (N, latent), those of several levels side by side.

        Where latents are codes: the vectors of the codes (for classes: their probabilities).

        Args:
            precision: of the products of networks: "fp32", or "bf16", which is faster on processors
                and accelerators that have instructions for it, with two to three digits.
            out: a `.npy` file to write to, piece by piece; what is returned is then mapped from it,
                read-only, and may be larger than memory.
        """
        return self._read(data, lambda batch: _means(self._inferred(batch)), out, precision)

    def posterior(self, data: Any) -> tuple[Array, Array]:
        """Posterior means and standard deviations, both (N, latent).

        Raises:
            NoDensityError: for an autoencoder, whose posterior is a point.
        """
        self._refuse_points()
        both = self._read(data, lambda batch: _means_and_scales(self._inferred(batch)), None)
        return both[:, 0], both[:, 1]

    def decode(self, z: Any, *, seed: int | None = None, out: Out = None) -> Array:
        """Latents (N, latent) to the likelihood's mean in own units, or to a draw with a seed.

        Latents are taken as they are, also where they lie between the vectors of codes.

        Args:
            z: in memory, or a mapped file that may be larger than memory.
            out: a file, as in `encode`.
        """
        latents = self._checked(z)

        def work(part: range) -> Array:
            rows = self._latents(latents[part.start : part.stop], part.start)
            given = dict(enumerate(rows.split(self.widths, -1)))
            forget(latents)
            return self._shown(self.module.imagine(len(part), given=given), seed)

        return self._made(len(latents), seed or 0, work, out)

    def sample(
        self,
        n: int = 64,
        *,
        seed: int = 0,
        mean: bool = False,
        out: Out = None,
        precision: str = "fp32",
    ) -> Array:
        """Draw n examples: a latent from the prior, then x from p(x | z), in own units.

        Args:
            n: how many.
            seed: the same seed gives the same examples, however much memory there is.
            mean: show the likelihood's mean instead of a draw from it, as pictures of VAEs do.
            out: a file, as in `encode`.
            precision: as in `encode`.
        """
        if not isinstance(n, int | np.integer) or n < 1:
            raise UsageError(f"sample needs a whole number of at least 1, got {n!r}.")
        shown = None if mean else seed

        def work(part: range) -> Array:
            return self._shown(self.module.imagine(len(part)), shown)

        return self._made(int(n), seed, work, out, precision)

    def reconstruct(self, data: Any, *, out: Out = None) -> Array:
        """The likelihood's mean at the posterior mean, in own units; `out` as in `encode`."""
        return self._read(
            data, lambda batch: self._shown(self.module.observe(batch, how=draw_mean), None), out
        )

    def interpolate(self, start: Any, end: Any, steps: int = 10) -> Array:
        """Decoder means on the straight line between two examples' latents, (steps, ...)."""
        pair = self.encode(np.stack([np.asarray(start), np.asarray(end)]))
        weights = np.linspace(0, 1, steps, dtype=pair.dtype)[:, None]
        return self.decode((1 - weights) * pair[0] + weights * pair[1])

    def traverse(self, origin: Any, dimension: int, values: Any) -> Array:
        """Decoder means where one latent dimension of `origin` (latent,) takes the values."""
        if not 0 <= dimension < self.latent:
            raise UsageError(f"There are {self.latent} latent dimensions, no number {dimension}.")
        latents = np.repeat(np.asarray(origin, dtype=np.float32)[None], len(values), axis=0)
        latents[:, dimension] = values
        return self.decode(latents)

    def score(
        self,
        data: Any,
        *,
        k: int = SCORE_DRAWS,
        seed: int = 0,
        out: Out = None,
        precision: str = "fp32",
    ) -> Array:
        """A lower bound of log p(x) of every row, (N,), nats, in the data's own units.

        The importance-weighted bound of k draws, of which any number fits in memory. All rows share
        the same noise, so that the score of a row does not depend on the others.

        Args:
            out: a file, as in `encode`.
            precision: of the products of networks. "bf16" is faster where there are instructions
                for it, and adds an error that the Bernoulli likelihood hardly shows, but a
                Gaussian or logistic one of small scale may.

        Raises:
            NoDensityError: for an autoencoder, which has no likelihood.
        """
        if k < 1:
            raise UsageError(f"score needs k of at least 1, got {k}.")
        self._refuse_points()
        target, examples = self._target(out, data), self.examples(data)
        k = 1 if exact(self.module) else k
        bounds = Bounds(self.module, examples, k, seed, own=False, precision=precision)
        shift = self.schema.log_jacobian()

        def make(keep: Keep) -> None:
            bounds.each(lambda found: keep(found.numpy() + shift))

        return self._collected(len(examples), make, target)

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

    def examples(self, data: Any) -> Examples:
        """Rows as the module sees them."""
        return examples_of(data, self.schema, options_of(self.saved.about.get("data", {})))

    def reads(self, *given: Any) -> list[str | Path]:
        """Files that no verb may write over: those given, and the model's own data."""
        source = self.saved.about.get("data", {}).get("source")
        return [path for path in (*given, source) if isinstance(path, str | Path)]

    def _read(
        self, data: Any, work: Callable[[Batch], Array], out: Out, precision: str = "fp32"
    ) -> Array:
        """What `work` makes of all rows, some at a time."""
        target, examples = self._target(out, data), self.examples(data)
        make = partial(read, self.module, examples, work, precision=precision)
        return self._collected(len(examples), make, target)

    def _made(
        self,
        rows: int,
        seed: int,
        work: Callable[[range], Array],
        out: Out,
        precision: str = "fp32",
    ) -> Array:
        """What `work` makes of blocks of rows that have a seed each."""
        make = partial(in_blocks, self.module, rows, seed, work, precision=precision)
        return self._collected(rows, make, self._target(out))

    def _collected(self, rows: int, make: Make, out: Path | None) -> Array:
        return collected(rows, make, out, self.watch)

    def _target(self, out: Out, *given: Any) -> Path | None:
        return None if out is None else array_file(out, self.reads(*given))

    def _inferred(self, batch: Batch) -> tuple[Stage, ...]:
        return self.module.infer(batch, how=draw_mean)

    def _shown(self, trace: Trace, seed: int | None) -> Array:
        likelihood: Any = trace.likelihood
        x: Tensor = likelihood.point() if seed is None else likelihood.sample()
        return self.schema.decode(x[0].cpu(), round=seed is not None)

    def _refuse_points(self) -> None:
        if any(isinstance(level.posterior, DiracPosterior) for level in self.module.levels):
            raise NoDensityError(
                f"The posterior of the recipe {self.recipe} is a point, without density: there "
                "is no likelihood to give. Train the recipe vae for one."
            )

    def _checked(self, z: Any) -> Array:
        latents = np.asarray(z.detach().cpu() if isinstance(z, Tensor) else z)
        if latents.ndim != 2 or latents.shape[1] != self.latent:
            raise ShapeError(
                f"decode needs latents of shape (N, {self.latent}), got {latents.shape}."
            )
        return latents

    def _latents(self, rows: Array, start: int) -> Tensor:
        some = next(self.module.parameters())
        latents = torch.as_tensor(np.array(rows), dtype=some.dtype)
        if not latents.isfinite().all():
            row = start + int((~latents.isfinite()).any(1).nonzero()[0])
            raise DataError(f"decode needs finite latents; row {row} holds NaN or infinity.")
        return latents.to(some.device)

    def __repr__(self) -> str:
        return f"Model({self.recipe}, latent={self.latent}, {self.schema.describe()})"


def load(folder: str | Path, device: str | torch.device = "cpu") -> Model:
    """Load a trained model; nothing in the folder is executed.

    Raises:
        StoreError: when there is none, or a file is missing, changed or damaged.
    """
    return Model(store.load(Path(folder), device))


def _means(stages: tuple[Stage, ...]) -> Array:
    return torch.cat([stage.z[0].flatten(1) for stage in stages], -1).cpu().numpy()


def _means_and_scales(stages: tuple[Stage, ...]) -> Array:
    posteriors: list[Any] = [stage.q for stage in stages]
    scales = torch.cat([q.variance.sqrt().flatten(1) for q in posteriors], -1)
    return np.stack([_means(stages), scales.cpu().numpy()], 1)
