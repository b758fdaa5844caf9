"""How to train: everything `fit` can be told, checked once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from variata.data.corruptions import checked_corruption
from variata.durations import seconds_of
from variata.errors import UsageError
from variata.training.habits import PLAIN, Habits
from variata.training.precision import PRECISIONS

SHORTEST, LONGEST = 10, 200
KINDS: dict[str, type[int] | type[float]] = {
    "epochs": int,
    "budget": float,
    "batch_size": int,
    "micro_batch": int,
    "lr": float,
    "weight_decay": float,
    "ema": float,
    "patience": float,
    "seed": int,
    "threads": int,
    "save_every": float,
}
COMPILE = ("auto", "on", "off")


@dataclass(frozen=True)
class Settings:
    """The settings of one training.

    Attributes:
        epochs: passes over the data; None chooses by the size of the data, or uses the budget.
        budget: wall-clock seconds, or a text such as "3m"; None for no limit. The reading of data
            counts too, up to half of it.
        batch_size: examples for each step; None chooses by the size of the data.
        micro_batch: examples whose gradients are taken at once; those of a step are averaged, with
            the same noise. None takes all, and fewer once memory has run out.
        lr: highest learning rate, which rises over the first steps and falls to zero as a cosine;
            None chooses by the kind of network.
        weight_decay: of matrices and kernels of layers (named "weight"), of nothing else.
        ema: decay of the averaged weights that are validated and kept; 0 switches it off.
        patience: share of the planned training without a better validation before stopping early.
        seed: of everything random.
        threads: of the processor; None chooses, in longer runs by a short measured trial.
        save_every: seconds between checkpoints of a run that is kept in a folder.
        precision: "fp32", "bf16" (matrix products alone), "fp64", or "auto": bf16 where the machine
            has instructions for it.
        compile: "on", "off", or "auto": where it pays, which is measured in long runs.
        corrupt: what the encoder is shown instead of the examples themselves, which stay what the
            model explains: amounts by name, such as {"gaussian": 0.5} (`variata.data.corruption`).
    """

    epochs: int | None = None
    budget: float | None = None
    batch_size: int | None = None
    micro_batch: int | None = None
    lr: float | None = None
    weight_decay: float = 0.01
    ema: float = 0.999
    patience: float = 0.25
    seed: int = 0
    threads: int | None = None
    save_every: float = 20.0
    precision: str = "auto"
    compile: str = "auto"
    corrupt: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "budget", seconds_of(self.budget))
        for name, kind in KINDS.items():
            object.__setattr__(self, name, _converted(name, getattr(self, name), kind))
        object.__setattr__(self, "corrupt", checked_corruption(self.corrupt))
        _positive("epochs", self.epochs)
        _positive("budget", self.budget)
        _positive("batch_size", self.batch_size)
        _positive("micro_batch", self.micro_batch)
        _positive("lr", self.lr)
        _positive("threads", self.threads)
        _positive("patience", self.patience)
        _positive("save_every", self.save_every)
        for name, value, high in (("weight_decay", self.weight_decay, 10), ("ema", self.ema, 1)):
            if not 0 <= value < high:
                raise UsageError(f"{name} must be at least 0 and below {high}, got {value}.")
        if self.compile not in COMPILE:
            raise UsageError(f"compile must be auto, on or off, got {self.compile!r}.")
        if self.precision not in PRECISIONS:
            raise UsageError(
                f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}."
            )
        if not 0 <= self.seed < 2**63:
            raise UsageError(f"seed must be between 0 and 2^63 - 1, got {self.seed}.")

    def resolved(self, rows: int, habits: Habits = PLAIN) -> Settings:
        """The same with a batch size, and with epochs where nothing else ends the training.

        Args:
            rows: of the training data.
            habits: what suits the network.
        """
        open_ended = self.epochs is None and self.budget is None
        return replace(
            self,
            batch_size=self.batch_size or automatic_batch_size(rows, habits.largest_batch),
            lr=self.lr or habits.lr,
            epochs=automatic_epochs(rows, habits.examples) if open_ended else self.epochs,
        )

    def divided(self, share: float) -> tuple[Settings, Settings]:
        """The settings of a first part that takes a share of the training, and of the rest.

        >>> [part.epochs for part in Settings(epochs=10).divided(0.3)]
        [3, 7]
        """
        epochs, budget = self.epochs, self.budget
        first = None if epochs is None else min(max(1, round(share * epochs)), max(1, epochs - 1))
        rest = None if epochs is None or first is None else max(1, epochs - first)
        return (
            replace(self, epochs=first, budget=budget and share * budget),
            replace(self, epochs=rest, budget=budget and (1 - share) * budget),
        )

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values."""
        return asdict(self)


def automatic_epochs(rows: int, examples: int = PLAIN.examples) -> int:
    """Epochs for data of this many rows: small data is seen more often.

    >>> automatic_epochs(50_000), automatic_epochs(1_000), automatic_epochs(5_000, 150_000)
    (20, 200, 30)
    """
    return max(SHORTEST, min(LONGEST, round(examples / rows)))


def automatic_batch_size(rows: int, largest: int = PLAIN.largest_batch) -> int:
    """Examples for each step, so that an epoch of small data still takes some steps.

    >>> automatic_batch_size(50_000), automatic_batch_size(1_437)
    (256, 64)
    """
    return max(32, min(largest, 2 ** int(math.log2(max(1, rows / 20)))))


def _converted(name: str, value: Any, kind: type[int] | type[float]) -> Any:
    if value is None:
        return None
    try:
        number = float(value)
        whole = math.isfinite(number) and (kind is float or number == int(number))
        if isinstance(value, bool) or not whole:
            raise ValueError
        return int(value) if kind is int else number
    except (TypeError, ValueError, OverflowError):
        wanted = "a whole number" if kind is int else "a number"
        raise UsageError(f"{name} must be {wanted}, got {value!r}.") from None


def _positive(name: str, value: float | None) -> None:
    if value is not None and not value > 0:
        raise UsageError(f"{name} must be greater than 0, got {value}.")
