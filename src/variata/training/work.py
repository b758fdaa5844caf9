"""What a step computes before anything moves: losses, their terms and their gradients."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.models import LatentModel
from variata.noise import Place, placed
from variata.objectives import Objective
from variata.schedules import Moment
from variata.training.adamw import Gradients, norm_of
from variata.training.after_step import statistics_of
from variata.training.machine import How
from variata.training.optimiser import gradients_of
from variata.training.precision import short_products
from variata.training.processes import ALONE, Processes

BATCH_FIELDS = tuple(field.name for field in fields(Batch))


@dataclass(frozen=True)
class Result:
    """What a step has computed.

    Attributes:
        gradients: one for each player, the model's first.
        figures: the norms of the gradients (one for each player), then the terms of the objective
            before their weights and the players' own losses, nats per example, (F,).
        statistics: what the model's followers need to know, see `variata.training.after_step`.
    """

    gradients: list[Gradients]
    figures: Tensor
    statistics: list[Tensor]


def _nothing() -> None: ...


class Work:
    """The losses and gradients of one objective, run as they are or compiled into one graph.

    Only batches of `how.batch_size` go through the compiled graph: a last batch of another size
    would cost a compilation of its own.

    Args:
        owned: the parameters of the model, then those of each of the objective's players.
        how: compiled or not, and for which batch size.
        processes: whose gradients are averaged.
    """

    def __init__(
        self,
        model: LatentModel,
        objective: Objective,
        owned: Sequence[Sequence[Tensor]],
        how: How,
        processes: Processes = ALONE,
    ) -> None:
        self.model, self.objective, self.owned = model, objective, owned
        self.how, self.processes, self.players = how, processes, objective.players
        self.names = [*objective.terms, *(f"{name} loss" for name in self.players)]
        self.fast = _compile(self._compute) if how.compiled else None

    def __call__(
        self,
        batch: Batch,
        moment: Moment,
        place: Place | None = None,
        most: int = 0,
        restart: Callable[[], None] = _nothing,
    ) -> Result:
        """Compute on a batch; the model must be in training mode.

        Args:
            place: of these rows in a batch that several processes divide.
            most: rows at once, 0 for no limit. More are taken in pieces whose gradients are
                averaged: that of the whole, as long as no term couples its rows.
            restart: what makes the noise begin anew, since each piece draws that of the batch.
        """
        place, weights = place or Place(0, len(batch), len(batch)), self.objective.weights(moment)
        if self.processes.count == 1 and not 0 < most < len(batch):
            return self._run(batch, weights, moment)
        sums: list[Tensor] = []
        for piece, where in _pieces(batch, place, most):
            restart()
            with placed(where):
                sums = _added(sums, self._run(piece, weights, moment), where.share)
        return self._averaged(*self.processes.summed(sums))

    def _averaged(self, figures: Tensor, *flat: Tensor) -> Result:
        """From the sums of figures (without norms) and gradients to a result."""
        rest = iter(flat)
        gradients = [[next(rest) for _ in own] for own in self.owned]
        norms = torch.stack([norm_of(gradient) for gradient in gradients])
        return Result(list(gradients), torch.cat([norms, figures[len(norms) :]]), list(rest))

    def _run(self, batch: Batch, weights: dict[str, float], moment: Moment) -> Result:
        if self.fast is None or len(batch) != self.how.batch_size:
            return Result(*self._evaluate(batch, list(weights.values()), moment))
        tensors = {name: getattr(batch, name) for name in BATCH_FIELDS}
        tensors["seen"] = None if batch.seen is batch.x else batch.seen
        numbers = [*weights.values(), moment.step, moment.progress]
        return Result(*self.fast(tensors, torch.tensor(numbers, device=batch.x.device)))

    def _compute(self, tensors: dict[str, Any], numbers: Tensor) -> Any:
        seen = tensors["x"] if tensors["seen"] is None else tensors["seen"]
        *scales, step, progress = numbers.unbind()  # tensors, so that one graph serves all moments
        moment = Moment(step, progress)  # type: ignore[arg-type]
        return self._evaluate(Batch(**{**tensors, "seen": seen}), scales, moment)

    def _evaluate(self, batch: Batch, scales: Sequence[Any], moment: Moment) -> Any:
        with short_products(self.how.precision, batch.x.device):
            trace = self.model.observe(batch, self.objective.samples)
            loss = self.objective.evaluate(self.model, trace, moment, scales)
            players = self.players.values()
            own = [player.loss(self.model, trace, moment).mean() for player in players]
        gradients = gradients_of([loss.total, *own], self.owned)
        norms = [norm_of(gradient) for gradient in gradients]
        figures = torch.stack([*norms, *loss.terms.values(), *own]).detach()
        return gradients, figures, statistics_of(self.model, trace)


def _pieces(batch: Batch, place: Place, most: int) -> list[tuple[Batch, Place]]:
    """The batch in parts of at most so many rows, with their places."""
    size = most or len(batch)
    return [
        (part, place.within(i * size, i * size + len(part)))
        for i, part in enumerate(batch.parts(size))
    ]


def _added(sums: list[Tensor], result: Result, share: float) -> list[Tensor]:
    """Sums of figures and gradients, with this result's share."""
    tensors = [result.figures, *chain(*result.gradients), *result.statistics]
    if not sums:
        return [share * tensor for tensor in tensors]
    torch._foreach_add_(sums, tensors, alpha=share)
    return sums


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on whichever device.

    >>> out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."))
    True
    """
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _compile(function: Any) -> Any:
    """One graph for losses and gradients; nothing of torch's settings stays changed."""
    import torch._dynamo

    compiled = torch.compile(function, fullgraph=True, dynamic=False)
    traced = torch._dynamo.config.patch(trace_autograd_ops=True)(compiled)

    def run(*arguments: Any) -> Any:
        with warnings.catch_warnings():  # torch's compiler warns about its own parts
            warnings.simplefilter("ignore")
            return traced(*arguments)

    return run
