"""Sums over an event that take fewer logarithms than it has elements."""

from __future__ import annotations

from torch import Tensor

GROUP = 16  # factors of a product: each is at least 1/2, so that none comes near underflow


def sum_log_sigmoid(x: Tensor, event_dim: int) -> Tensor:
    """Sum over the last `event_dim` dimensions of log sigmoid(|x|), without gradients.

    Logarithms of products of several elements, several times as fast as one logarithm each. Off by
    no more than the rounding of the sum.

    >>> import torch
    >>> round(sum_log_sigmoid(torch.zeros(2, 5, 7), 2)[0].item() / 35, 4)
    -0.6931
    """
    shares = x.abs().sigmoid_()
    if event_dim == 0:
        return shares.log_()
    shares = shares.flatten(-event_dim)
    each = shares.shape[-1] // GROUP
    products = shares[..., : GROUP * each].unflatten(-1, (GROUP, each)).prod(-2)
    rest = shares[..., GROUP * each :].prod(-1)
    return products.log_().sum(-1) + rest.log_()
