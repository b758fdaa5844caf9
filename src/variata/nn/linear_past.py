"""Linear prediction of the pixels of an image from those before them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from variata.shapes import full

POSITIONS = 1 << 18  # pixels that a prediction is fitted to, at most
AT_ONCE = 1 << 14  # of them, held as windows at once
SLOW = 1 / 16  # of a step of other weights: many pixels alike would add up
RIDGE = 1e-4  # of the mean variance of what is read


class LinearPast(nn.Module):
    """A linear prediction of each channel of a pixel from pixels and channels before it.

    Computed in full precision, since a grey level is a small number.

    Args:
        channels: C, of an image. size: side of the window, odd, whose lower half is not seen.

    >>> LinearPast(3, 7).within(torch.zeros(2, 3, 4 + 3, 7 + 6)).shape
    torch.Size([2, 3, 4, 7])
    """

    seen: Tensor

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.size = (size // 2 + 1, size)
        self.weight = nn.Parameter(torch.zeros(channels, channels, *self.size))
        seen = torch.ones(channels, channels, *self.size)
        seen[..., -1, size // 2 :] = 0
        seen[..., -1, size // 2] = torch.ones(channels, channels).tril(-1)
        self.register_buffer("seen", seen, persistent=False)

    def within(self, near: Tensor) -> Tensor:
        """Predictions (N, C, H, W) of those pixels whose whole windows are given."""
        with torch.autocast(near.device.type, enabled=False):
            return F.conv2d(full(near), self.weight * (SLOW * self.seen))

    @torch.no_grad()
    def fit(self, near: Tensor, wanted: Tensor, told: Tensor) -> Tensor:
        """Predict pixels best in least squares, beside what is told about each.

        Args:
            near: images with their borders (N, C, H + h - 1, W + w - 1).
            wanted, told: (N, C, H, W).

        Returns:
            What to weigh by what is told, for each channel, (C,).
        """
        channels, windows = len(self.seen), self.seen[0].numel()
        both = windows + channels
        square = torch.zeros(both, both, dtype=torch.float64, device=near.device)
        cross = square.new_zeros(both, channels)
        pixels = wanted[0, 0].numel()
        rows, step = (max(1, most // pixels) for most in (POSITIONS, AT_ONCE))
        parts = (tensor[:rows].split(step) for tensor in (near, wanted, told))
        for images, targets, numbers in zip(*parts, strict=True):
            read = torch.cat([F.unfold(images, self.size), numbers.flatten(2)], 1).double()
            square += (read @ read.transpose(1, 2)).sum(0)
            cross += (read @ targets.flatten(2).double().transpose(1, 2)).sum(0)
        square.diagonal().add_(RIDGE * square.diagonal().mean() + 1e-12)
        weights = torch.zeros(channels)
        own = torch.eye(channels, dtype=torch.bool, device=near.device)
        for channel, seen in enumerate(torch.cat([self.seen.flatten(1).bool(), own], 1)):
            found = torch.linalg.solve(square[seen][:, seen], cross[seen, channel])
            self.weight[channel].view(-1)[seen[:windows]] = found[:-1].to(self.weight) / SLOW
            weights[channel] = found[-1]
        return weights.to(wanted)
