"""Where training starts: the data's margins, or probabilistic PCA where the networks allow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from variata.conditionals import Decoder, head_of, inputs_of_head
from variata.models.latent import LatentModel
from variata.nn import CausalImage, GridDecoder, GridEncoder, ProjectingEncoder, SkippingDecoder
from variata.shapes import draw_mean, spread

SMALLEST = 1e-3  # of the mean variance of an element: the noise of data that is nearly linear
EXTRA, ITERATIONS = 10, 4  # of the randomised decomposition


@dataclass(frozen=True)
class PPCA:
    """Probabilistic PCA in closed form: x = mean + loadings z + noise, z ~ N(0, I).

    Attributes:
        mean: (D,).
        loadings: (D, L).
        encoding: (L, D), with E[z | x] = encoding (x - mean).
        scale: of z given x, (L,).
        noise: standard deviation of what the loadings leave over, (D,).

    Reference:
        Probabilistic Principal Component Analysis (Tipping and Bishop, 1999)
    """

    mean: Tensor
    loadings: Tensor
    encoding: Tensor
    scale: Tensor
    noise: Tensor

    def told(self, x: Tensor) -> Tensor:
        """What draws of z given rows x (N, *X) say about them, less the mean, (N, *X)."""
        z = (x.flatten(1) - self.mean) @ self.encoding.T
        z = z + self.scale * torch.randn_like(z)
        return (z @ self.loadings.T).view(x.shape)


def fit_ppca(x: Tensor, latent: int) -> PPCA:
    """Fit probabilistic PCA to rows x (N, D), with torch's global generator.

    >>> fit_ppca(torch.randn(100, 5), 2).loadings.shape
    torch.Size([5, 2])
    """
    mean, rows = x.mean(0), len(x)
    centred = x - mean
    rank = min(latent, rows - 1, x.shape[1])
    _, singular, basis = torch.pca_lowrank(
        centred, min(rank + EXTRA, rows, x.shape[1]), center=False, niter=ITERATIONS
    )
    variance, basis = singular[:rank].square() / rows, basis[:, :rank]
    total = float(centred.square().mean(0).sum())
    left = (total - float(variance.sum())) / max(1, x.shape[1] - rank)
    noise = max(left, SMALLEST * total / x.shape[1], 1e-12)
    gain = (variance - noise).clamp_min(SMALLEST * noise).sqrt()
    spread = gain.square() + noise
    residual = centred - (centred @ basis) @ basis.T
    return PPCA(
        mean,
        _widened(basis * gain, latent, 1),
        _widened((basis * (gain / spread)).T, latent, 0),
        _widened((noise / spread).sqrt(), latent, 0, fill=1.0),
        residual.square().mean(0).clamp_min(SMALLEST * noise).sqrt(),
    )


@torch.no_grad()
def start(model: LatentModel, x: Tensor, c: Tensor | None = None) -> None:
    """Start a model on examples x (N, *X), before its first step.

    Args:
        c: what they are conditioned on (N, C), which several levels of codes have to know.

    The decoder starts at the mean and standard deviation of every element. Where encoder and
    decoder have linear paths, the model starts as probabilistic PCA, which a network on its own
    needs long to catch up with on photographs; where pixels see those before them, these predict
    the rest linearly; codes on a grid start as those of patches. Priors made of examples take
    theirs, and codebooks the centres of what is encoded, level by level. Densities over x take its
    scale.
    """
    of_density = getattr(model.decoder, "start", None)
    if of_density is not None:
        of_density(x)
    for level in model.levels:
        begin = getattr(level.prior, "start", None)
        if begin is not None:
            begin(x)
    if isinstance(model.encoder, GridEncoder):
        model.encoder.start(x)
    if isinstance(model.decoder, Decoder):
        _start_at_margins(model, model.decoder, x)
    h = _start_codes(model, x, c)
    if h is not None and isinstance(model.decoder, Decoder):
        _start_patches(model.decoder, x, h)


def _start_at_margins(model: LatentModel, decoder: Decoder, x: Tensor) -> None:
    scale, told, gain = x.std(0, unbiased=False), None, 1.0
    posterior: Any = model.levels[0].posterior if len(model.levels) == 1 else None
    skip, encoder = decoder.network, model.encoder
    linear = hasattr(head_of(posterior), "start_linear")
    if linear and isinstance(encoder, ProjectingEncoder) and isinstance(skip, SkippingDecoder):
        pca = fit_ppca(x.flatten(1), encoder.projection.out_features)
        encoder.projection.weight.copy_(pca.encoding)
        encoder.projection.bias.copy_(-pca.encoding @ pca.mean)
        posterior.start_linear(pca.scale)
        skip.skip.weight.zero_()[:, : pca.loadings.shape[1]] = pca.loadings
        scale, told = pca.noise.view(scale.shape), pca.told(x)
    if isinstance(reader := getattr(decoder.head, "reader", None), CausalImage):
        weights, left = reader.start(x, torch.zeros_like(x) if told is None else told)
        gain, scale = float(left.std() / x.std()), left.square().mean(0).sqrt()
        if isinstance(skip, SkippingDecoder):
            skip.skip.weight.view(*x.shape[1:], -1).mul_(weights[:, None, None, None])
    decoder.start_at(x.mean(0), scale, gain)


def _start_patches(decoder: Decoder, x: Tensor, h: Tensor) -> None:
    """Let codes at the positions of a grid predict the patches there."""
    if isinstance(decoder.network, GridDecoder):
        left = decoder.network.start_linear(x - x.mean(0), h[0])
        gain = float(left.std() / x.std())
        decoder.start_at(x.mean(0), left.square().mean(0).sqrt(), gain)


def _start_codes(model: LatentModel, x: Tensor, c: Tensor | None) -> Tensor | None:
    """Start codes, level by level; what then goes to the decoder, (1, N, *H)."""
    begins = [getattr(head_of(level.posterior), "start", None) for level in model.levels]
    if not any(begins):
        return None
    features, h = model.encoder(x), None if c is None else spread(c, 1)
    for level, begin in zip(model.levels, begins, strict=True):
        if begin is not None:
            begin(*inputs_of_head(level.posterior, h, features))
        h = level.merge(h, draw_mean(level.posterior(h, features), 1, len(x)))  # type: ignore[operator]
    return h


def _widened(tensor: Tensor, width: int, dim: int, fill: float = 0.0) -> Tensor:
    """Filled up where the data has fewer directions than the latent."""
    missing = width - tensor.shape[dim]
    if missing <= 0:
        return tensor
    shape = list(tensor.shape)
    shape[dim] = missing
    return torch.cat([tensor, tensor.new_full(shape, fill)], dim)
