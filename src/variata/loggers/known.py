"""Loggers by name, as the command line knows them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from variata.errors import UsageError, did_you_mean
from variata.loggers.mlflow import MLflow
from variata.loggers.tensorboard import TensorBoard
from variata.loggers.wandb import WandB
from variata.training import Callback

KNOWN: dict[str, Callable[[Path], Callback]] = {
    "tensorboard": lambda run: TensorBoard(run / "tensorboard"),
    "wandb": lambda run: WandB(run),
    "mlflow": lambda run: MLflow(run.name),
}


def named(name: str, run: Path) -> Callback:
    """The logger of this name for the run in a folder.

    Raises:
        UsageError: there is none of this name.
        MissingExtraError: its package is not installed; the message says how to install it.
    """
    if name not in KNOWN:
        hint = did_you_mean(name, KNOWN)
        raise UsageError(f"--log takes {', '.join(KNOWN)}; got '{name}'.{hint}")
    return KNOWN[name](run)
