"""The only place where latents stack."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


def replace(h: Tensor | None, z: Tensor) -> Tensor:
    """The merge of a plain VAE: what goes down is the latent itself."""
    return z


class Level(nn.Module):
    """p(z | h), q(z | h, features) and how z joins what goes down.

    Args:
        prior: module, h -> distribution over z.
        posterior: module, (h, features) -> distribution over z; None for a generator.
        merge: (h, z) -> h for the next level or the decoder.
    """

    def __init__(
        self,
        prior: nn.Module,
        posterior: nn.Module | None,
        merge: Callable[[Tensor | None, Tensor], Tensor] = replace,
    ) -> None:
        super().__init__()
        self.prior, self.posterior, self.merge = prior, posterior, merge
