"""AdamW, as one fused call for each kind of weight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

BETAS, EPSILON = (0.9, 0.99), 1e-8
SPIKE = 5.0  # a gradient this many times the usual norm is scaled down to it
FOLLOW = 0.05  # share of the way that the usual norm moves towards a step's norm

Gradients = Sequence[Tensor]


@dataclass
class Group:
    """Parameters of one weight decay, with their running moments and number of steps."""

    parameters: list[Tensor]
    means: list[Tensor]
    squares: list[Tensor]
    steps: Tensor
    decay: float

    @classmethod
    def of(cls, parameters: Sequence[Tensor], decay: float) -> Group:
        """A group that has not moved yet."""
        means, squares = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
        steps = torch.zeros((), dtype=torch.float32, device=parameters[0].device)
        return cls(list(parameters), means, squares, steps, decay)


class AdamW:
    """AdamW over a module's weights, with weight decay on matrices and kernels only.

    A step is one fused call for each group, with none of the bookkeeping of `torch.optim`, which
    takes longer than the mathematics of a small network. A gradient far above the usual norm is
    scaled down to it; one that is not finite moves nothing.

    Args:
        module: whose weights are moved.
        lr: learning rate.
        weight_decay: of matrices and kernels.
        pace: what rates given to `move` are multiplied by.

    Reference:
        Decoupled Weight Decay Regularization (Loshchilov and Hutter, 2017), arXiv:1711.05101

    >>> layer = nn.Linear(2, 1)
    >>> optimiser = AdamW(layer, lr=0.1)
    >>> before = layer.bias.item()
    >>> optimiser.move([torch.ones(1, 2), torch.ones(1)])
    >>> round(before - layer.bias.item(), 4)
    0.1
    """

    def __init__(
        self, module: nn.Module, lr: float = 1e-3, weight_decay: float = 0.0, pace: float = 1.0
    ) -> None:
        trained = [p for p in module.parameters() if p.requires_grad]
        matrices, rest = ([p for p in trained if (p.dim() >= 2) is two] for two in (True, False))
        self.groups = [
            Group.of(list[Tensor](own), decay)
            for own, decay in ((matrices, weight_decay), (rest, 0.0))
            if own
        ]
        self.lr, self.pace = lr, pace
        self.usual_norm: float | Tensor | None = None

    @property
    def parameters(self) -> list[Tensor]:
        """What is moved, in the order of gradients."""
        return [p for group in self.groups for p in group.parameters]

    def move(
        self, gradient: Gradients, norm: float | Tensor | None = None, lr: float | None = None
    ) -> None:
        """Move the parameters by a gradient.

        Args:
            gradient: of every parameter, in order; may be changed.
            norm: of the gradient, where it is known. One on an accelerator is not waited for.
            lr: learning rate, instead of the optimiser's own.
        """
        norm = norm_of(gradient).item() if norm is None else norm
        rate = self.pace * (self.lr if lr is None else lr)
        if isinstance(norm, Tensor):
            self._step(gradient, rate, *self._judged_there(norm))
        elif self._judged_here(gradient, norm):
            self._step(gradient, rate)

    @torch.no_grad()
    def _step(
        self,
        gradient: Gradients,
        lr: float,
        grad_scale: Tensor | None = None,
        found_inf: Tensor | None = None,
    ) -> None:
        start = 0
        for group in self.groups:
            stop = start + len(group.parameters)
            group.steps.add_(1)
            torch._fused_adamw_(
                group.parameters,
                list(gradient[start:stop]),
                group.means,
                group.squares,
                [],
                [group.steps] * len(group.parameters),
                lr=lr,
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=group.decay,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
                grad_scale=grad_scale,
                found_inf=found_inf,
            )
            if found_inf is not None:
                group.steps.sub_(found_inf)
            start = stop

    def _judged_here(self, gradient: Gradients, norm: float) -> bool:
        """Scale a spike down; False where the gradient is not finite."""
        if not math.isfinite(norm):
            return False
        usual = norm if self.usual_norm is None else float(self.usual_norm)
        if norm > SPIKE * usual:
            torch._foreach_mul_(list(gradient), SPIKE * usual / norm)
        self.usual_norm = usual + FOLLOW * (min(norm, SPIKE * usual) - usual)
        return True

    def _judged_there(self, norm: Tensor) -> tuple[Tensor, Tensor]:
        """The same without waiting: the fused step divides and leaves out by itself."""
        usual = norm if self.usual_norm is None else torch.as_tensor(self.usual_norm).to(norm)
        finite = norm.isfinite()
        followed = usual + FOLLOW * (norm.minimum(SPIKE * usual) - usual)
        self.usual_norm = torch.where(finite, followed, usual)
        return (norm / (SPIKE * usual)).clamp_min(1.0), (~finite).to(norm.dtype)

    def state(self) -> dict[str, Tensor]:
        """The running moments and numbers of steps, by name."""
        named: dict[str, Tensor] = {}
        for i, group in enumerate(self.groups):
            named[f"steps.{i}"] = group.steps
            for j, (mean, square) in enumerate(zip(group.means, group.squares, strict=True)):
                named[f"means.{i}.{j}"], named[f"squares.{i}.{j}"] = mean, square
        return named

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
    if gradient[0].device.type == "cpu":  # where products of vectors are faster than norms
        flat = [part.reshape(-1) for part in gradient]
        return torch.stack([torch.dot(part, part) for part in flat]).sum().sqrt()
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(gradient))))
