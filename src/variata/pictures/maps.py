"""The latent space seen from above."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from variata.errors import ShapeError, UsageError, did_you_mean
from variata.pictures.arrays import as_array
from variata.pictures.figures import BLUE, GREY, INK, SMALL, SOFT, TITLE, new_figure, to_png
from variata.pictures.grid import grid, normal_quantiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Nine colours told apart with every kind of colour vision (after Colour Schemes, Tol, 2021,
# "muted") and black. Ten more classes repeat them as triangles, as no twenty colours can be told
# apart.
PALETTE = (
    "#332288", "#e0b93b", "#cc6677", "#117733", "#88ccee",
    "#882255", "#44aa99", "#999933", "#aa4499", "#1a1a1a",
)  # fmt: skip
MARKERS = ("o", "^")
MOST = len(PALETTE) * len(MARKERS)
METHODS = ("latent", "pca", "tsne")


def project(
    z: ArrayLike | Tensor, method: str = "pca", *, seed: int = 0, limit: int = 3000
) -> tuple[np.ndarray, np.ndarray]:
    """Return latents on a plane, (n, 2), and which rows they are, (n,).

    Args:
        z: latents (N, *Z).
        method: "latent" the first two dimensions; "pca" the two axes of largest variance, signs
            fixed; "tsne" neighbourhoods kept, distances between groups not to be read.
        seed: of the choice of rows and of t-SNE.
        limit: rows used, drawn at random when there are more.

    Raises:
        UsageError: unknown method. ShapeError: fewer than 3 rows, or no latent dimension.

    >>> points, rows = project(np.eye(5), "pca")
    >>> points.shape, rows.tolist()
    ((5, 2), [0, 1, 2, 3, 4])
    """
    if method not in METHODS:
        raise UsageError(
            f"latent map: expected a method from {', '.join(METHODS)}, got '{method}'."
            + did_you_mean(method, METHODS)
        )
    values = as_array(z).astype(float)
    if values.ndim < 2 or len(values) < 3 or 0 in values.shape:
        raise ShapeError(f"latent map: expected at least 3 latents (N, Z), got {values.shape}.")
    draw = np.random.default_rng(seed)
    rows = np.sort(draw.permutation(len(values))[:limit])
    flat = values[rows].reshape(len(rows), -1)
    if flat.shape[1] == 1:
        return np.column_stack([flat[:, 0], draw.uniform(-0.5, 0.5, len(flat))]), rows
    return _planes(flat, method, seed), rows


def _planes(flat: np.ndarray, method: str, seed: int) -> np.ndarray:
    if method == "latent" or _too_alike(flat):
        return flat[:, :2]
    if method == "pca":
        from sklearn.decomposition import PCA

        return PCA(2, random_state=seed).fit_transform(flat)
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(flat) - 1) / 3)
    return TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(flat)


def _too_alike(flat: np.ndarray) -> bool:
    """Whether points lie on so few places that neither PCA nor t-SNE can spread them."""
    spread = flat.std(0)
    return not np.isfinite(spread).all() or spread.max() < 1e-6 or len(np.unique(flat, axis=0)) < 3


def latent_map(
    points: ArrayLike | Tensor,
    labels: ArrayLike | Tensor | None = None,
    label_names: Sequence[str] | None = None,
    title: str = "",
    note: str = "",
) -> bytes:
    """Return points on a plane, coloured by class, as PNG bytes.

    Args:
        points: (N, 2), as from `project`.
        labels: whole numbers (N,), negative where unknown; None for one colour. Beyond 20 classes
            the rarest are drawn together in grey.
        label_names: name of class 0, 1, ...
        title: above the map. note: below it, small: say, how the plane was found.

    Raises:
        ShapeError: not (N, 2), or labels of another length.

    >>> latent_map([[0.0, 0.0], [1.0, 1.0]], [0, 1], ["no", "yes"], title="t")[1:4]
    b'PNG'
    """
    at = as_array(points).astype(float)
    if at.ndim != 2 or at.shape[1] != 2:
        raise ShapeError(f"latent map: expected points (N, 2), got shape {at.shape}.")
    classes = np.full(len(at), -1) if labels is None else as_array(labels).astype(int).ravel()
    if len(classes) != len(at):
        raise ShapeError(f"latent map: expected {len(at)} labels, got {len(classes)}.")
    groups = _groups(at, classes, label_names)
    side = 0.0 if labels is None else 0.6 + 0.1 * max(len(group.name) for group in groups)
    width = 5.8 + side
    figure = new_figure(width, 5.8)
    axes = figure.add_axes((0.1 / width, 0.05, 5.6 / width, 0.87))
    _scatter(axes, groups, legend=labels is not None)
    axes.set_aspect("equal", adjustable="datalim")
    axes.axis("off")
    figure.text(0.2 / width, 0.955, title, fontsize=TITLE + 1, color=INK, va="center")
    figure.text(0.2 / width, 0.025, note, fontsize=SMALL, color=SOFT, va="center")
    return to_png(figure)


@dataclass(frozen=True)
class _Group:
    name: str
    points: np.ndarray
    colour: str
    marker: str = "o"


def _groups(at: np.ndarray, classes: np.ndarray, names: Sequence[str] | None) -> list[_Group]:
    """The commonest classes in their own colours, and all the rest as one."""
    present, counts = np.unique(classes[classes >= 0], return_counts=True)
    shown = sorted(present[np.argsort(-counts, kind="stable")][:MOST].tolist())
    groups = [
        _Group(_name(c, names), at[classes == c], PALETTE[i % 10], MARKERS[i // 10])
        for i, c in enumerate(shown)
    ]
    rest = ~np.isin(classes, shown)
    if rest.any():
        groups.append(_Group("other", at[rest], GREY) if shown else _Group("", at[rest], BLUE))
    return groups


def _scatter(axes: Axes, groups: list[_Group], legend: bool) -> None:
    size = float(np.clip(20_000 / sum(len(g.points) for g in groups), 9, 30))
    for i, group in enumerate(groups):
        axes.scatter(
            *group.points.T, s=size, color=group.colour, marker=group.marker, label=group.name,
            alpha=0.8, linewidths=0, zorder=1 if group.colour == GREY else 2 + i,
        )  # fmt: skip
    if legend:
        axes.legend(
            loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=TITLE - 1.5, frameon=False,
            labelcolor=INK, handletextpad=0.2, borderaxespad=0, markerscale=5.5 / size**0.5,
        )  # fmt: skip


def _name(label: int, names: Sequence[str] | None) -> str:
    return str(names[label]) if names is not None and label < len(names) else str(label)


def manifold_grid(decode: Callable[[Tensor], Tensor], n: int = 20, pad: int = 0) -> np.ndarray:
    """Return what a two-dimensional latent space decodes to, as one image of uint8.

    n x n latents at evenly spaced probabilities of N(0, 1) (quantiles 0.02 to 0.98), the first
    dimension rising to the right, the second upwards. Auto-Encoding Variational Bayes, Kingma and
    Welling, 2014, arXiv 1312.6114.

    Args:
        decode: latents (n * n, 2) to images (n * n, C, H, W) in [0, 1].
        n: images per side. pad: pixels between them.

    >>> manifold_grid(lambda z: z[:, :1, None, None].expand(-1, 1, 8, 8), n=3).shape
    (96, 96)
    """
    at = torch.tensor(normal_quantiles(n))
    up, right = torch.meshgrid(at.flip(0), at, indexing="ij")
    images = decode(torch.stack([right.ravel(), up.ravel()], 1))
    return grid(images, columns=n, pad=pad, scale=max(1, -(-28 // min(images.shape[-2:]))))
