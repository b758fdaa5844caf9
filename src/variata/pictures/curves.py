"""Numbers over training and over latent dimensions, drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from variata.errors import ShapeError, UsageError
from variata.pictures.arrays import as_array
from variata.pictures.figures import (
    BLUE,
    GREY,
    ORANGE,
    PURPLE,
    SMALL,
    SOFT,
    calm,
    label_legend,
    new_figure,
    shared_legend,
    to_png,
)
from variata.pictures.reconstruct import by_rate, dimension_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Series = tuple[Sequence[float], Sequence[float]]  # steps, values
PANELS = {
    "elbo": "ELBO, nats (higher is better)",
    "rate": "rate, nats",
    "distortion": "distortion, nats (lower is better)",
}


def training_curves(
    train: Mapping[str, Series],
    valid: Mapping[str, Series] | None = None,
    weight: Series | None = None,
    weight_name: str = "weight of the rate",
) -> bytes:
    """Return ELBO, rate, distortion and the weight of the rate against the step: PNG bytes.

    Args:
        train, valid: name ("elbo", "rate", "distortion", or any other) to (steps, values), nats.
        weight: (steps, values) of beta, or of whatever weighs the rate.

    Raises:
        UsageError: nothing to draw. ShapeError: steps and values differ in length.

    >>> training_curves({"elbo": ([0, 1], [-9.0, -8.0])})[1:4]
    b'PNG'
    """
    valid = valid or {}
    names = sorted({*train, *valid}, key=lambda n: (list(PANELS).index(n) if n in PANELS else 9, n))
    count = len(names) + (weight is not None)
    if count == 0:
        raise UsageError("training curves: expected at least one series, got none.")
    across = min(count, 2)
    down = -(-count // across)
    figure = new_figure(4.6 * across, 2.9 * down)
    figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
    for i, name in enumerate(names):
        axes = calm(figure.add_subplot(down, across, i + 1), PANELS.get(name, name), "step")
        _draw(axes, train.get(name), BLUE, "training")
        _draw(axes, valid.get(name), ORANGE, "validation", dots=True)
        focus(axes)
        label_legend(axes)
    if weight is not None:
        axes = calm(figure.add_subplot(down, across, count), weight_name, "step")
        _draw(axes, weight, PURPLE, "")
        axes.set_ylim(bottom=0)
    return to_png(figure)


def _draw(axes: Axes, series: Series | None, colour: str, label: str, dots: bool = False) -> None:
    if series is None:
        return
    steps, values = (np.asarray(part, float) for part in series)
    if steps.shape != values.shape:
        raise ShapeError(f"curves: expected {len(steps)} values, one per step, got {len(values)}.")
    few = "o" if dots and len(steps) <= 60 else ""
    axes.plot(steps, values, color=colour, label=label, lw=1.5, marker=few, ms=3)
    if len(steps) > 1 and steps.max() >= 10_000:
        axes.xaxis.set_major_formatter(lambda at, _: f"{at / 1000:g}k" if at else "0")


def focus(axes: Axes) -> None:
    """Keep the huge values of the first steps from flattening all that follows."""
    lines = [np.asarray(line.get_xydata(), float) for line in axes.lines]
    points = np.concatenate([line for line in lines if len(line)] or [np.empty((0, 2))])
    points = points[np.isfinite(points).all(1)]
    if len(points) < 20:
        return
    steps, values = points.T
    later = values[steps >= steps.min() + 0.05 * np.ptp(steps)]
    low, high = later.min(), later.max()
    room = 0.08 * (high - low) or 1.0
    if np.ptp(values) > 3 * max(high - low, room):
        axes.set_ylim(low - room, high + room)


def rate_bars(
    rates: ArrayLike | Tensor, active: ArrayLike | Tensor | None = None, most: int = 64
) -> bytes:
    """Return the mean rate of each latent dimension as bars, highest first: PNG bytes.

    Args:
        rates: (Z,) nats. active: (Z,) True where in use; others are grey.
        most: bars drawn; the title counts all.

    >>> rate_bars([0.0, 3.0, 1.0], [False, True, True])[1:4]
    b'PNG'
    """
    values = _flat(rates)
    on = np.ones(len(values), bool) if active is None else _flat(active).astype(bool)
    if len(on) != len(values):
        raise ShapeError(f"rate bars: expected {len(values)} marks of use, got {len(on)}.")
    order = by_rate(values.tolist())[:most]
    figure = new_figure(float(np.clip(2.5 + 0.3 * len(order), 5, 10)), 3.2)
    figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
    title = f"{values.sum():.1f} nats over {len(values)} latent dimensions"
    if active is not None:
        title += f", {int(on.sum())} in use (blue)"
    axes = calm(figure.add_subplot(), title, "latent dimension", "rate, nats")
    places = range(len(order))
    axes.bar(places, values[order], color=[BLUE if on[i] else GREY for i in order], width=0.7)
    turn = 90 if len(order) > 26 else 0
    axes.set_xticks(places, [str(i) for i in order], rotation=turn, fontsize=SMALL - (turn > 0))
    axes.set_xlim(-0.7, len(order) - 0.3)
    return to_png(figure)


def latent_histograms(
    z: ArrayLike | Tensor,
    rates: ArrayLike | Tensor,
    top: int = 6,
    prior: ArrayLike | Tensor | None = None,
) -> bytes:
    """Return q(z) of the dimensions of highest rate against the prior: PNG bytes.

    Args:
        z: draws from the aggregate posterior, one or more per example, (N, Z).
        rates: (Z,) nats. top: dimensions shown.
        prior: draws from the prior, (M, Z); None for N(0, 1).

    Raises:
        ShapeError: z and rates do not fit together.

    >>> latent_histograms(np.zeros((9, 2)), [1.0, 2.0])[1:4]
    b'PNG'
    """
    draws = as_array(z).astype(float)
    values = _flat(rates)
    if draws.ndim != 2 or draws.shape[1] != len(values) or len(draws) == 0:
        raise ShapeError(
            f"latent histograms: expected draws (N, {len(values)}), got shape {draws.shape}."
        )
    order = by_rate(values.tolist())[:top]
    across = min(3, len(order))
    down = -(-len(order) // across)
    figure = new_figure(3.1 * across, 2.2 * down + 0.3)
    figure.set_layout_engine("constrained", h_pad=0.08, w_pad=0.08)
    for i, dim in enumerate(order):
        axes = calm(figure.add_subplot(down, across, i + 1), dimension_name(dim, values[dim]))
        if prior is None:
            _against_normal(axes, draws[:, dim])
        else:
            _against_draws(axes, draws[:, dim], as_array(prior)[:, dim].astype(float))
    shared_legend(figure, figure.axes[0])
    return to_png(figure)


def _against_normal(axes: Axes, draws: np.ndarray) -> None:
    reach = float(np.clip(np.abs(draws).max() * 1.05, 3.5, 8))
    _histogram(axes, draws, -reach, reach)
    at = np.linspace(-reach, reach, 300)
    density = np.exp(-(at**2) / 2) / np.sqrt(2 * np.pi)
    axes.plot(at, density, color=ORANGE, lw=1.6, label="prior N(0, 1)")


def _against_draws(axes: Axes, draws: np.ndarray, prior: np.ndarray) -> None:
    low, high = np.quantile(np.concatenate([draws, prior]), [0.001, 0.999])
    margin = 0.1 * (high - low) or 1.0
    _histogram(axes, draws, low - margin, high + margin)
    density, edges = np.histogram(prior, 49, (low - margin, high + margin), density=True)
    axes.plot((edges[1:] + edges[:-1]) / 2, density, color=ORANGE, lw=1.6, label="prior, learned")


def _histogram(axes: Axes, draws: np.ndarray, low: float, high: float) -> None:
    axes.hist(
        np.clip(draws, low, high),
        np.linspace(low, high, 49).tolist(),
        density=True,
        color=BLUE,
        alpha=0.75,
        label="q(z)",
    )
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.tick_params(colors=SOFT)


def _flat(values: ArrayLike | Tensor) -> np.ndarray:
    return as_array(values).astype(float).ravel()
