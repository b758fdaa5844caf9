"""AdamW over one block of weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from variata.shapes import full
from variata.training.graph import NotCompiledError, graph_of
from variata.training.weights import Gathered, Weights

BETAS, EPSILON = (0.9, 0.99), 1e-8
SPIKE = 5.0  # a gradient this many times the usual norm is scaled down to it
FOLLOW = 0.05  # share of the way that the usual norm moves towards a step's norm
TINY = 1e-30  # moments under it say nothing, and processors take long over denormal numbers
SWEEP = 100  # steps between sweeps, in which no moment gets from TINY to the denormal ones

Gradients = Sequence[Tensor]
Kernels = dict[Any, Callable[..., Any]]  # by betas, and the shapes and types of what they get


class AdamW:
    """AdamW over a module's weights, with weight decay on matrices and kernels only.

    A step is two fused calls or one compiled kernel, with none of the bookkeeping of torch.optim,
    which takes longer than the mathematics of a small network. A gradient far above the usual norm
    is scaled down to it; one that is not finite moves nothing.

    Args:
        weights: what is moved.
        lr: learning rate.
        weight_decay: of matrices and kernels.
        pace: what rates given to `move` are multiplied by.
        momentum: how much of the mean of gradients a step keeps.
        kernels: where compiled steps are kept; None for none. A step is then one kernel, which is
            compiled where there is none for weights of the same shapes yet.

    Reference:
        Decoupled Weight Decay Regularization (Loshchilov and Hutter, 2017), arXiv:1711.05101

    >>> layer = torch.nn.Linear(2, 1)
    >>> optimiser = AdamW(Weights(layer), lr=0.1)
    >>> before = layer.bias.item()
    >>> optimiser.move([torch.ones(1, 2), torch.ones(1)])
    >>> round(before - layer.bias.item(), 4)
    0.1
    """

    def __init__(
        self,
        weights: Weights,
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        pace: float = 1.0,
        kernels: Kernels | None = None,
        momentum: float = BETAS[0],
    ) -> None:
        self.weights, self.lr, self.decay, self.pace = weights, lr, weight_decay, pace
        self.betas = (momentum, BETAS[1])
        self.means, self.squares = weights.block(), weights.block()
        self.steps = torch.zeros((), device=weights.values.device)
        self.usual_norm: float | Tensor | None = None  # a tensor on an accelerator; NaN for none
        self._gathered: Gathered | None = None
        self.kernels = kernels
        self._kernel: Callable[..., Any] | None = None
        self._held: list[Tensor] = []

    def restart(self) -> None:
        """Forget all steps."""
        for tensor in (self.means, self.squares, self.steps):
            tensor.zero_()
        if isinstance(self.usual_norm, Tensor):  # which recorded steps read
            self.usual_norm.fill_(math.nan)
        else:
            self.usual_norm = None

    def move(
        self,
        gradient: Gradients,
        norm: float | Tensor | None = None,
        lr: float | Tensor | None = None,
    ) -> None:
        """Move the weights by a gradient.

        Args:
            gradient: with respect to every one of the weights' leaves, in order; one that is
                `Gathered` is written over.
            norm: of the gradient, where it is known. One on an accelerator is not waited for.
            lr: learning rate, instead of the optimiser's own; a tensor only beside such a norm.
        """
        norm = norm_of(gradient).item() if norm is None else norm
        rate = self.pace * (self.lr if lr is None else lr)
        if isinstance(norm, Tensor):
            self._step_there(gradient, rate, norm)
            return
        rate = float(rate)
        scale = self._judged_here(norm)
        if scale and not self._stepped_compiled(gradient, rate, scale):
            self._step(gradient, rate, scale)
        self._sweep()

    @torch.no_grad()
    def _step(self, gradient: Gradients, lr: float, scale: float) -> None:
        block = self._block(gradient)
        if scale != 1:
            block.mul_(scale)
        self.steps.add_(1)
        end = self.weights.decayed
        for part, decay in ((slice(0, end), self.decay), (slice(end, None), 0.0)):
            torch._fused_adamw_(
                [self.weights.values[part]],
                [block[part]],
                [self.means[part]],
                [self.squares[part]],
                [],
                [self.steps],
                lr=lr,
                beta1=self.betas[0],
                beta2=self.betas[1],
                weight_decay=decay,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
            )
        self.weights.moved()

    @torch.no_grad()
    def _step_there(self, gradient: Gradients, lr: float | Tensor, norm: Tensor) -> None:
        """The step on an accelerator, judged there: torch's fused one keeps it half idle."""
        if not isinstance(self.usual_norm, Tensor):
            known = math.nan if self.usual_norm is None else self.usual_norm
            self.usual_norm = torch.full_like(norm, known)
        rate = lr if isinstance(lr, Tensor) else torch.full_like(norm, lr)
        own = [self.steps, self.usual_norm, self.weights.values, self.means, self.squares]
        short = [] if self.weights.short is None else [self.weights.short]
        arguments = [rate, norm, self._block(gradient), *own, *short]
        step = partial(_adamw_there, self.weights.decayed, self.decay, self.betas)
        if self.kernels is None:
            step(*arguments)
            return
        decayed, shapes = self.weights.decayed, ((t.shape, t.dtype) for t in arguments)
        key = (self.betas, decayed, self.decay, *shapes)
        try:
            if key not in self.kernels:
                self.kernels[key] = graph_of(step, arguments)
        except NotCompiledError:
            self.kernels = None
        (step if self.kernels is None else self.kernels[key])(*arguments)

    def _sweep(self) -> None:
        """Forget moments of weights that have long had no gradient, on a processor."""
        if self.steps.item() % SWEEP == 0:
            for moments in (self.means, self.squares):
                torch.hardshrink(moments, TINY, out=moments)

    def _block(self, gradient: Gradients) -> Tensor:
        if isinstance(gradient, Gathered):
            return gradient.block
        self._gathered = self._gathered or Gathered(self.weights.leaves)
        self._gathered.take(gradient)
        return self._gathered.block

    def _stepped_compiled(self, gradient: Gradients, lr: float, scale: float) -> bool:
        """Whether a compiled step was taken; what cannot be compiled is not tried again."""
        if self.kernels is None or not self._alike(gradient):
            return False
        try:
            self._step_compiled(gradient, lr, scale, self.kernels)
        except NotCompiledError:  # which comes before anything moves
            self.kernels = None
        return self.kernels is not None

    @torch.no_grad()
    def _step_compiled(
        self, gradient: Gradients, lr: float, scale: float, kernels: Kernels
    ) -> None:
        count = self.steps.item() + 1
        ready = [lr / (1 - self.betas[0] ** count), 1 / math.sqrt(1 - self.betas[1] ** count)]
        numbers = torch.tensor([1 - lr * self.decay, scale, *ready], dtype=self.means.dtype)
        arguments = [numbers, *gradient, *self._views()]
        if self._kernel is None:
            shapes = ((tensor.shape, tensor.dtype) for tensor in arguments)
            matrices = self.weights.matrices
            key = (self.betas, matrices, *shapes)
            if key not in kernels:
                step = partial(_adamw, len(gradient), matrices, self.betas)
                kernels[key] = graph_of(step, arguments)
            self._kernel = kernels[key]
        self.steps.add_(1)
        self._kernel(*arguments)

    def _alike(self, gradient: Gradients) -> bool:
        """Whether the compiled step, which was made for gradients of the leaves' types, suits."""
        leaves = self.weights.leaves
        return all(g.dtype == leaf.dtype for g, leaf in zip(gradient, leaves, strict=True))

    def _views(self) -> list[Tensor]:
        if not self._held:
            blocks = [self.weights.values, self.means, self.squares, self.weights.short]
            present = [block for block in blocks if block is not None]
            self._held = [view for block in present for view in self.weights.views(block)]
        return self._held

    def _judged_here(self, norm: float) -> float:
        """What the gradient is multiplied by; 0 where it is not finite."""
        if not math.isfinite(norm):
            return 0.0
        usual = norm if self.usual_norm is None else float(self.usual_norm)
        self.usual_norm = usual + FOLLOW * (min(norm, SPIKE * usual) - usual)
        return SPIKE * usual / norm if norm > SPIKE * usual else 1.0

    def usual(self) -> float | None:
        """The usual norm of a gradient; None before the first."""
        known = math.nan if self.usual_norm is None else float(self.usual_norm)
        return None if math.isnan(known) else known

    def state(self) -> dict[str, Tensor]:
        """The running moments and the number of steps, by name."""
        return {"steps": self.steps, "means": self.means, "squares": self.squares}

    def take_up(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave.

        Raises:
            LookupError, ValueError: when the state is another optimiser's.
        """
        own = self.state()
        for name in own | state:
            if own[name].shape != state[name].shape:
                raise ValueError(f"{name} has the shape {tuple(state[name].shape)}")
        for name, value in own.items():
            value.copy_(state[name])


def norm_of(gradient: Gradients) -> Tensor:
    """The Euclidean norm of a gradient, a scalar on its device."""
    if gradient[0].device.type == "cpu":  # where sums over rows are the fastest that are compiled
        rows = [full(part.reshape(len(part) if part.dim() > 1 else 1, -1)) for part in gradient]
        return torch.stack([torch.linalg.vecdot(part, part).sum() for part in rows]).sum().sqrt()
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(gradient))))


def _adamw(
    count: int, matrices: int, betas: tuple[float, float], numbers: Tensor, *tensors: Tensor
) -> tuple[()]:
    """The step on `count` weights: gradients, values, means, squares, and short copies if any.

    The first of them, so many matrices, decay. The numbers are the share of a weight that decay
    keeps, the gradient's scale, the rate over the correction of the means, and the correction of
    the squares' root.
    """
    kept, scale, rate, correction = numbers.unbind()
    groups = [tensors[i : i + count] for i in range(0, len(tensors), count)]
    for i, (gradient, value, mean, square, *short) in enumerate(zip(*groups, strict=True)):
        g = gradient.to(value.dtype) * scale
        new_mean = torch.lerp(mean, g, 1 - betas[0])
        new_square = betas[1] * square + (1 - betas[1]) * g * g
        start = value * kept if i < matrices else value
        new = start - rate * new_mean / (new_square.sqrt() * correction + EPSILON)
        mean.copy_(new_mean)
        square.copy_(new_square)
        value.copy_(new)
        for copy in short:
            copy.copy_(new)
    return ()


def _adamw_there(
    decayed: int,
    decay: float,
    betas: tuple[float, float],
    lr: Tensor,
    norm: Tensor,
    block: Tensor,
    steps: Tensor,
    usual_norm: Tensor,
    values: Tensor,
    means: Tensor,
    squares: Tensor,
    *short: Tensor,
) -> tuple[()]:
    """The step on whole blocks, judgement included, with all numbers as tensors: no waiting."""
    usual, finite = torch.where(usual_norm.isnan(), norm, usual_norm), norm.isfinite()
    followed = usual + FOLLOW * (norm.minimum(SPIKE * usual) - usual)
    usual_norm.copy_(torch.where(finite, followed, usual_norm))
    steps.add_(finite)
    count = steps.clamp(min=1)
    moves = finite.to(lr.dtype)
    rate = moves * lr / (1 - betas[0] ** count)
    correction = (1 - betas[1] ** count).rsqrt()
    scale = (SPIKE * usual / norm.clamp(min=TINY)).clamp(max=1)
    g = torch.where(finite, block * scale, 0)
    means.lerp_(g, moves * (1 - betas[0]))
    squares.lerp_(g * g, moves * (1 - betas[1]))
    if decay:
        values[:decayed].mul_(1 - moves * lr * decay)
    values.sub_(rate * means / (squares.sqrt() * correction + EPSILON))
    for copy in short:
        copy.copy_(values)
    return ()
