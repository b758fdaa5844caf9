"""In what numbers a step is computed: matrix products may be short, probabilities never are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from variata.errors import UsageError

PRECISIONS = ("auto", "fp32", "bf16", "fp64")
CLOSE = 1e-5  # of a product's norm: oneDNN's products must be as good as those of fp32
CHECKED = 256  # rows and columns of the product that is checked


def chosen_precision(asked: str, device: torch.device, large: bool) -> str:
    """The precision that is asked for; "auto" takes bf16 where products gain from it.

    Args:
        asked: one of `PRECISIONS`.
        device: where steps are computed.
        large: whether products take most of a step.

    Raises:
        UsageError: the device has no such numbers.

    >>> chosen_precision("fp64", torch.device("cpu"), True)
    'fp64'
    """
    if asked == "fp64" and device.type == "mps":
        raise UsageError("MPS has no fp64: use --precision fp32, or --device cpu.")
    if asked != "auto":
        return asked
    return "bf16" if large and multiplies_bf16(device) else "fp32"


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for products of bf16 numbers."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16"))
    return False


def data_type(precision: str) -> torch.dtype:
    """Of weights and data: matrix products alone are in bf16."""
    return torch.float64 if precision == "fp64" else torch.float32


def short_products(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """Networks multiply in bf16, where that is the precision."""
    if precision != "bf16":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


@contextmanager
def products_by(library: str) -> Iterator[None]:
    """Multiply fp32 matrices by oneDNN or MKL, then put the setting back.

    >>> before = torch.get_float32_matmul_precision()
    >>> with products_by("onednn"):
    ...     torch.get_float32_matmul_precision()
    'medium'
    >>> torch.get_float32_matmul_precision() == before
    True
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if library == "onednn" else before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def exact_by(library: str) -> bool:
    """Whether its products of fp32 matrices are fp32: on some processors they are bf16."""
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, CHECKED, CHECKED, generator=generator)
    with products_by(library):
        found = a @ b
    wanted = a.double() @ b.double()
    return bool((found - wanted).norm() < CLOSE * wanted.norm())
