"""What a step computes before anything moves: losses, their terms and their gradients."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.models import LatentModel
from variata.objectives import Objective
from variata.schedules import Moment
from variata.training.machine import How
from variata.training.optimiser import Gradients, gradients_of, norm_of

BATCH_FIELDS = tuple(field.name for field in fields(Batch))


@dataclass(frozen=True)
class Result:
    """What a step has computed.

    Attributes:
        terms: of the objective before their weights, scalars, nats per example.
        weights: of the terms.
        gradient: of the parameters.
        norm: of the gradient; not finite where the loss is not.
    """

    terms: dict[str, Tensor]
    weights: dict[str, float]
    gradient: Gradients
    norm: Tensor


class Work:
    """The loss and gradient of one objective, run as it is or compiled into one graph.

    Only batches of `batch_size` go through the compiled graph: a last batch of another size would
    cost a compilation of its own.

    Args:
        parameters: whose gradient is taken.
        how: compiled or not, and for which batch size.
    """

    def __init__(
        self,
        model: LatentModel,
        objective: Objective,
        parameters: Sequence[Tensor],
        how: How,
    ) -> None:
        self.model, self.objective, self.parameters = model, objective, parameters
        self.batch_size = how.batch_size
        self.fast = _compile(self._compute) if how.compiled else None

    def __call__(self, batch: Batch, moment: Moment, most: int = 0) -> Result:
        """Compute on a batch; the model must be in training mode.

        Args:
            most: rows at once, 0 for no limit. A larger batch is taken in pieces whose gradients
                are averaged: that of the whole, as long as no term couples its rows.
        """
        weights = self.objective.weights(moment)
        pieces = batch.parts(most) if 0 < most < len(batch) else [batch]
        terms, gradient, norm = self._run(pieces[0], weights, moment)
        if len(pieces) == 1:
            return Result(terms, weights, gradient, norm)
        share = len(pieces[0]) / len(batch)
        terms = {name: share * value for name, value in terms.items()}
        gradient, marks = [share * g for g in gradient], 0 * norm
        for piece in pieces[1:]:
            share = len(piece) / len(batch)
            more, other, norm = self._run(piece, weights, moment)
            terms = {name: value + share * more[name] for name, value in terms.items()}
            torch._foreach_add_(gradient, list(other), alpha=share)
            marks = marks + 0 * norm  # a piece that is not finite marks the whole
        return Result(terms, weights, gradient, norm_of(gradient) + marks)

    def _run(self, batch: Batch, weights: dict[str, float], moment: Moment) -> Any:
        if self.fast is None or len(batch) != self.batch_size:
            return self._evaluate(batch, list(weights.values()), moment)
        tensors = {name: getattr(batch, name) for name in BATCH_FIELDS}
        tensors["seen"] = None if batch.seen is batch.x else batch.seen
        return self.fast(tensors, torch.tensor(list(weights.values()), device=batch.x.device))

    def _compute(self, tensors: dict[str, Any], scales: Tensor) -> Any:
        seen = tensors["x"] if tensors["seen"] is None else tensors["seen"]
        return self._evaluate(Batch(**{**tensors, "seen": seen}), scales.unbind(), Moment())

    def _evaluate(self, batch: Batch, scales: Sequence[Any], moment: Moment) -> Any:
        trace = self.model.observe(batch, self.objective.samples)
        loss = self.objective.evaluate(self.model, trace, moment, scales)
        gradient = gradients_of([loss.total], [self.parameters])[0]
        # a loss that is not finite marks its gradient, so that nothing moves
        norm = norm_of(gradient) + 0 * loss.total.detach()
        return {name: value.detach() for name, value in loss.terms.items()}, gradient, norm


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
