"""What a step computes before anything moves: losses, their terms and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from variata.batch import Batch
from variata.models import LatentModel
from variata.noise import Place, placed
from variata.objectives import Objective
from variata.schedules import Moment
from variata.shapes import full
from variata.training.adamw import Gradients, norm_of
from variata.training.after_step import Followers
from variata.training.graph import errors_of_compiler, graph_of
from variata.training.inputs import Inputs, Kinds, batch_of, tensors_of
from variata.training.machine import How
from variata.training.optimiser import gradients_of
from variata.training.precision import short_products
from variata.training.processes import ALONE, Processes
from variata.training.signals import StopRequest
from variata.training.weights import Gathered


@dataclass(frozen=True)
class Result:
    """What a step has computed.

    Attributes:
        gradients: one for each player, the model's first; the next step may write over them.
        numbers: the norms of the gradients (one for each player), then the terms of the objective
            before their weights and the players' own losses, nats per example: F numbers in one
            tensor, or in as many.
        statistics: what the model's followers need to know, see `variata.training.after_step`.
    """

    gradients: list[Gradients]
    numbers: Tensor | Sequence[Tensor]
    statistics: list[Tensor]

    @property
    def figures(self) -> Tensor:
        """The numbers in one tensor, (F,), without gradients."""
        return _together(self.numbers)

    def read(self) -> list[float]:
        """The numbers, which an accelerator has to be waited for."""
        if isinstance(self.numbers, Tensor):
            return self.numbers.tolist()
        return [number.item() for number in self.numbers]


def _nothing() -> None: ...


class Work:
    """The losses and gradients of one objective, run as they are or compiled into one graph.

    Only whole batches of `how.batch_size` go through the compiled graph: a last batch of another
    size would cost a compilation of its own.

    Args:
        owned: what gradients are taken with respect to: the model's, then each player's.
        how: compiled or not, and for which batch size.
        processes: whose gradients are averaged.
        graphs: where a compiled graph is kept, so that copies of the model share it.
    """

    def __init__(
        self,
        model: LatentModel,
        objective: Objective,
        owned: Sequence[Sequence[Tensor]],
        how: How,
        processes: Processes = ALONE,
        graphs: dict[Place, Callable[..., Any]] | None = None,
    ) -> None:
        self.model, self.objective, self.owned = model, objective, owned
        self.how, self.processes, self.players = how, processes, objective.players
        self.names = [*objective.terms, *(f"{name} loss" for name in self.players)]
        self.graphs = {} if graphs is None else graphs
        self.followers = Followers(model)
        self.inputs: Inputs | None = None
        self.gathered: list[Gathered] = []

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
        place = place or Place(0, len(batch), len(batch))
        if not 0 < most < len(batch):
            if self.processes.count == 1:
                return self._run(batch, moment, place, restart)
            with placed(place):
                result = self._run(batch, moment, place, restart)
            return self._summed([*self._blocks(result), *_rest(result)], place.share)
        sums: list[Tensor] = []
        for piece, where in _pieces(batch, place, most):
            restart()
            with placed(where):
                result = self._run(piece, moment, where, restart)
            sums = _added(sums, [*self._blocks(result), *_rest(result)], where.share)
        return self._summed(sums)

    def numbers(self, moment: Moment) -> list[float]:
        """What a step reads beside its batch: weights of the terms, step and progress."""
        return [*self.objective.weights(moment).values(), moment.step, moment.progress]

    def from_numbers(self, batch: Batch, numbers: Tensor) -> Result:
        """Compute from `numbers` as a tensor on the batch's device, which is not waited for."""
        whole = Place(0, len(batch), len(batch))
        if self._fast(batch, whole):
            return self._by_graph(batch, numbers, whole)
        *scales, step, progress = numbers.unbind()
        return self._eager(batch, scales, Moment(step, progress))  # type: ignore[arg-type]

    def _blocks(self, result: Result) -> list[Tensor]:
        """The gradient of each player in one block."""
        if not isinstance(result.gradients[0], Gathered):
            self._gather(result.gradients)
        return [gathered.block for gathered in self.gathered]

    def _gather(self, gradients: Sequence[Gradients]) -> list[Tensor]:
        """Copy gradients into blocks, which the next step writes over; their norms."""
        self.gathered = self.gathered or [Gathered(own) for own in self.owned]
        pairs = zip(self.gathered, gradients, strict=True)
        return [gathered.take(gradient) for gathered, gradient in pairs]

    def _summed(self, parts: list[Tensor], share: float = 1.0) -> Result:
        """A result from blocks of gradients, figures and statistics, over all processes."""
        for part in parts:
            self.processes.summed(part.mul_(share))
        blocks, (figures, *statistics) = parts[: len(self.owned)], parts[len(self.owned) :]
        for gathered, block in zip(self.gathered, blocks, strict=True):
            if block is not gathered.block:
                gathered.block.copy_(block)
        norms = torch.stack([norm_of([block]) for block in blocks])
        figures = torch.cat([norms, figures[len(norms) :]])
        return Result(list(self.gathered), figures, statistics)

    def _result(self, figures: Tensor, *flat: Tensor) -> Result:
        """From figures, all gradients and statistics, one after the other."""
        rest = iter(flat)
        gradients: list[Gradients] = [[next(rest) for _ in own] for own in self.owned]
        return Result(gradients, figures, list(rest))

    def _run(
        self, batch: Batch, moment: Moment, place: Place, restart: Callable[[], None]
    ) -> Result:
        if not self._fast(batch, place):
            weights = self.objective.weights(moment)
            return self._eager(batch, list(weights.values()), moment)
        numbers = torch.tensor(self.numbers(moment)).to(batch.x.device)
        return self._by_graph(batch, numbers, place, restart)

    def _by_graph(
        self, batch: Batch, numbers: Tensor, place: Place, restart: Callable[[], None] = _nothing
    ) -> Result:
        given, kinds = tensors_of(batch)
        self.inputs = self.inputs or Inputs([self.model, *self.players.values()], self.owned)
        tensors = [numbers, *given, *self.inputs.tensors]
        if place in self.graphs:
            result = self._result(*self.graphs[place](*tensors))
        else:
            with StopRequest.at_once():  # compiling takes long, and moves nothing
                graph = graph_of(self.inputs.function(self._compute, kinds), tensors)
            restart()  # compiling may have drawn from the generators
            with errors_of_compiler():  # of which some come only now
                result = self._result(*graph(*tensors))
            self.graphs[place] = graph
        if batch.x.device.type == "cpu":
            return result
        norms = torch.stack(self._gather(result.gradients))
        return Result(list(self.gathered), torch.cat([norms, result.figures]), result.statistics)

    def _eager(self, batch: Batch, scales: Sequence[Any], moment: Moment) -> Result:
        gradients, figures, statistics = self._evaluate(batch, scales, moment, self.owned)
        norms = self._gather(gradients)
        return Result(list(self.gathered), [*norms, *figures], statistics)

    def _fast(self, batch: Batch, place: Place) -> bool:
        known = not self.graphs or place in self.graphs
        return self.how.compiled and len(batch) == self.how.batch_size and known

    def _compute(
        self, kinds: Kinds, given: Sequence[Tensor], owned: Sequence[Sequence[Tensor]]
    ) -> tuple[Tensor, ...]:
        """What the graph holds: figures, all gradients, then statistics, from tensors alone."""
        numbers, *rest = given
        *scales, step, progress = numbers.unbind()  # tensors, so that one graph serves all moments
        moment = Moment(step, progress)  # type: ignore[arg-type]
        batch = batch_of(rest, kinds)
        gradients, figures, statistics = self._evaluate(batch, scales, moment, owned)
        here = batch.x.device.type == "cpu"  # elsewhere, the norm of a whole block is faster
        norms = [norm_of(gradient) for gradient in gradients] if here else []
        flat = (part.detach() for gradient in gradients for part in gradient)
        return (_together([*norms, *figures]), *flat, *statistics)

    def _evaluate(
        self,
        batch: Batch,
        scales: Sequence[Any],
        moment: Moment,
        owned: Sequence[Sequence[Tensor]],
    ) -> tuple[list[Gradients], list[Tensor], list[Tensor]]:
        """Gradients, terms and players' losses, and what followers need to know."""
        with short_products(self.how.precision, batch.x.device):
            trace = self.model.observe(batch, self.objective.samples)
            loss = self.objective.evaluate(self.model, trace, moment, scales)
            players = self.players.values()
            own = [player.loss(self.model, trace, moment).mean() for player in players]
        gradients = gradients_of([loss.total, *own], owned)
        return gradients, [*loss.terms.values(), *own], self.followers.statistics(trace)


def _pieces(batch: Batch, place: Place, most: int) -> list[tuple[Batch, Place]]:
    """The batch in parts of at most so many rows, with their places."""
    size = most or len(batch)
    return [
        (part, place.within(i * size, i * size + len(part)))
        for i, part in enumerate(batch.parts(size))
    ]


def _rest(result: Result) -> list[Tensor]:
    """Figures and statistics, in memory of their own."""
    return [full(tensor).clone() for tensor in (result.figures, *result.statistics)]


def _together(numbers: Tensor | Sequence[Tensor]) -> Tensor:
    return numbers if isinstance(numbers, Tensor) else torch.stack([n.detach() for n in numbers])


def _added(sums: list[Tensor], parts: list[Tensor], share: float) -> list[Tensor]:
    if not sums:
        return [share * part for part in parts]
    torch._foreach_add_(sums, parts, alpha=share)
    return sums
