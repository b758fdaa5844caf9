"""One distribution for all rows, and one of vectors as one of examples of any shape."""

from __future__ import annotations

from typing import Any

from torch import Size, Tensor
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint
from torch.types import _size

from variata.distributions.factorised import ONE_DRAW
from variata.shapes import Shape


class Repeated(Distribution):
    """The same p(x) for K draws of B rows, without copies of its parameters.

    Args:
        one: of batch shape (). lead: (K, B).

    >>> import torch
    >>> from variata.distributions import Gaussian
    >>> p = Repeated(Gaussian(torch.zeros(3), torch.ones(3)), Size((2, 5)))
    >>> p.log_prob(torch.zeros(5, 3)).shape, p.sample().shape
    (torch.Size([2, 5]), torch.Size([2, 5, 3]))
    """

    def __init__(self, one: Any, lead: Size) -> None:
        self.one = one
        super().__init__(lead, one.event_shape, validate_args=False)

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        """None: arguments are not validated."""
        return {}

    def log_prob(self, value: Tensor) -> Tensor:
        return self.one.log_prob(value).expand(self._batch_shape)

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        return self.one.sample(Size((*sample_shape, *self._batch_shape)))

    def __repr__(self) -> str:
        return f"Repeated({self.one}, batch={tuple(self._batch_shape)})"


class Reshaped(Distribution):
    """p over vectors (L,) as one over X of L elements.

    Args:
        flat: of batch shape () and event shape (L,). shape: X.
    """

    def __init__(self, flat: Any, shape: Shape) -> None:
        self.flat = flat
        super().__init__(Size(), Size(shape), validate_args=False)

    @property
    def arg_constraints(self) -> dict[str, Constraint]:
        """None: arguments are not validated."""
        return {}

    def log_prob(self, value: Tensor) -> Tensor:
        return self.flat.log_prob(value.flatten(-len(self._event_shape)))

    def sample(self, sample_shape: _size = ONE_DRAW) -> Tensor:
        return self.flat.sample(sample_shape).unflatten(-1, self._event_shape)
