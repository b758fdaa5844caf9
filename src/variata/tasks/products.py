"""How verbs over many rows multiply: by the fastest library that is exact, or in bf16 if asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from variata.errors import UsageError, did_you_mean
from variata.models import LatentModel
from variata.shapes import full
from variata.training.precision import exact_by, products_by

PRECISIONS = ("fp32", "bf16")


@contextmanager
def multiplied(module: LatentModel, precision: str = "fp32") -> Iterator[None]:
    """Let networks multiply so, then put everything back.

    On a processor, fp32 matrices are multiplied by oneDNN, wherever that is as exact as fp32: it
    is as fast as MKL or faster, on processors that MKL does not favour more than twice as fast.

    Args:
        precision: "fp32", or "bf16" for the networks of encoder and decoder; posteriors, priors,
            likelihoods and sums are never short.

    Raises:
        UsageError: for another precision.
    """
    if precision not in PRECISIONS:
        raise UsageError(
            f"Unknown precision '{precision}'.{did_you_mean(precision, PRECISIONS)} "
            "Known: fp32, bf16."
        )
    device = next(module.parameters()).device
    with ExitStack() as stack:
        stack.enter_context(products_by(library(device)))
        if precision == "bf16":
            stack.enter_context(_shortened(module, device))
        yield


def library(device: torch.device) -> str:
    """Which library multiplies fp32 matrices on a device.

    >>> library(torch.device("cuda"))
    'usual'
    """
    return "onednn" if device.type == "cpu" and _onednn_is_exact() else "usual"


@cache
def _onednn_is_exact() -> bool:
    return exact_by("onednn")


@contextmanager
def wrapped(module: LatentModel, wrap: Callable[[nn.Module], nn.Module]) -> Iterator[None]:
    """The networks of encoder and decoder replaced by what `wrap` makes of them, for a while."""
    whole = list(_networks(module))
    for owner, name, network in whole:
        setattr(owner, name, wrap(network))
    try:
        yield
    finally:
        for owner, name, network in whole:
            setattr(owner, name, network)


def _networks(module: LatentModel) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    """Whose they are, what they are called there, and the networks."""
    for owner, name in ((module, "encoder"), (module.decoder, "network")):
        network = getattr(owner, name, None)
        if isinstance(network, nn.Module):
            yield owner, name, network


class _Short(nn.Module):
    """A network that multiplies in bf16 and gives fp32."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        super().__init__()
        self.network, self.kind = network, device.type

    def forward(self, x: Tensor) -> Any:
        with torch.autocast(self.kind, torch.bfloat16):
            made = self.network(x)
        return tree_map(lambda value: full(value) if isinstance(value, Tensor) else value, made)


@contextmanager
def _shortened(module: LatentModel, device: torch.device) -> Iterator[None]:
    # the outer one computes nothing: it keeps the shortened weights from call to call
    with (
        torch.autocast(device.type, enabled=False),
        wrapped(module, lambda network: _Short(network, device)),
    ):
        yield
