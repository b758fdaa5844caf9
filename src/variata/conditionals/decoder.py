"""The decoder: a network, then a likelihood head."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn
from torch.distributions import Distribution

from variata.errors import ShapeError
from variata.shapes import Shape, full, numel


class Head(Protocol):
    """Turns raw network outputs into p(x | z).

    Attributes:
        per_element: how many raw outputs P every element of x needs.
        locations: which of them are in units of x; absent where none are.
    """

    per_element: int

    def __call__(self, raw: Tensor) -> Distribution:
        """Raw outputs (K, B, P, *X) to a likelihood with batch shape (K, B)."""
        ...

    def start(self, mean: Tensor, scale: Tensor) -> Tensor:
        """Raw outputs (P, *X) that describe data of this mean and scale, both (*X)."""
        ...


class Decoder(nn.Module):
    """h (K, B, *H) -> p(x | h). K is folded into the batch around the network.

    Args:
        network: (N, *H) -> (N, P, *X), or any shape of as many elements.
        head: the likelihood.
        shape: X, of one example in model space.
    """

    def __init__(self, network: nn.Module, head: nn.Module, shape: Shape) -> None:
        super().__init__()
        self.network, self.head = network, head
        self.raw_shape: Shape = (int(head.per_element), *shape)  # type: ignore[arg-type]

    def forward(self, h: Tensor) -> Distribution:
        raw = full(self.network(h.flatten(0, 1)))
        if raw.shape[1:] != self.raw_shape:
            raw = self._reshaped(raw)
        return self.head(raw.unflatten(0, h.shape[:2]))

    def start_at(self, mean: Tensor, scale: Tensor, gain: float = 1.0) -> None:
        """Set the output bias so that an untrained decoder already describes the data's margins.

        Args:
            gain: of what latents do to it.
        """
        start = getattr(self.network, "start_at", None)
        if start is not None:
            start(self.head.start(mean, scale), gain)  # type: ignore[operator]

    def _reshaped(self, raw: Tensor) -> Tensor:
        if numel(raw.shape[1:]) != numel(self.raw_shape):
            raise ShapeError(
                f"The decoder network returned {tuple(raw.shape[1:])} for each latent, but this "
                f"likelihood needs {self.raw_shape} (parameters per element, then the example's "
                f"shape): give its last layer {numel(self.raw_shape)} outputs."
            )
        return raw.reshape(raw.shape[0], *self.raw_shape)
