"""Short measured trials on a copy of the model, for runs that are long enough to pay for them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from variata.training.deadline import TooLongError, at_most, can_be_limited
from variata.training.graph import why
from variata.training.machine import How, applied
from variata.training.precision import exact_by

FEWEST_STEPS = 200  # planned steps under which nothing is measured
TRIAL_FROM = 15.0  # planned seconds from which threads and the layout of channels are tried
PRODUCTS_FROM = 2.0  # planned seconds from which libraries of products are tried
COMPILE_FROM = 45.0  # planned seconds from which compiling may pay: it takes five to forty
COMPILE_SHARE = 0.25  # of the planned time after which compiling is given up
UNLIMITED = 10  # times as long where it could not be given up
CONVOLVED = 10  # times as long where convolutions take the time, which compiling saves none of
SHARE = 0.005  # of the planned time that one rehearsal may take
MOST = 0.05  # of it that trials of threads and products may take, whose steps cannot be divided
GAIN = 0.93  # of the time of what is usual that another choice must stay under
ROUNDS = 2
TOGETHER = 40  # steps between waits for an accelerator
FEWEST_TIMES, PATIENCE = 3, 3  # that are measured, unless it takes so many times as long

Rehearse = Callable[[How, float], float]


def chosen(
    usual: How,
    rehearse: Rehearse,
    steps: int | None,
    budget: float | None,
    threads: int | None,
    compiling: str,
    phases: int = 1,
    convolves: bool = False,
    device: str = "cpu",
) -> tuple[How, str]:
    """How to compute steps, and a sentence about it where something was measured.

    Args:
        usual: what suits before anything is measured.
        rehearse: seconds for each step under a choice, measured for about so many seconds.
        steps, budget: planned; None for none.
        threads: asked for; None to choose.
        compiling: "on", "off" or "auto". Where neither it nor `threads` leaves a choice, nothing is
            measured.
        phases: each has a graph of its own.
        convolves: whether the network has convolutions.
        device: "cpu" or "cuda", where threads, libraries and layouts are no choice.
    """
    how = replace(usual, threads=threads or usual.threads)
    short = steps is not None and steps < FEWEST_STEPS
    if short or (threads is not None and compiling != "auto"):
        return replace(how, compiled=compiling == "on", replayed=how.replayed and not short), ""
    each = rehearse(how, 0.1)
    planned = min(steps * each if steps else float("inf"), budget or float("inf"))
    told: list[str] = []
    tried = 4 * ROUNDS * each <= MOST * planned
    if tried and device == "cpu" and threads is None and planned >= TRIAL_FROM:
        how, each, said = _threads(how, rehearse, SHARE * planned)
        told.append(said)
    if tried and device == "cpu" and planned >= PRODUCTS_FROM:
        how, each, said = _products(how, each, rehearse, SHARE * planned)
        told.append(said)
    if tried and device == "cpu" and convolves and planned >= TRIAL_FROM:
        how, each, said = _layout(how, rehearse, SHARE * planned)
        told.append(said)
    longer = CONVOLVED if convolves and device == "cpu" else 1
    longer *= 1 if can_be_limited() else UNLIMITED
    if compiling == "auto" and planned >= COMPILE_FROM * longer:
        how, said = _compiled(how, each, rehearse, planned, phases)
        told.append(said)
    return replace(how, compiled=how.compiled or compiling == "on"), " ".join(filter(None, told))


def _threads(how: How, rehearse: Rehearse, seconds: float) -> tuple[How, float, str]:
    most = torch.get_num_threads()
    counts = sorted({1, most, how.threads}, key=lambda count: count != how.threads)
    times: dict[int, list[float]] = {count: [] for count in counts}
    for _ in range(ROUNDS):  # interleaved, so that a busy moment hits all alike
        for count in counts:
            times[count].append(rehearse(replace(how, threads=count), seconds))
    mean = {count: statistics.fmean(values) for count, values in times.items()}
    best = min(mean, key=lambda count: mean[count])
    best = best if mean[best] < GAIN * mean[how.threads] else how.threads
    ratio = mean[best] / max(mean.values())
    said = f"{best} of {most} threads ({ratio:.2f} of the slowest's time)." if len(mean) > 1 else ""
    return replace(how, threads=best), mean[best], said


def _products(how: How, each: float, rehearse: Rehearse, seconds: float) -> tuple[How, float, str]:
    """Whether oneDNN multiplies fp32 matrices faster, and as exactly, on this processor."""
    if how.precision != "fp32" or not exact_by("onednn"):
        return how, each, ""
    other = replace(how, products="onednn")
    return _faster(how, other, rehearse, seconds, "Products by oneDNN")


def _layout(how: How, rehearse: Rehearse, seconds: float) -> tuple[How, float, str]:
    """Whether convolutions are faster where the channels of a pixel lie beside each other."""
    other = replace(how, channels_last=True)
    return _faster(how, other, rehearse, seconds, "Channels last")


def _faster(
    how: How, other: How, rehearse: Rehearse, seconds: float, name: str
) -> tuple[How, float, str]:
    """The other where it takes clearly less time, the mean time of a step, and a sentence."""
    rounds = [(rehearse(how, seconds), rehearse(other, seconds)) for _ in range(ROUNDS)]
    each, took = (statistics.fmean(times) for times in zip(*rounds, strict=True))
    if took >= GAIN * each:
        return how, each, ""
    return other, took, f"{name} ({took / each:.2f} of the time)."


def _compiled(
    how: How, each: float, rehearse: Rehearse, planned: float, phases: int
) -> tuple[How, str]:
    begun, limit = time.monotonic(), COMPILE_SHARE * planned / phases
    try:
        with at_most(limit):
            fast = rehearse(replace(how, compiled=True), SHARE * planned)
    except TooLongError:
        return how, f"Not compiled: it was given up after {limit:.0f} s."
    except Exception as error:  # no compiler, or an operation that it does not know
        return how, f"Not compiled: {why(error)}."
    cost = (time.monotonic() - begun) * (phases - 1)  # what was spent already does not count
    each = statistics.fmean([each, rehearse(how, SHARE * planned)])  # as busy as it is by now
    pays = planned * (1 - fast / each) > cost and fast < GAIN * each
    verdict = "compiled" if pays else "not compiled"
    return replace(how, compiled=pays), f"Steps are {verdict} ({fast / each:.2f} of the time)."


def rehearsal(
    step: Callable[[], None],
    how: How,
    seconds: float,
    device: torch.device,
) -> float:
    """The median duration of a step, over about so many seconds, and three steps if that is short.

    An accelerator is waited for after several steps, since it works while the next are prepared.
    """
    here = device.type == "cpu"

    def timed(steps: int) -> float:
        begun = time.perf_counter()
        for _ in range(steps):
            step()
        if not here:
            torch.cuda.synchronize(device)
        return (time.perf_counter() - begun) / steps

    with applied(how):
        timed(1)  # which compiles, and warms up
        begun = time.monotonic()
        times = [timed(1)]
        at_once = 1 if here else max(1, min(TOGETHER, int(seconds / max(times[0], 1e-9))))
        times = times if at_once == 1 else [timed(at_once)]
        while (spent := time.monotonic() - begun) < seconds or (
            len(times) < FEWEST_TIMES and spent < PATIENCE * seconds
        ):
            times.append(timed(at_once))
    return statistics.median(times)
