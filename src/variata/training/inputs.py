"""What a compiled step reads, as a list of tensors: a batch, and all that its modules hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

from variata.batch import Batch

FIELDS = tuple(field.name for field in fields(Batch))
SAME = -1  # `seen` is `x` itself

Kinds = tuple[int | None, ...]  # for each field of a batch: its place in a list, SAME, or None
Compute = Callable[[Kinds, Sequence[Tensor], Sequence[Sequence[Tensor]]], tuple[Tensor, ...]]


def tensors_of(batch: Batch) -> tuple[list[Tensor], Kinds]:
    """The tensors of a batch, and which field each of them is.

    >>> import torch
    >>> x = torch.zeros(2, 3)
    >>> tensors, kinds = tensors_of(Batch(x, x))
    >>> len(tensors), batch_of(tensors, kinds).seen is tensors[0]
    (1, True)
    """
    tensors: list[Tensor] = []
    kinds: list[int | None] = []
    for name in FIELDS:
        value = getattr(batch, name)
        same = name == "seen" and value is batch.x
        kinds.append(None if value is None else SAME if same else len(tensors))
        if value is not None and not same:
            tensors.append(value)
    return tensors, tuple(kinds)


def batch_of(tensors: Sequence[Tensor], kinds: Kinds) -> Batch:
    """The batch that `tensors_of` took apart."""
    values: list[Any] = [None if kind is None else tensors[max(0, kind)] for kind in kinds]
    return Batch(**dict(zip(FIELDS, values, strict=True)))


class Inputs:
    """Parameters and buffers of modules, to be given to a graph as tensors.

    Args:
        modules: the model, then its players.
        owned: those of their parameters that gradients are taken with respect to, by player.
    """

    def __init__(self, modules: Sequence[nn.Module], owned: Sequence[Sequence[Tensor]]) -> None:
        self.holder = _Holder(modules)
        named = dict(self.holder.named_parameters()) | dict(self.holder.named_buffers())
        self.names, self.tensors = list(named), list(named.values())
        places = {id(tensor): i for i, tensor in enumerate(self.tensors)}
        self.owned = [[places[id(tensor)] for tensor in own] for own in owned]

    def function(self, compute: Compute, kinds: Kinds) -> Callable[..., tuple[Tensor, ...]]:
        """`compute` as a function of tensors alone: what is given, then these inputs."""

        def run(*tensors: Tensor) -> tuple[Tensor, ...]:
            given, held = tensors[: -len(self.names)], tensors[-len(self.names) :]
            owned = [[held[i] for i in own] for own in self.owned]
            state = dict(zip(self.names, held, strict=True))
            return functional_call(self.holder, state, (compute, kinds, given, owned))

        return run


class _Holder(nn.Module):
    """Modules whose tensors can all be replaced while something is computed with them."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        self.held = nn.ModuleList(modules)

    def forward(self, compute: Compute, *arguments: Any) -> tuple[Tensor, ...]:
        return compute(*arguments)
