"""What arguments of a recipe follow from, where they are not given: rules beside its function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from variata.recipes.parts import default_latent
from variata.shapes import Shape

LatentRule = Callable[[Shape, Mapping[str, Any]], int]
OwnRule = Callable[[Shape, Mapping[str, Any]], dict[str, Any]]
RowsRule = Callable[[int], dict[str, Any]]
Function = TypeVar("Function", bound=Callable[..., Any])
Decorator = Callable[[Function], Function]


FEW_LATENTS = 10


def few_latents(shape: Shape, own: Mapping[str, Any]) -> int:
    """A rule for `latent_by`: few dimensions, each of which is to have a meaning.

    >>> few_latents((1, 28, 28), {}), few_latents((4,), {})
    (10, 4)
    """
    return min(FEW_LATENTS, default_latent(shape))


def latent_by(rule: LatentRule) -> Decorator[Function]:
    """Decorate a recipe's function with the latent dimensions it has unless told.

    Args:
        rule: shape of an example, the recipe's own arguments -> latent.
    """
    return _beside("latent_rule", rule)


def by_shape(rule: OwnRule) -> Decorator[Function]:
    """Decorate a recipe's function with what its own arguments mean for a shape.

    Args:
        rule: shape of an example, the recipe's own arguments -> those that it decides.
    """
    return _beside("own_rule", rule)


def by_rows(rule: RowsRule) -> Decorator[Function]:
    """Decorate a recipe's function with arguments that suit a number of rows, unless given.

    Args:
        rule: rows of a training -> arguments by name.
    """
    return _beside("rows_rule", rule)


def _beside(name: str, rule: Callable[..., Any]) -> Decorator[Function]:
    def decorate(function: Function) -> Function:
        setattr(function, name, rule)
        return function

    return decorate
