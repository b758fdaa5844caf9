"""Convolutional networks in exact arithmetic."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from variata.exact.grid import Network, largest_to_square, on_grid, require_exact, rounded
from variata.exact.networks import exact, silu
from variata.nn import ConvDecoder, ConvEncoder, PatchEncoder, Residual


@exact.register
def _(module: nn.Conv2d) -> Network:
    weight = on_grid(module.weight)
    bias = None if module.bias is None else on_grid(module.bias)
    require_exact(weight, bias)
    stride, padding = module.stride, module.padding
    return lambda x: rounded(F.conv2d(x, weight, bias, stride, padding))


@exact.register
def _(module: nn.PixelShuffle) -> Network:
    return module


@exact.register
def _(module: nn.GroupNorm) -> Network:
    """Sums of whole numbers are exact; a quotient and a root of them are rounded once, by rule."""
    weight, bias = (on_grid(part)[:, None, None] for part in (module.weight, module.bias))
    groups, small = module.num_groups, module.eps

    def run(x: Tensor) -> Tensor:
        parts = x.unflatten(1, (groups, -1))
        count = parts[0, 0].numel()
        most = largest_to_square(count)
        mean = parts.sum((2, 3, 4), keepdim=True) / count
        centred = rounded(parts - mean).clamp_(-most, most)
        variance = centred.square().sum((2, 3, 4), keepdim=True) / count
        standard = rounded(centred / (variance + small).sqrt()).flatten(1, 2)
        return rounded(standard * weight + bias)

    return run


@exact.register
def _(module: Residual) -> Network:
    norms = exact(module.norm1), exact(module.norm2)
    convolutions = exact(module.conv1), exact(module.conv2)

    def run(x: Tensor) -> Tensor:
        y = x
        for norm, convolution in zip(norms, convolutions, strict=True):
            y = convolution(silu()(norm(y)))
        return rounded(x + y)

    return run


@exact.register(PatchEncoder)
@exact.register(ConvEncoder)
def _(module: ConvEncoder | PatchEncoder) -> Network:
    layers, output, padding = exact(module.layers), exact(module.output), module.padding

    def run(x: Tensor) -> Tensor:
        x = F.pad(x, padding, mode="replicate") if any(padding) else x
        return output(layers(x))

    return run


@exact.register
def _(module: ConvDecoder) -> Network:
    first, layers, bias = exact(module.input), exact(module.layers), on_grid(module.bias)
    height, width = module.shape[-2:]

    def run(z: Tensor) -> Tensor:
        image = layers(first(z.flatten(1)).unflatten(1, module.start))
        return image[..., :height, :width].unflatten(1, module.shape[:2]) + bias

    return run
