"""Features in which samples are compared with data, trained on the person's own examples."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from variata.atomic import write_bytes
from variata.errors import ShapeError, StoreError
from variata.metrics.linear import principal_axes
from variata.metrics.rows import Values, as_rows
from variata.metrics.samples import frechet_distance

WIDTH = 128  # features of an image
MOST_AXES = 64  # features of a vector, at most


class FeatureNet(nn.Module):
    """A small classifier of images of any size; its penultimate layer is the feature.

    Three convolutions, each halving but the first, a pooled 2 x 2 map, one hidden layer of 128.

    Args:
        channels, height, width: of one image. classes: told apart in training.

    >>> FeatureNet(1, 8, 8, classes=10).features(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3, 128])
    """

    def __init__(self, channels: int, height: int, width: int, classes: int) -> None:
        super().__init__()
        self.shape, self.classes = (channels, height, width), classes
        self.body = nn.Sequential(
            _conv(channels, 32, 1),
            _conv(32, 64, 2),
            _conv(64, 64, 2),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(256, WIDTH),
            nn.GELU(),
        )
        self.head = nn.Linear(WIDTH, classes)

    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate layer of images (B, C, H, W) in [0, 1]: (B, 128)."""
        return self.body(x * 2 - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return class logits (B, classes) of images (B, C, H, W) in [0, 1]."""
        return self.head(self.features(x))


class VectorFeatures(nn.Module):
    """Standardised columns turned onto their principal axes and scaled to variance 1, (B, n).

    >>> x = torch.tensor([[0.0, 5.0], [2.0, 5.0], [4.0, 5.0]])
    >>> VectorFeatures.fit(x).features(x).std(0)
    tensor([1.])
    """

    def __init__(self, width: int, n: int) -> None:
        super().__init__()
        self.shape = (width,)
        self.mean = nn.Buffer(torch.zeros(width))
        self.axes = nn.Buffer(torch.zeros(width, n))

    @classmethod
    def fit(cls, x: Tensor, most: int = MOST_AXES, seed: int = 0) -> VectorFeatures:
        """Fit to rows (N, D); axes that carry less than 1e-6 of the variance are left out."""
        rows = as_rows(x, "data", 2)
        scale = rows.std(0)
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        centred = (rows - rows.mean(0)) / scale
        axes = principal_axes(centred, most, seed)
        spread = (centred @ axes).std(0)
        kept = spread**2 > 1e-6 * (spread**2).sum()
        fitted = cls(rows.shape[1], int(kept.sum()))
        fitted.mean.copy_(rows.mean(0))
        fitted.axes.copy_((axes / spread)[:, kept] / scale[:, None])
        return fitted

    def features(self, x: Tensor) -> Tensor:
        """Return the coordinates (B, n) of rows (B, D)."""
        return (x - self.mean) @ self.axes


class Features:
    """A fixed map from examples to features, with the name of what it was trained on.

    Args:
        name: of the data, say "digits"; it is part of every number's title.
        net: the map.
    """

    def __init__(self, name: str, net: FeatureNet | VectorFeatures) -> None:
        self.name, self.net = name, net.eval().requires_grad_(False)

    @property
    def title(self) -> str:
        """What a distance in these features is called; never "FID", whose features are others.

        >>> Features("digits", VectorFeatures(4, 2)).title
        'Frechet distance in the features of digits'
        """
        return f"Frechet distance in the features of {self.name}"

    def __call__(self, x: Values, batch: int = 500) -> Tensor:
        """Return features (N, F), float32, of examples (N, *X): images in [0, 1], or vectors.

        Raises:
            ShapeError: the examples have another shape than those trained on.
        """
        examples = as_rows(x, "examples").float()
        shape = tuple(torch.as_tensor(x).shape[1:])
        if shape != self.net.shape:
            raise ShapeError(
                f"features of {self.name}: expected examples of shape {self.net.shape}, "
                f"got {shape}."
            )
        parts = examples.reshape(-1, *shape).split(batch)
        with torch.no_grad():
            return torch.cat([self.net.features(part) for part in parts])

    def frechet_distance(self, real: Values, fake: Values) -> float:
        """Return the Frechet distance of data (N, *X) and samples (M, *X) in these features."""
        return frechet_distance(self(real), self(fake))

    def save(self, path: str | Path) -> None:
        """Write weights, shapes and name to one safetensors file, whole or not at all.

        Raises:
            StoreError: the file cannot be written.
        """
        from safetensors.torch import save

        classes = self.net.classes if isinstance(self.net, FeatureNet) else self.net.axes.shape[1]
        metadata = {
            "name": self.name,
            "shape": ",".join(str(n) for n in self.net.shape),
            "classes": str(classes),
        }
        write_bytes(Path(path), save(self.net.state_dict(), metadata))

    @classmethod
    def load(cls, path: str | Path) -> Features:
        """Read what `save` wrote.

        Raises:
            StoreError: the file is missing, damaged, or no file of features.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), framework="pt") as file:
                net = _blank(file.metadata() or {})
                keys = file.keys()
                net.load_state_dict({key: file.get_tensor(key) for key in keys})
                return cls(file.metadata()["name"], net)
        except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
            raise StoreError(f"features: '{path}' cannot be read: {error}") from error


def _blank(metadata: dict[str, str]) -> FeatureNet | VectorFeatures:
    shape = [int(n) for n in metadata["shape"].split(",")]
    classes = int(metadata["classes"])
    if len(shape) == 1:
        return VectorFeatures(shape[0], classes)
    if len(shape) != 3:
        raise ValueError(f"expected an example of 1 or 3 axes, got {len(shape)}")
    return FeatureNet(shape[0], shape[1], shape[2], classes)


def _conv(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
    return nn.Sequential(conv, nn.GroupNorm(8, outputs), nn.GELU())
