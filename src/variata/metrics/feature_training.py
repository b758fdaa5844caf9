"""Training of the features in which samples are compared with data."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from variata.data.labels import has_classes
from variata.errors import DataError, ShapeError
from variata.metrics.features import FeatureNet, Features, VectorFeatures
from variata.metrics.linear import principal_axes
from variata.metrics.rows import Values, as_rows

PSEUDO_CLASSES = 10
BATCH = 128


def train_features(
    x: Values,
    labels: Values | None = None,
    *,
    name: str = "data",
    seed: int = 0,
    epochs: int = 5,
    device: str = "cpu",
) -> Features:
    """Train features on a person's own examples.

    Images: a small classifier of the labels; without labels, of k-means clusters of their principal
    components. Vectors: standardised principal components, for which labels and epochs do nothing.
    The same seed gives the same features on the same machine; no global random state is touched.

    Args:
        x: images (N, C, H, W) in [0, 1], or vectors (N, D).
        labels: one whole number per example, (N,); negative ones are unknown and left out.
        name: of the data, for the titles.
        device: the classifier is trained on; the features returned live on the CPU.

    Raises:
        ShapeError: neither images nor vectors, or labels of another length.
        DataError: a value that is not finite, or fewer than two classes.

    >>> features = train_features(torch.rand(20, 3), name="table")
    >>> features(torch.rand(4, 3)).shape
    torch.Size([4, 3])
    """
    rows = as_rows(x, "data", 2).float()
    shape = tuple(torch.as_tensor(x).shape[1:])
    if len(shape) == 1:
        return Features(name, VectorFeatures.fit(rows, seed=seed))
    if len(shape) != 3:
        raise ShapeError(
            f"train_features: expected images (N, C, H, W) or vectors (N, D), "
            f"got examples of shape {shape}."
        )
    images = rows.reshape(-1, *shape)
    classes = _clusters(rows, seed) if labels is None else _checked_labels(labels, len(rows))
    known = classes >= 0
    return Features(name, _trained(images[known], classes[known], seed, epochs, device))


def _trained(x: Tensor, y: Tensor, seed: int, epochs: int, device: str) -> FeatureNet:
    classes = int(y.max()) + 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = FeatureNet(x.shape[1], x.shape[2], x.shape[3], classes)
    net.to(device)
    order = torch.Generator().manual_seed(seed)
    steps = epochs * -(-len(x) // BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(epochs):
        for index in torch.randperm(len(x), generator=order).split(BATCH):
            optimiser.zero_grad()
            cross_entropy(net(x[index].to(device)), y[index].to(device)).backward()
            optimiser.step()
            decay.step()
    return net.cpu()


def _clusters(rows: Tensor, seed: int) -> Tensor:
    from sklearn.cluster import MiniBatchKMeans

    centred = rows - rows.mean(0)
    scores = (centred @ principal_axes(centred, 20, seed)).numpy()
    count = min(PSEUDO_CLASSES, len(rows) // 2)
    means = MiniBatchKMeans(count, batch_size=1024, random_state=seed)
    return torch.from_numpy(means.fit_predict(scores)).long()


def _checked_labels(labels: Values, count: int) -> Tensor:
    y = torch.as_tensor(labels).reshape(-1).long().cpu()
    if len(y) != count:
        raise ShapeError(f"labels: expected one per example, {count}, got {len(y)}.")
    if not has_classes(y):
        raise DataError("labels: expected at least two classes; give none to train without labels.")
    return y
