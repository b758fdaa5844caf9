"""Data that a device holds, so that batches need not travel."""

from __future__ import annotations

import torch
from torch import Tensor

from variata.training.validation import Examples

SHARE = 0.25  # of an accelerator's free memory that data may take


def resident(examples: Examples, device: torch.device) -> Examples:
    """The same examples, held on a CUDA device where they take at most a quarter of its memory."""
    codes, move = getattr(examples, "codes", None), getattr(examples, "to", None)
    if device.type != "cuda" or move is None or not isinstance(codes, Tensor):
        return examples
    unused, _ = torch.cuda.mem_get_info(device)
    return move(device) if codes.nbytes <= SHARE * unused else examples


def place_of(examples: Examples) -> torch.device:
    """Where batches of these come from, and where indices of rows are wanted."""
    codes = getattr(examples, "codes", None)
    return codes.device if isinstance(codes, Tensor) else torch.device("cpu")
