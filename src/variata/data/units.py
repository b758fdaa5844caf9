"""Own values to model space and back as operations on tensors, for graphs that leave Python."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from variata.data.codes import per_unit
from variata.data.layouts import channels_last
from variata.data.schema import Schema


def shown_dtype(schema: Schema) -> torch.dtype:
    """The dtype of means in own units: that of the data, or float32 for data of whole numbers.

    >>> from variata.data.infer import infer_schema
    >>> shown_dtype(infer_schema([[0.5, 1.5], [2.0, 1.0]]))
    torch.float64
    """
    dtype = torch.from_numpy(np.empty(0, schema.dtype)).dtype
    return dtype if dtype.is_floating_point else torch.float32


def to_model_space(schema: Schema, own: Tensor) -> Tensor:
    """Own values (N, *own_shape) in model space, (N, *shape) float32, by float64 as `Schema` does.

    Nothing is checked; values between two levels go to the nearest.

    >>> from variata.data.infer import infer_schema
    >>> pictures = np.array([[[0, 51], [255, 0]], [[102, 0], [0, 255]]])
    >>> to_model_space(infer_schema(pictures), torch.tensor(pictures))[0]
    tensor([[[0.0000, 0.2000],
             [1.0000, 0.0000]]])
    """
    if len(schema.shape) == 3 and channels_last(schema.own_shape):
        own = own.movedim(-1, 1)
    values = own.reshape(-1, *schema.shape).double()
    if schema.kind == "real":
        mean, scale = (_spread(schema, numbers) for numbers in (schema.mean, schema.scale))
        return ((values - mean) / scale).float()
    if schema.kind == "count":
        return values.float()
    per = per_unit(schema.step)
    codes = (values - schema.low) * per if per else (values - schema.low) / schema.step
    top = (schema.levels or 2) - 1 if schema.kind == "levels" else 1
    return codes.round().float() / top


def to_own_units(schema: Schema, x: Tensor) -> Tensor:
    """Model space (N, *shape) in own units, (N, *own_shape), not rounded.

    >>> from variata.data.infer import infer_schema
    >>> pictures = np.array([[[0, 51], [255, 0]], [[102, 0], [0, 255]]])
    >>> to_own_units(infer_schema(pictures), torch.tensor([[[[0.0, 0.2], [0.5, 1.0]]]]))
    tensor([[[  0.0000,  51.0000],
             [127.5000, 255.0000]]])
    """
    values = x.double()
    if schema.kind == "real":
        values = values * _spread(schema, schema.scale) + _spread(schema, schema.mean)
    elif schema.kind != "count":
        codes = values * ((schema.levels or 2) - 1) if schema.kind == "levels" else values
        per = per_unit(schema.step)
        values = schema.low + (codes / per if per else codes * schema.step)
    if len(schema.shape) == 3 and channels_last(schema.own_shape):
        values = values.movedim(1, -1)
    return values.reshape(-1, *schema.own_shape).to(shown_dtype(schema))


def _spread(schema: Schema, numbers: tuple[float, ...]) -> Tensor:
    """One number for all elements, or one for each."""
    spread = torch.tensor(numbers, dtype=torch.float64)
    return spread if len(numbers) == 1 else spread.view(schema.shape)
