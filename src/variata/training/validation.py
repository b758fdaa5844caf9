"""What a model is worth on data it does not learn from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from variata.batch import Batch
from variata.errors import NoDensityError
from variata.models import LatentModel, decodes, likelihood_of
from variata.noise import Place, placed
from variata.objectives import Objective
from variata.schedules import Moment
from variata.training.memory import out_of_memory
from variata.training.processes import ALONE, Processes
from variata.training.randomness import draw_again, drawn_so_far, forked

ROWS = 1_000  # enough to choose between checkpoints, since all see the same rows and noise
END = Moment(step=2**31, progress=1.0)


class Examples(Protocol):
    """What `fit` asks of data."""

    def __len__(self) -> int: ...

    def gather(self, index: Tensor) -> Batch:
        """The rows at these positions, in model space."""
        ...


@dataclass(frozen=True)
class Validation:
    """Averages over validation rows, in nats per example.

    Attributes:
        criterion: what is minimised: the last objective at the end of its schedules, without the
            terms that players move, whose values at different times cannot be compared.
        distortion: -log p(x | z); None where there is none.
        rate: KL(q || p); None where there is none. Both are None where they would be estimates that
            take long.
    """

    criterion: float
    distortion: float | None
    rate: float | None

    @property
    def elbo(self) -> float | None:
        """-(rate + distortion), or None where one of them is missing."""
        if self.rate is None or self.distortion is None:
            return None
        return -(self.rate + self.distortion)

    def as_dict(self) -> dict[str, float]:
        """The figures that exist, by name."""
        values = {"distortion": self.distortion, "rate": self.rate, "elbo": self.elbo}
        return {name: value for name, value in values.items() if value is not None}


def some_rows(rows: int, seed: int, limit: int = ROWS) -> Tensor:
    """At most `limit` rows, chosen once by the seed (data may be sorted)."""
    chosen = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))[:limit]
    return chosen.sort().values


def validate(
    model: LatentModel,
    objective: Objective,
    examples: Examples,
    device: torch.device,
    seed: int,
    batch_size: int = 500,
    processes: Processes = ALONE,
    look: Callable[[], None] = lambda: None,
    most: int | None = None,
) -> Validation:
    """Average an objective, the distortion and the rate over (at most 1,000) rows.

    The same rows and the same noise are used every time, so that differences are the model's.
    Several processes divide the rows, and all have the figures of all rows. Where memory runs out,
    or where they are more than `most`, rows are taken in halves, with the same noise. `look` is
    called before every batch.
    """
    rows, dtype = some_rows(len(examples), seed), next(model.parameters()).dtype
    model.eval()
    sums = torch.zeros(3, dtype=torch.float64)
    with torch.inference_mode(), forked(device, seed, len(rows)):
        for index in rows.split(batch_size):
            look()

            def summed(place: Place, index: Tensor = index) -> Tensor:
                batch = on(examples.gather(index[place.start : place.stop]), device, dtype)
                return len(batch) * _figures(model, objective, batch)

            sums += _in_halves(summed, processes.place(len(index)), device, most or batch_size)
    sums = processes.summed(sums.to(device)) if processes.count > 1 else sums
    criterion, *rest = (sums / len(rows)).tolist()
    distortion, rate = (None if figure != figure else figure for figure in rest)
    return Validation(criterion, distortion, rate)


def _in_halves(
    summed: Callable[[Place], Tensor], place: Place, device: torch.device, most: int
) -> Tensor:
    """A sum over the rows of a place; over each half where they are many, or memory runs out."""
    rows, before = place.stop - place.start, drawn_so_far(device)
    if rows <= most:
        try:
            with placed(place):
                return summed(place)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or rows < 2:
                raise
    halves = []
    for part in (place.within(0, rows // 2), place.within(rows // 2, rows)):
        draw_again(device, before)  # each piece draws the noise of all rows
        halves.append(_in_halves(summed, part, device, most))
    return halves[0] + halves[1]


def _figures(model: LatentModel, objective: Objective, batch: Batch) -> Tensor:
    """Criterion, distortion and rate of a batch (3,), zeros for an empty one."""
    if not len(batch):
        return torch.zeros(3, dtype=torch.float64)
    trace = model.observe(batch, objective.samples)
    criterion = objective(model, trace, END).without(objective.unsteady)
    slow, latents = likelihood_of(model) == "estimated", decodes(model)
    distortion = math.nan if slow and not latents else _mean_of(trace.distortion)
    rate = math.nan if slow or not latents else _mean_of(trace.rate)
    return torch.tensor((criterion, distortion, rate), dtype=torch.float64)


def _mean_of(figure: Callable[[], Tensor]) -> float:
    """The mean of what a trace tells, NaN where there is none."""
    try:
        return float(figure().mean())
    except NoDensityError:
        return math.nan


def on(batch: Batch, device: torch.device, dtype: torch.dtype | None = None) -> Batch:
    """The batch on a device, its data in `dtype` where one is given."""
    if device.type == "cpu" and dtype in (None, batch.x.dtype):
        return batch
    moved: dict[str, Any] = {
        name: None if value is None else value.to(device, non_blocking=True)
        for name, value in vars(batch).items()
    }
    for name in ("x", "seen", "c"):
        value = moved[name]
        moved[name] = None if value is None else value.to(dtype or batch.x.dtype)
    return Batch(**moved)
