"""Loggers: callbacks that hand the figures of a training to TensorBoard, W&B or MLflow."""

from variata.loggers.figures import figures
from variata.loggers.known import KNOWN, named
from variata.loggers.mlflow import MLflow
from variata.loggers.tensorboard import TensorBoard
from variata.loggers.wandb import WandB

__all__ = ["KNOWN", "MLflow", "TensorBoard", "WandB", "figures", "named"]
