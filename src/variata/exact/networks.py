"""Networks in exact arithmetic: a function for every kind of module.

Each takes and gives activations on the grid (`variata.exact.grid`) in float64; `raw` gives the
outputs of a last layer as they are, exact but not rounded.
"""

from __future__ import annotations

from functools import cache, singledispatch

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.errors import UsageError
from variata.exact.grid import Network, SiLU, on_grid, require_exact, rounded
from variata.nn import (
    BroadcastDecoder,
    Dense,
    MLPDecoder,
    MLPEncoder,
    OneHot,
    ProjectingEncoder,
    SkippingDecoder,
)

silu = cache(SiLU)


@singledispatch
def exact(module: nn.Module) -> Network:
    """The module as a function whose results are the same bits everywhere.

    Raises:
        UsageError: for a kind of module that is not known here, or weights that are too large.

    >>> network = exact(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)))
    >>> network(torch.zeros(3, 2, 2, dtype=torch.float64)).shape
    torch.Size([3, 2])
    """
    raise UsageError(
        f"Compression has no exact arithmetic for the module {type(module).__name__}: train with "
        "networks of variata's own (network='mlp', 'conv' or 'broadcast')."
    )


@singledispatch
def raw(module: nn.Module) -> Network:
    """The same, without rounding what the last layer makes."""
    return exact(module)


@raw.register
def _(module: nn.Linear) -> Network:
    weight = on_grid(module.weight)
    bias = None if module.bias is None else on_grid(module.bias)
    require_exact(weight, bias)
    return lambda x: F.linear(x, weight, bias)


@exact.register
def _(module: nn.Linear) -> Network:
    linear = raw(module)
    return lambda x: rounded(linear(x))


@exact.register
def _(module: nn.Sequential) -> Network:
    parts = [exact(part) for part in module]

    def run(x: Tensor) -> Tensor:
        for part in parts:
            x = part(x)
        return x

    return run


@exact.register
def _(module: nn.Flatten) -> Network:
    return module


@exact.register
def _(module: nn.SiLU) -> Network:
    return silu()


@exact.register
def _(module: OneHot) -> Network:
    return module


@exact.register
def _(module: Dense) -> Network:
    linear, activate = exact(module.linear), silu()
    if not module.residual:
        return lambda x: activate(linear(x))
    return lambda x: rounded(x + activate(linear(x)))


@exact.register
def _(module: MLPEncoder) -> Network:
    layers = exact(module.layers)
    return lambda x: layers(x.flatten(1))


@exact.register
def _(module: MLPDecoder) -> Network:
    layers, output = exact(module.layers), raw(module.output)
    return lambda z: output(layers(z.flatten(1))).unflatten(1, module.shape)


@exact.register
def _(module: BroadcastDecoder) -> Network:
    told, layers, output = exact(module.told), exact(module.layers), raw(module.output)
    placed, bias = exact(module.placed)(rounded(on_grid(module.places))), on_grid(module.bias)
    activate = silu()

    def run(z: Tensor) -> Tensor:
        met = activate(rounded(told(z.flatten(1))[:, None] + placed))
        return module.joined(output(layers(met))) + bias

    return run


@exact.register
def _(module: ProjectingEncoder) -> Network:
    network, projection = exact(module.network), exact(module.projection)
    return lambda x: torch.cat([network(x), projection(x.flatten(1))], 1)


@exact.register
def _(module: SkippingDecoder) -> Network:
    network, skip = exact(module.network), raw(module.skip)

    def run(z: Tensor) -> Tensor:
        made = network(z)
        made[:, module.locations] += skip(z.flatten(1)).view(-1, 1, *module.shape)
        return made

    return run
