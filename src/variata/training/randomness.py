"""Randomness that belongs to a seed and a step, and leaves the caller's untouched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor

from variata.training.sampler import mix


def reseed(device: torch.device, *numbers: int) -> None:
    """Seed the generators that torch draws from on this device; use inside `forked`."""
    seed = mix(*numbers)
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def drawn_so_far(device: torch.device) -> list[Tensor]:
    """The state of the generators that torch draws from on this device, to be put back."""
    states = [torch.get_rng_state()]
    if device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    elif device.type == "mps":
        states.append(torch.mps.get_rng_state())
    return states


def draw_again(device: torch.device, states: list[Tensor]) -> None:
    """Put back what `drawn_so_far` gave."""
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)
    elif device.type == "mps":
        torch.mps.set_rng_state(states[1])


@contextmanager
def forked(device: torch.device | str, *numbers: int) -> Iterator[None]:
    """Run with generators seeded by `numbers`, then put the caller's state back, on errors too.

    Of several accelerators, `device` is the current one inside.

    >>> before = torch.get_rng_state()
    >>> with forked("cpu", 3):
    ...     a = torch.rand(1)
    >>> with forked("cpu", 3):
    ...     b = torch.rand(1)
    >>> bool(a == b), bool((before == torch.get_rng_state()).all())
    (True, True)
    """
    device = torch.device(device)
    devices = [device] if device.type in {"cuda", "mps"} else []
    kind = device.type if devices else "cuda"
    here = torch.cuda.device(device) if device.type == "cuda" else nullcontext()
    with here, torch.random.fork_rng(devices=devices, device_type=kind):
        reseed(device, *numbers)
        yield
