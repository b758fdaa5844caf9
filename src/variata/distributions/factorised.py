"""The base of all distributions here: independent elements, summed over the event in one place."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Size, Tensor
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint
from torch.types import _size

ONE_DRAW = Size()


class Factorised(Distribution, ABC):
    """A distribution whose elements are independent given its parameters.

    log p(x) = sum over the event's elements of log p(x_i), in nats.

    Parameters have the shape (K, B, *X): `batch_shape` is (K, B) and `event_shape` is X, the last
    `event_dim` dimensions. Data of the shape (B, *X) is broadcast against them. Leaves say what
    holds for one element; sums over the event happen here and nowhere else. Arguments are not
    validated, since this runs once per step: ask `support_check` about the data once instead.

    Args:
        shape: shape of the elements, batch and event together.
        event_dim: number of trailing dimensions that form the event.

    >>> import torch
    >>> from variata.distributions import Gaussian
    >>> p = Gaussian(torch.zeros(5, 3, 2), torch.ones(5, 3, 2), event_dim=1)
    >>> p.batch_shape, p.event_shape
    (torch.Size([5, 3]), torch.Size([2]))
    >>> p.log_prob(torch.zeros(3, 2)).shape
    torch.Size([5, 3])
    """

    has_rsample = False

    def __init__(self, shape: Size, event_dim: int) -> None:
        cut = len(shape) - event_dim
        super().__init__(shape[:cut], shape[cut:], validate_args=False)

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        """None: arguments are not validated."""
        return {}

    @property
    def event_dim(self) -> int:
        """Number of trailing dimensions that form the event."""
        return len(self._event_shape)

    @abstractmethod
    def log_prob_each(self, value: Tensor) -> Tensor:
        """log p of every element, nats, (K, B, *X); `value` (B, *X) is broadcast."""

    @abstractmethod
    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        """Draw without gradient, (*sample_shape, K, B, *X)."""

    @property
    @abstractmethod
    def mean(self) -> Tensor:
        """Expected value of every element, (K, B, *X)."""

    @property
    @abstractmethod
    def variance(self) -> Tensor:
        """Variance of every element, (K, B, *X)."""

    @abstractmethod
    def support_check(self, value: Tensor) -> str | None:
        """One clause that says why `value` lies outside the support; None when it lies inside."""

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) of every example, nats, (K, B)."""
        return sum_event(self.log_prob_each(value), self.event_dim)

    def point(self) -> Tensor:
        """The single best value to show, (K, B, *X): the mean, unless a leaf says otherwise."""
        return self.mean

    def glance(self) -> Tensor:
        """What a critic sees, (K, B, *X): a draw that passes gradients on, or else the point."""
        return self.point()

    def __repr__(self) -> str:
        parts = [f"batch={tuple(self._batch_shape)}", f"event={tuple(self._event_shape)}"]
        return f"{type(self).__name__}({', '.join(parts + self._extra_repr())})"

    def _extra_repr(self) -> list[str]:
        return []


def sum_event(each: Tensor, event_dim: int) -> Tensor:
    """Sum over the last `event_dim` dimensions.

    >>> import torch
    >>> sum_event(torch.ones(2, 3, 4), 2)
    tensor([12., 12.])
    """
    if event_dim == 0:  # an empty tuple would make torch sum over everything
        return each
    return each.sum(tuple(range(-event_dim, 0)))


def outside(value: Tensor, inside: Tensor, clause: str) -> str | None:
    """`clause` with the first value that is not inside, or None when all are.

    >>> import torch
    >>> x = torch.tensor([0.0, 2.0])
    >>> outside(x, x < 1, "values above 1")
    'values above 1, such as 2'
    """
    if bool(inside.all()):
        return None
    return f"{clause}, such as {value[~inside].flatten()[0].item():g}"
