"""What a linear classifier reads from latents."""

from __future__ import annotations

import torch

from variata.errors import DataError, ShapeError
from variata.metrics.estimate import Estimate
from variata.metrics.rows import Values, as_rows, check_same_width

ROUNDS = 1_000


def probe_accuracy(
    codes: Values, labels: Values, test_codes: Values, test_labels: Values
) -> Estimate:
    """Return the accuracy of logistic regression from latents (N, Z) on rows it has not seen.

    Latents are standardised; labels (N,) that are negative are unknown and left out. Understanding
    Intermediate Layers using Linear Classifier Probes, Alain and Bengio, 2016, arXiv 1610.01644.

    Raises:
        DataError: fewer than two classes to learn, no row to judge, or a value that is not finite.
        ShapeError: not as many labels as rows, or latents of another width.

    >>> z = torch.arange(100.0)[:, None]
    >>> probe_accuracy(z, z[:, 0] > 50, z[::9], z[::9, 0] > 50).mean
    1.0
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = _known(codes, labels, "latents")
    judged, truth = _known(test_codes, test_labels, "latents to judge on")
    check_same_width(x, judged, ("latents", "latents to judge on"))
    if len(y.unique()) < 2:
        raise DataError("A probe needs rows of at least two classes to learn from.")
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=ROUNDS))
    model.fit(x.numpy(), y.numpy())
    return Estimate.of((torch.from_numpy(model.predict(judged.numpy())) == truth).double())


def _known(codes: Values, labels: Values, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    rows, classes = as_rows(codes, name), torch.as_tensor(labels).reshape(-1).long()
    if len(rows) != len(classes):
        raise ShapeError(f"{name}: expected one label for each of {len(rows)}, got {len(classes)}.")
    known = classes >= 0
    return as_rows(rows[known], f"{name} with a label"), classes[known]
