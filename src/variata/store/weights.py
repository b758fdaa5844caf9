"""Weights from a file, taken only where they are those of the model; nothing else is allocated."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from variata.errors import StoreError
from variata.models import LatentModel
from variata.recipes import Composition
from variata.recipes.catalogue import SEVERAL

SPARE = 16  # layers that may be named without tensors: `hidden` is told to recipes without any too
Sizes = dict[str, tuple[tuple[int, ...], str]]
NAMES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64", torch.int32: "I32"} | {
    torch.float16: "F16", torch.bfloat16: "BF16", torch.bool: "BOOL", torch.uint8: "U8"
}  # fmt: skip


def require_room(
    build: Callable[[], Composition], arguments: Mapping[str, Any], path: Path
) -> None:
    """Refuse a configuration whose model is not the one in the file, before it takes memory.

    The model is built without its numbers, so that one of any size costs nothing.

    Raises:
        StoreError: names, shapes or types of the weights differ.
    """
    held = sizes_in(path)
    for name in SEVERAL:
        most = max(len(held), SPARE)
        if isinstance(arguments.get(name), list) and len(arguments[name]) > most:
            raise _other(path, f"it holds {len(held)} tensors for {len(arguments[name])} layers")
    with torch.device("meta"):
        wanted = sizes_of(build().model)
    for name in sorted({*held, *wanted}):
        if held.get(name) != wanted.get(name):
            raise _other(path, f"{name} is {_said(held, name)}, expected {_said(wanted, name)}")


def sizes_in(path: Path) -> Sizes:
    """Shape and type of each tensor of a file, from its header alone.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        with safe_open(path, "pt") as file:
            parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            return {n: (tuple(p.get_shape()), p.get_dtype()) for n, p in parts.items()}
    except (SafetensorError, RuntimeError, OSError) as error:
        raise _other(path, error) from error


def sizes_of(module: nn.Module) -> Sizes:
    """The same of a module."""
    state = module.state_dict()
    return {n: (tuple(v.shape), NAMES.get(v.dtype, str(v.dtype))) for n, v in state.items()}


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """What is saved of a module, by name; a tensor that two modules share is stored once."""
    seen: dict[int, str] = {}
    kept = {}
    for name, value in module.state_dict().items():
        if seen.setdefault(value.data_ptr(), name) == name or value.numel() == 0:
            kept[name] = value.detach().cpu().contiguous()
    return kept


def weights_digest(module: nn.Module) -> str:
    """The SHA-256 of the weights as they are saved, in hexadecimal."""
    return hashlib.sha256(save(tensors_of(module))).hexdigest()


def take_weights(module: LatentModel, path: Path) -> None:
    """Fill a model with the weights of a file.

    Raises:
        StoreError: they are not those of the model.
    """
    try:
        module.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise _other(path, error) from error


def _said(sizes: Sizes, name: str) -> str:
    shape, kind = sizes.get(name, ((), ""))
    return f"{kind} {shape}" if kind else "absent"


def _other(path: Path, why: object) -> StoreError:
    return StoreError(f"{path} does not hold the weights of this model: {why}.")
