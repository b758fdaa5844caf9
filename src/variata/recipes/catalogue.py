"""A recipe is a call: flags, configuration files and saved models derive from it."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from pydantic import ConfigDict, TypeAdapter, ValidationError
from torch import Tensor, nn

from variata.batch import Batch
from variata.errors import UsageError, did_you_mean
from variata.models import LatentModel
from variata.recipes.parts import PART_NAMES, Parts
from variata.recipes.rules import LatentRule, OwnRule, RowsRule
from variata.schedules import Moment
from variata.training import Examples, Phase, Processes, Settings
from variata.training.phase import phase_at

SEVERAL = ("hidden",)
OWN_MODULES = ("encoder", "decoder")


@dataclass(frozen=True)
class Preparation:
    """What a recipe may use before its phases.

    Attributes:
        train, valid: examples to learn from, and to choose by.
        settings: how to train, for its share of the time.
        device, processes: where.
    """

    train: Examples
    valid: Examples
    settings: Settings
    device: torch.device
    processes: Processes


Prepare = Callable[[LatentModel, Preparation], None]


@dataclass(frozen=True)
class Composition:
    """A model, what it minimises, and the call that makes both again.

    Attributes:
        model: the untrained model.
        phases: what is minimised, one after the other.
        recipe: name of the recipe.
        arguments: of the call, resolved: nothing in it depends on defaults or data any more.
        labelled_share: of the rows shown in training, those with a label, which are repeated until
            they are so many; 0 shows all rows alike.
        prepare: what happens to the model before its phases, such as a training of another kind.
        prepare_share: of the training that this takes; 1 where nothing is left for the phases.
    """

    model: LatentModel
    phases: Sequence[Phase]
    recipe: str = ""
    arguments: dict[str, Any] | None = None
    labelled_share: float = 0.0
    prepare: Prepare | None = None
    prepare_share: float = 0.0

    def loss(self, batch: Batch | Tensor, progress: float = 1.0, step: int = 2**31) -> Tensor:
        """The scalar to minimise at a moment of training, nats per example, for loops of your own.

        Args:
            batch: what to learn from; a tensor (B, *X) in model space is scored and read alike.
            progress: how far the training is, from 0 to 1: it decides the phase and its schedules.
            step: how many steps were taken.

        Raises:
            UsageError: for a recipe with players, whose critics have losses of their own.

        >>> import torch
        >>> from variata import recipes
        >>> made = recipes.vae(shape=(4,), latent=2, hidden=(8,))
        >>> made.loss(torch.zeros(5, 4)).shape
        torch.Size([])
        """
        moment = Moment(step, progress)
        phase = phase_at(self.phases, moment)
        if phase.objective.players:
            raise UsageError(
                f"{self.recipe} trains {', '.join(phase.objective.players)} beside the model, each "
                "by a loss of its own: train it with fit, or use variata.training.learn."
            )
        batch = batch if isinstance(batch, Batch) else Batch(batch, batch)
        batch = batch if phase.view is None else phase.view(batch)
        trace = self.model.observe(batch, phase.objective.samples)
        return phase.objective(self.model, trace, moment).total


class Recipe:
    """A named function from parts and its own arguments to a composition.

    Call it with keyword arguments only; those of `Parts` say what the data and the networks are.

    >>> from variata import recipes
    >>> recipes.beta_vae(shape=(1, 8, 8), beta=4.0).arguments["beta"]
    4.0
    """

    def __init__(self, function: Callable[..., Composition]) -> None:
        self.function, self.name = function, function.__name__
        self.rule: LatentRule | None = getattr(function, "latent_rule", None)
        self.own_rule: OwnRule | None = getattr(function, "own_rule", None)
        self.rows_rule: RowsRule | None = getattr(function, "rows_rule", None)
        self.__doc__ = function.__doc__
        self.own = {
            name: parameter
            for name, parameter in inspect.signature(function).parameters.items()
            if name != "parts"
        }
        self.types = {
            **typing.get_type_hints(Parts, include_extras=True),
            **typing.get_type_hints(function, include_extras=True),
        }
        part_defaults = inspect.signature(Parts).parameters.values()
        self.__signature__ = inspect.Signature(
            [
                p.replace(kind=inspect.Parameter.KEYWORD_ONLY)
                for p in [*part_defaults, *self.own.values()]
            ],
            return_annotation=Composition,
        )

    @property
    def ours(self) -> bool:
        """Whether it is a part of variata."""
        return self.function.__module__.startswith("variata.")

    def told_by_rows(self, rows: int) -> dict[str, Any]:
        """Arguments that suit so many rows of training, unless given."""
        return {} if self.rows_rule is None else self.rows_rule(rows)

    @property
    def arguments(self) -> dict[str, inspect.Parameter]:
        """All arguments by name, those of `Parts` first."""
        return dict(self.__signature__.parameters)

    def __call__(self, **arguments: Any) -> Composition:
        """Make the composition.

        Raises:
            UsageError: for an unknown argument, a missing one, or a value of the wrong kind.
        """
        given = {name: self.checked(name, value) for name, value in arguments.items()}
        if "shape" not in given:
            raise UsageError(f"The recipe {self.name} needs `shape`, of one example.")
        own = {name: given.pop(name, p.default) for name, p in self.own.items()}
        own |= {} if self.own_rule is None else self.own_rule(given["shape"], own)
        if self.rule is not None and given.get("latent") is None:
            given["latent"] = self.rule(given["shape"], own)
        parts = Parts(**given).resolved()
        made = self.function(parts, **own)
        resolved = {field.name: getattr(parts, field.name) for field in fields(parts)} | own
        return replace(made, recipe=self.name, arguments=resolved)

    def checked(self, name: str, value: Any) -> Any:
        """The value of an argument, converted to its type.

        Raises:
            UsageError: when there is no such argument, or the value does not fit it.
        """
        if name not in self.arguments:
            known = ", ".join(self.arguments)
            hint = did_you_mean(name, self.arguments)
            raise UsageError(f"The recipe {self.name} has no '{name}'.{hint} It takes: {known}.")
        if name in OWN_MODULES:
            return _module(name, value)
        try:
            alone = isinstance(value, int) and name in SEVERAL  # --hidden 512 is one layer
            return _adapter(self.types[name]).validate_python((value,) if alone else value)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].lower()
            raise UsageError(f"{name}={value!r} does not suit {self.name}: {reason}.") from None

    def __repr__(self) -> str:
        return f"<recipe {self.name}>"


CATALOGUE: dict[str, Recipe] = {}


def recipe(function: Callable[..., Composition]) -> Recipe:
    """Register a function as a recipe under its own name; its first argument is `parts`.

    A composition of your own becomes savable by being written like this: the function runs again
    when the model is loaded, so it must be defined (imported) before `load`.

    Raises:
        UsageError: when the name is taken by another function.
    """
    made, name = Recipe(function), function.__name__
    taken = CATALOGUE.get(name)
    if taken is not None and taken.function.__module__ != function.__module__:
        raise UsageError(f"There is a recipe '{name}' already; give yours another name.")
    CATALOGUE[name] = made
    return made


def names() -> list[str]:
    """The names of all recipes, in alphabetical order."""
    return sorted(CATALOGUE)


def get(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        UsageError: when there is none; the message names the nearest.
    """
    if not isinstance(name, str):
        raise UsageError(f"A recipe is named by text, got {name!r}.")
    if name not in CATALOGUE:
        hint, known = did_you_mean(name, CATALOGUE), ", ".join(names())
        raise UsageError(f"Unknown recipe '{name}'.{hint} Known: {known}.")
    return CATALOGUE[name]


def build(name: str, **arguments: Any) -> Composition:
    """Call a recipe by its name.

    >>> build("vae", shape=(12,), latent=2).recipe
    'vae'
    """
    return get(name)(**arguments)


def _module(name: str, value: Any) -> nn.Module | None:
    if value is not None and not isinstance(value, nn.Module):
        raise UsageError(f"{name} must be a torch.nn.Module, got {value!r}.")
    return value


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False))


__all__ = [
    "PART_NAMES",
    "Composition",
    "Recipe",
    "build",
    "get",
    "names",
    "recipe",
]
