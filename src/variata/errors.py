"""All that variata raises on purpose: a sentence each, and the command line's exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class VariataError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line ends with."""

    exit_code = 1


class UsageError(VariataError, ValueError):
    """An unknown name, a bad option, an unknown key."""

    exit_code = 2


class DataError(VariataError, ValueError):
    """The data cannot be used: NaN, empty, unreadable, of the wrong kind."""

    exit_code = 3


class ShapeError(DataError):
    """The data has another shape than the model was trained on."""


class NoDensityError(VariataError, TypeError):
    """A likelihood, rate or density was asked of something that has none."""

    exit_code = 2


class ExportError(VariataError, ValueError):
    """A graph cannot be made of a model, or would not compute what the model does."""

    exit_code = 2


class MissingExtraError(VariataError, ImportError):
    """An optional package is missing; the message holds the command that installs it."""

    exit_code = 2


class DivergenceError(VariataError, ArithmeticError):
    """Training left the finite numbers and could not be rescued.

    Attributes:
        history: of the training, where it had weights that are good for something: then the model
            was left with the best of them.
        model: the trained model with these weights, where `variata.fit` trained it.
    """

    exit_code = 4
    history: Any = None
    model: Any = None


class StoreError(VariataError, OSError):
    """A run cannot be written or read: in use, damaged, changed, or no right to write."""

    exit_code = 5


class InterruptError(VariataError):
    """Training was stopped by a signal, after saving; the exit code is 128 + its number."""

    exit_code = 130


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Return a sentence that names the nearest option, or nothing when none is near.

    >>> did_you_mean("mnits", ["mnist", "digits"])
    " Did you mean 'mnist'?"
    >>> did_you_mean("zebra", ["mnist"])
    ''
    """
    near = difflib.get_close_matches(word, list(options), n=1)
    return f" Did you mean '{near[0]}'?" if near else ""
