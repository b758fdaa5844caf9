"""The task's two networks in plain PyTorch: encoders to features, decoders to logits."""

from __future__ import annotations

from itertools import pairwise

from task import HIDDEN, LATENT
from torch import nn

FEATURES = {"mlp": HIDDEN, "conv": 1024}


def encoder(net: str) -> nn.Module:
    """Images (B, *X) to features (B, F)."""
    if net == "mlp":
        return nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU())
    widths = (1, 128, 256, 512, 1024)
    blocks = [
        nn.Sequential(nn.Conv2d(a, b, 4, 2, padding=1), nn.BatchNorm2d(b), nn.ReLU())
        for a, b in pairwise(widths)
    ]
    return nn.Sequential(*blocks, nn.Flatten())


def decoder(net: str) -> nn.Module:
    """Latents (B, LATENT) to logits (B, *X)."""
    if net == "mlp":
        return nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 784))
    up = nn.ConvTranspose2d
    return nn.Sequential(
        nn.Linear(LATENT, 1024 * 4 * 4),
        nn.Unflatten(1, (1024, 4, 4)),
        nn.Sequential(up(1024, 512, 3, 2, padding=1), nn.BatchNorm2d(512), nn.ReLU()),
        nn.Sequential(
            up(512, 256, 3, 2, padding=1, output_padding=1), nn.BatchNorm2d(256), nn.ReLU()
        ),
        up(256, 1, 3, 2, padding=1, output_padding=1),
    )
