"""The weights that training moves: one block of memory, and short copies for products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from variata.shapes import full, numel

PRODUCTS = (nn.Linear, nn.modules.conv._ConvNd)  # what multiplies by its weights, and no more
ALIGNED = 16  # elements: every weight starts at a multiple, for vector instructions


class Weights:
    """A module's trained weights in one block, so that moving them takes a few operations.

    Matrices and kernels of layers come first, then the rest, which weight decay leaves alone:
    biases, scales, and what has a meaning where it is, such as means of a mixture. A parameter is
    one of the first where "weight" is in its name and it has two dimensions or more. Where products
    are short, the layers that multiply hold bf16 copies, written once in a step instead of at each
    use; gradients are taken with respect to them, and the block stays in full precision.

    Args:
        module: whose parameters become views of the block, until `release`.
        short: whether the layers that multiply get copies in bf16.

    Attributes:
        values: the block, (N,).
        decayed: how many of its elements belong to matrices and kernels.
        matrices: how many of the weights they are.
        leaves: what gradients are taken with respect to, in the block's order.

    >>> layer = nn.Linear(2, 1)
    >>> weights = Weights(layer, short=True)
    >>> layer.weight.dtype, weights.values.dtype, weights.decayed
    (torch.bfloat16, torch.float32, 16)
    >>> weights.release()
    >>> layer.weight.dtype
    torch.float32
    """

    def __init__(self, module: nn.Module, short: bool = False) -> None:
        trained = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
        matrices = [p for name, p in trained if "weight" in name and p.dim() >= 2]
        chosen = {id(p) for p in matrices}
        self.own = [*matrices, *(p for _, p in trained if id(p) not in chosen)]
        self.matrices = len(matrices)
        self.decayed = sum(_room(p) for p in matrices)
        self.values = self.block()
        for parameter, view in zip(self.own, self.views(self.values), strict=True):
            view.copy_(parameter.detach())
            parameter.data = view
        self.leaves: list[Tensor] = list(self.own)
        self.short: Tensor | None = None
        self._places: list[tuple[nn.Module, str, int]] = []
        if short:
            self._shorten(module)

    def block(self) -> Tensor:
        """Zeros laid out like the weights, (N,)."""
        return block_like(self.own)

    def views(self, block: Tensor) -> list[Tensor]:
        """The parts of a block that belong to each weight, in their shapes."""
        return views_like(self.own, block)

    def moved(self) -> None:
        """Write the short copies anew, after the block has changed."""
        if self.short is not None:
            self.short.copy_(self.values)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Inside, the module holds its own weights, in full precision; they may be written."""
        self._hold(self.own)
        try:
            yield
        finally:
            self.moved()
            self._hold(self.leaves)

    def release(self) -> None:
        """Give the module its weights, each in memory of its own."""
        self._hold(self.own)
        for parameter in self.own:
            parameter.data = parameter.detach().clone()

    def _shorten(self, module: nn.Module) -> None:
        self._places = _held_by_products(module, self.own)
        self.short = self.values.to(torch.bfloat16)
        copies = self.views(self.short)
        for _, _, i in self._places:
            if self.leaves[i] is self.own[i]:
                self.leaves[i] = nn.Parameter(copies[i])
        self._hold(self.leaves)

    def _hold(self, tensors: Sequence[Tensor]) -> None:
        for layer, name, i in self._places:
            layer._parameters[name] = tensors[i]  # type: ignore[assignment]


class Gathered(list[Tensor]):
    """Gradients in full precision, one after the other in one block, where few operations do.

    Args:
        like: what the gradients are taken with respect to.

    Attributes:
        block: which holds them, (N,).

    >>> gathered = Gathered([torch.zeros(2, 2), torch.zeros(1)])
    >>> gathered.take([torch.full((2, 2), 2.0), torch.zeros(1)]).item()
    4.0
    """

    def __init__(self, like: Sequence[Tensor]) -> None:
        self.block = block_like(like)
        super().__init__(views_like(like, self.block))

    @torch.no_grad()
    def take(self, gradients: Sequence[Tensor]) -> Tensor:
        """Copy gradients into the block; their Euclidean norm, a scalar on their device."""
        torch._foreach_copy_(self, list(gradients))
        if self.block.device.type == "cpu":  # where products of vectors are faster than norms
            return torch.dot(self.block, self.block).sqrt()
        return torch.linalg.vector_norm(self.block)


def block_like(tensors: Sequence[Tensor]) -> Tensor:
    """Zeros with room for all of these, in full precision, (N,)."""
    like = full(tensors[0].detach()) if tensors else torch.zeros(())
    return torch.zeros(sum(map(_room, tensors)), dtype=like.dtype, device=like.device)


def views_like(tensors: Sequence[Tensor], block: Tensor) -> list[Tensor]:
    """The parts of a block that belong to each of these, in their shapes."""
    parts = block.split([_room(t) for t in tensors]) if tensors else ()
    return [_shaped(part[: t.numel()], t) for part, t in zip(parts, tensors, strict=True)]


def _shaped(part: Tensor, like: Tensor) -> Tensor:
    """Elements in the shape and the order of a tensor: kernels may have their channels last."""
    if like.is_contiguous() or not like.is_contiguous(memory_format=torch.channels_last):
        return part.view(like.shape)
    return part.view(like.permute(0, 2, 3, 1).shape).permute(0, 3, 1, 2)


def _room(parameter: Tensor) -> int:
    """Elements of a block that a weight takes.

    >>> _room(torch.zeros(3, 6))
    32
    """
    return -(-numel(parameter.shape) // ALIGNED) * ALIGNED


def _held_by_products(module: nn.Module, own: Sequence[Tensor]) -> list[tuple[nn.Module, str, int]]:
    """Which layer holds which weight by what name, of those that nothing but products reads."""
    number = {id(parameter): i for i, parameter in enumerate(own)}
    held = [
        (layer, name, number[id(p)])
        for layer in module.modules()
        for name, p in layer._parameters.items()
        if p is not None and id(p) in number
    ]
    others = {i for layer, _, i in held if not _multiplies(layer)}
    return [place for place in held if place[2] not in others]


def _multiplies(layer: nn.Module) -> bool:
    return isinstance(layer, PRODUCTS) and not hasattr(layer, "parametrizations")
