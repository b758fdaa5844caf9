"""How close samples are to data, as sets of points: pixels, columns or features."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from variata.errors import UsageError
from variata.metrics.distances import chunks_of_distances, kth_neighbour, nearest
from variata.metrics.estimate import Estimate
from variata.metrics.ranking import probability_less
from variata.metrics.rows import Values, as_rows, check_same_width, some_rows


def frechet_distance(a: Values, b: Values) -> float:
    """Return the squared Frechet distance of Gaussians fitted to two sets of features (N, F).

    |m_a - m_b|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2) with covariances A, B. The roots are
    symmetric ones by eigenvalues, in float64, and the trace of the last root is the sum of the
    singular values of A^1/2 B^1/2, which loses no digits where a covariance is singular. In squared
    units of the features; biased upwards for small sets, so compare sets of one size. GANs Trained
    by a Two Time-Scale Update Rule, Heusel et al., 2017, arXiv 1706.08500.

    Raises:
        DataError: fewer than 2 rows, or a value that is not finite.
        ShapeError: a and b have not equally many features.

    >>> x = torch.tensor([[-1.0], [1.0]])
    >>> round(frechet_distance(x, x + 3), 6)  # the means are 3 apart
    9.0
    """
    x, y = _pair(a, b, ("first set", "second set"))
    roots = [_symmetric_root(_covariance(rows)) for rows in (x, y)]
    shift = ((x.mean(0) - y.mean(0)) ** 2).sum()
    spread = sum((root**2).sum() for root in roots)
    overlap = torch.linalg.svdvals(roots[0] @ roots[1]).sum()
    return max(float(shift + spread - 2 * overlap), 0.0)


@dataclass(frozen=True)
class Coverage:
    """Fidelity and variety of samples; all without unit.

    Attributes:
        precision: share of samples inside the data's neighbourhoods, 0 to 1.
        recall: share of data inside the samples' neighbourhoods, 0 to 1.
        density: neighbourhoods of the data a sample falls into, over k; 1 for a perfect model,
            above 1 when samples crowd the middle.
        coverage: share of the data's neighbourhoods that hold a sample, 0 to 1.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: Values, fake: Values, k: int = 5, chunk: int | None = None) -> Coverage:
    """Return precision, recall, density and coverage of samples by k-nearest neighbourhoods.

    The neighbourhood of a point is the closed ball that reaches its k-th nearest other point of the
    same set. Precision and recall: Kynkaanniemi et al., 2019, arXiv 1904.06991. Density and
    coverage: Naeem et al., 2020, arXiv 2002.09797.

    Args:
        real, fake: data (N, F) and samples (M, F).
        k: neighbours; below N and below M.
        chunk: rows per block of distances; chosen to fit in memory by default.

    Raises:
        UsageError: k out of range. DataError, ShapeError: unusable rows.

    >>> x = torch.arange(8.0)[:, None]
    >>> prdc(x, x, k=2)
    Coverage(precision=1.0, recall=1.0, density=1.5, coverage=1.0)
    """
    x, y = _pair(real, fake, ("data", "samples"))
    if not 1 <= k < min(len(x), len(y)):
        raise UsageError(f"prdc: expected k from 1 to {min(len(x), len(y)) - 1}, got {k}.")
    reach_x, reach_y = kth_neighbour(x, k, chunk), kth_neighbour(y, k, chunk)
    balls = torch.zeros(len(y), device=x.device)
    recalled, covered = [], []
    for rows, square in chunks_of_distances(x, y, chunk):
        inside = square <= reach_x[rows, None]
        balls += inside.sum(0)
        covered.append(inside.any(1))
        recalled.append((square <= reach_y).any(1))
    return Coverage(
        precision=_share(balls > 0),
        recall=_share(torch.cat(recalled)),
        density=float(balls.double().mean()) / k,
        coverage=_share(torch.cat(covered)),
    )


@dataclass(frozen=True)
class Copies:
    """Whether samples lie nearer to the training examples than to unseen ones.

    Attributes:
        ratio: mean distance to the nearest training example over that to the nearest unseen one;
            about 1 without memorisation, towards 0 with; 1 when both are 0.
        nearer_train: share of samples nearer to training data, about 0.5 without memorisation.
        closer: share of pairs of a sample and an unseen example in which the sample is nearer to
            its nearest training example, of all, than the other to its own; towards 1 with
            memorisation, above 0.5 also where samples keep to the middle of the data, and below it
            where they lie off the data.
        exact: share of samples equal to a training example.
        index: nearest training example of each sample, (M,), among all of them.
        distance: to that example, (M,), in the rows' unit.
    """

    ratio: float
    nearer_train: Estimate
    closer: Estimate
    exact: float
    index: Tensor
    distance: Tensor


def nearest_copies(samples: Values, train: Values, test: Values, seed: int = 0) -> Copies:
    """Compare distances from samples (M, D) to training rows (N, D) and to unseen rows (T, D).

    The larger of the two sets is cut at random to the size of the smaller for the comparison,
    because a larger set holds nearer neighbours by chance alone; copies are sought in all of it,
    and so are the neighbours that `closer` compares.
    `closer` is the statistic of A Non-Parametric Test to Detect Data-Copying in Generative Models,
    Meehan, Chaudhuri and Dasgupta, 2020, arXiv 2004.05675.

    Raises:
        DataError: an empty set, or a value that is not finite.
        ShapeError: the sets differ in width.

    >>> train, test = torch.zeros(4, 2), torch.ones(4, 2)
    >>> copies = nearest_copies(torch.zeros(3, 2), train, test)
    >>> copies.ratio, copies.exact
    (0.0, 1.0)
    """
    x, seen = _pair(samples, train, ("samples", "training data"), least=1)
    _, unseen = _pair(samples, test, ("samples", "test data"), least=1)
    size = min(len(seen), len(unseen))
    some, others = some_rows(seen, size, seed), some_rows(unseen, size, seed)
    to_seen, _ = nearest(x, some)
    to_unseen, _ = nearest(x, others)
    distance, index = nearest(x, seen)
    return Copies(
        ratio=_ratio(to_seen, to_unseen),
        nearer_train=Estimate.of((to_seen < to_unseen).double() + (to_seen == to_unseen) * 0.5),
        closer=probability_less(distance, nearest(unseen, seen)[0]),
        exact=_share(distance == 0),
        index=index,
        distance=distance,
    )


def _ratio(to_seen: Tensor, to_unseen: Tensor) -> float:
    above, below = float(to_seen.mean()), float(to_unseen.mean())
    if below == 0:
        return 1.0 if above == 0 else math.inf
    return above / below


def _pair(a: Values, b: Values, names: tuple[str, str], least: int = 2) -> tuple[Tensor, Tensor]:
    x, y = as_rows(a, names[0], least), as_rows(b, names[1], least)
    check_same_width(x, y, names)
    return x, y


def _covariance(x: Tensor) -> Tensor:
    centred = x - x.mean(0)
    return centred.T @ centred / (len(x) - 1)


def _symmetric_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T


def _share(mask: Tensor) -> float:
    return float(mask.double().mean())
