"""A trained model and its verbs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from variata import store
from variata.conditionals import DiracPosterior
from variata.data import Examples, Schema
from variata.errors import DataError, NoDensityError, ShapeError, UsageError
from variata.metrics import importance_bound
from variata.models import LatentModel, Trace
from variata.shapes import Draw, draw_common, draw_mean
from variata.store import Saved
from variata.tasks.bulk import chunks, outputs, quiet
from variata.tasks.source import examples_of, options_of
from variata.training import on

Array = NDArray[Any]
T = TypeVar("T")
SCORE_DRAWS = 32


class Model:
    """A trained model: a module, what its data is, and everything one does with the two.

    Values go in and come out in the person's own units and shape. Results are deterministic: what
    is random takes a seed and leaves the caller's random state alone.

    Attributes:
        saved: the model as it is kept on disk.

    >>> from variata import fit
    >>> model = fit("digits", latent=2, hidden=(16,), epochs=1)
    >>> model.sample(3).shape, model.encode("digits").shape
    ((3, 8, 8), (1797, 2))
    """

    def __init__(self, saved: Saved) -> None:
        self.saved = saved

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
        """Number of latent dimensions."""
        return int(self.saved.arguments["latent"])

    @property
    def history(self) -> list[dict[str, Any]]:
        """One record for each validation while training."""
        return self.saved.reports

    def encode(self, data: Any) -> Array:
        """Posterior means, (N, latent)."""
        return _joined(self._each(data, lambda trace: _latents(trace).cpu(), draw_mean))

    def posterior(self, data: Any) -> tuple[Array, Array]:
        """Posterior means and standard deviations, both (N, latent).

        Raises:
            NoDensityError: for an autoencoder, whose posterior is a point.
        """
        self._refuse_points()
        both = self._each(data, lambda t: (_latents(t).cpu(), _scales(t).cpu()), draw_mean)
        return _joined([means for means, _ in both]), _joined([scales for _, scales in both])

    def decode(self, z: Any, *, seed: int | None = None) -> Array:
        """Latents (N, latent) to the likelihood's mean in own units, or to a draw with a seed."""
        latents = self._checked(z)
        parts = []
        with quiet(self.module, seed or 0) as device:
            for index in chunks(len(latents), outputs(self.module)):
                given = self._given(latents[index].to(device))
                parts.append(self._shown(self.module.imagine(len(index), given=given), seed))
        return np.concatenate(parts)

    def sample(self, n: int = 64, *, seed: int = 0, mean: bool = False) -> Array:
        """Draw n examples: a latent from the prior, then x from p(x | z), in own units.

        Args:
            n: how many.
            seed: the same seed gives the same examples.
            mean: show the likelihood's mean instead of a draw from it, as pictures of VAEs do.
        """
        if not isinstance(n, int | np.integer) or n < 1:
            raise UsageError(f"sample needs a whole number of at least 1, got {n!r}.")
        parts = []
        with quiet(self.module, seed):
            for index in chunks(n, outputs(self.module)):
                trace = self.module.imagine(len(index))
                parts.append(self._shown(trace, None if mean else seed))
        return np.concatenate(parts)

    def reconstruct(self, data: Any) -> Array:
        """The likelihood's mean at the posterior mean, in own units."""
        return np.concatenate(self._each(data, lambda trace: self._shown(trace, None), draw_mean))

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

    def score(self, data: Any, *, k: int = SCORE_DRAWS, seed: int = 0) -> Array:
        """A lower bound of log p(x) of every row, (N,), nats, in the data's own units.

        The importance-weighted bound of k draws. All rows share the same noise, so that the score
        of a row does not depend on the others.

        Raises:
            NoDensityError: for an autoencoder, which has no likelihood.
        """
        if k < 1:
            raise UsageError(f"score needs k of at least 1, got {k}.")
        self._refuse_points()
        bounds = self._each(
            data, lambda t: importance_bound(t.log_weight()).cpu(), draw_common, k, seed
        )
        return _joined(bounds).astype(np.float64) + self.schema.log_jacobian()

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

    def _each(
        self, data: Any, read: Callable[[Trace], T], how: Draw, k: int = 1, seed: int = 0
    ) -> list[T]:
        """What `read` takes from the traces of all rows, a bounded number of rows at a time."""
        examples, found = self.examples(data), []
        for index in chunks(len(examples), outputs(self.module), k):
            with quiet(self.module, seed) as device:  # anew, so that all chunks share their noise
                batch = on(examples.gather(index), device, self._dtype)
                found.append(read(self.module.observe(batch, k, how=how)))
        return found

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

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.module.parameters()).dtype

    def _given(self, latents: Tensor) -> dict[int, Tensor]:
        return {0: latents}

    def _checked(self, z: Any) -> Tensor:
        latents = torch.as_tensor(np.asarray(z), dtype=self._dtype)
        if latents.dim() != 2 or latents.shape[1] != self.latent:
            raise ShapeError(
                f"decode needs latents of shape (N, {self.latent}), got {tuple(latents.shape)}."
            )
        if not latents.isfinite().all():
            row = int((~latents.isfinite()).any(1).nonzero()[0])
            raise DataError(f"decode needs finite latents; row {row} holds NaN or infinity.")
        return latents

    def __repr__(self) -> str:
        return f"Model({self.recipe}, latent={self.latent}, {self.schema.describe()})"


def load(folder: str | Path, device: str | torch.device = "cpu") -> Model:
    """Load a trained model; nothing in the folder is executed.

    Raises:
        StoreError: when there is none, or a file is missing, changed or damaged.
    """
    return Model(store.load(Path(folder), device))


def _latents(trace: Trace) -> Tensor:
    return torch.cat([stage.z[0].flatten(1) for stage in trace.stages], -1)


def _scales(trace: Trace) -> Tensor:
    posteriors: list[Any] = [stage.q for stage in trace.stages]
    return torch.cat([q.variance.sqrt().flatten(1) for q in posteriors], -1)


def _joined(parts: list[Tensor]) -> Array:
    return torch.cat(parts).numpy()
