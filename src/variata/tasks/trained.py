"""What a trained model is, and how many rows go through it: what its verbs are made of."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from variata.batch import Batch
from variata.data import Condition, Context, Examples, Schema, context_of
from variata.errors import DataError, ShapeError, UsageError
from variata.models import LatentModel, Stage, Trace
from variata.shapes import draw_mean
from variata.store import Saved
from variata.tasks.abilities import require_latents
from variata.tasks.bulk import in_blocks, quiet, read
from variata.tasks.collect import Array, Make, Watch, collected
from variata.tasks.output import array_file
from variata.tasks.rows import examples_of
from variata.tasks.source import options_of

Out = str | Path | None


class Trained:
    """A trained module with its schema and its condition; see `variata.tasks.model.Model`."""

    def __init__(self, saved: Saved) -> None:
        self.saved = saved
        self.watch: Watch | None = None
        self.assumed: Context | None = None

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
        """Number of latent dimensions, over all levels."""
        return sum(self.widths)

    @cached_property
    def widths(self) -> list[int]:
        """Latent dimensions of every level."""
        if len(self.module.levels) == 1:
            return [int(self.saved.arguments["latent"])]
        width = 0 if self.condition is None else self.condition.width
        some = next(self.module.parameters())
        c = some.new_zeros(1, width) if width else None
        with quiet(self.module, 0):
            return [stage.z[0].numel() for stage in self.module.imagine(1, c).stages]

    @property
    def condition(self) -> Condition | None:
        """What the model is conditioned on; None for nothing."""
        return self.saved.condition

    @property
    def history(self) -> list[dict[str, Any]]:
        """One record for each validation while training."""
        return self.saved.reports

    def examples(self, data: Any, condition: Any = None) -> Examples:
        """Rows as the module sees them.

        Raises:
            DataError: when they cannot be used, or have no condition where the model wants one.
        """
        options = options_of(self.saved.about.get("data", {}))
        given = self.assumed if condition is None else condition
        return examples_of(data, self.schema, options, self.condition, given)

    def context(self, condition: Any, rows: int) -> Context | None:
        """The condition of so many rows; None for a model without.

        Raises:
            DataError: none is given, or one that the model does not know.
            UsageError: one is given to a model without.
        """
        given = self.assumed if condition is None else condition
        if given is None and self.condition is not None:
            names = self.condition.describe()
            raise DataError(
                f"The model is conditioned on {names}: say for which (--condition on the command "
                "line, condition= in Python)."
            )
        return None if given is None else context_of(self._condition(), given, rows)

    def reads(self, *given: Any) -> list[str | Path]:
        """Files that no verb may write over: those given, and the model's own data."""
        source = self.saved.about.get("data", {}).get("source")
        return [path for path in (*given, source) if isinstance(path, str | Path)]

    def _condition(self) -> Condition:
        if self.condition is None:
            raise UsageError("This model was trained without a condition, so it takes none.")
        return self.condition

    def _seen(self, context: Context | None, part: range) -> Tensor | None:
        """What the module sees of the condition of some rows."""
        if context is None:
            return None
        rows = torch.arange(part.start, part.stop)
        return context.gather(rows).to(next(self.module.parameters()))

    def _read(
        self,
        data: Any,
        examples: Examples,
        work: Callable[[Batch], Array],
        out: Out,
        precision: str = "fp32",
    ) -> Array:
        """What `work` makes of all rows, some at a time."""
        target = self._target(out, data)
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

    def _checked(self, z: Any) -> Array:
        require_latents(self.recipe, self.module, "decode")
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
