"""What every logger is told: figures by name, and the configuration as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from variata.errors import MissingExtraError
from variata.training import Report

PLAIN = ("epoch", "lr", "speed", "criterion")


def figures(report: Report) -> dict[str, float]:
    """The figures of a report by name; nats per example, examples per second.

    >>> report = Report(9, 1, 0.5, 2, 100, 1e-3, {"rate": 3}, {}, {"elbo": -9}, 8, True)
    >>> figures(report)
    {'epoch': 1, 'lr': 0.001, 'speed': 100, 'criterion': 8, 'train/rate': 3, 'valid/elbo': -9}
    """
    found = {name: getattr(report, name) for name in PLAIN}
    found |= {f"train/{name}": value for name, value in report.train.items()}
    return found | {f"valid/{name}": value for name, value in report.valid.items()}


def flat(plan: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The entries of nested mappings by dotted names.

    >>> dict(flat({"settings": {"lr": 0.1, "seed": 0}, "recipe": "vae"}))
    {'settings.lr': 0.1, 'settings.seed': 0, 'recipe': 'vae'}
    """
    for name, value in plan.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def as_text(plan: Mapping[str, Any]) -> str:
    """The configuration as JSON; what is no plain value, such as a module, as Python shows it."""
    return json.dumps(plan, indent=2, default=repr)


def backend(module: str, package: str) -> Any:
    """Import what a logger writes with.

    Raises:
        MissingExtraError: it is not installed; the message holds the command that installs it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"Logging to {package} needs a package that is not installed: pip install {package}, "
            "or all loggers with pip install 'variata[log]'."
        ) from error
