"""Which recipes are compared, with which arguments."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from variata import recipes
from variata.data import Schema
from variata.errors import UsageError
from variata.shapes import numel
from variata.training import Settings

IMAGES = (
    "independent", "pca_gaussian", "ae", "vae", "flow_prior", "vq_vae", "gan", "flow", "diffusion",
    "latent_diffusion", "autoregressive", "pixel_vae",
)  # fmt: skip
ROWS = (
    "independent", "pca_gaussian", "kernel_density", "ae", "vae", "flow_prior", "vq_vae", "gan",
    "flow", "diffusion", "latent_diffusion", "autoregressive",
)  # fmt: skip
COMMON = {  # to all trainings
    "seed": "--seeds (--seed of a sweep)",
    "budget": "--budget",
    "epochs": "--epochs",
}


@dataclass(frozen=True)
class Contender:
    """A recipe with arguments.

    Attributes:
        name: the recipe, or `recipe:argument=value:...`.
        recipe: name of it.
        arguments: of it, and settings of its training.
    """

    name: str
    recipe: str
    arguments: dict[str, Any]

    @classmethod
    def of(cls, text: str) -> Contender:
        """Read `vae` or `beta_vae:beta=4:latent=16`.

        Raises:
            UsageError: for an unknown recipe or argument, or one that is common to all.

        >>> Contender.of("beta_vae:beta=4").arguments
        {'beta': 4}
        """
        recipe, *pairs = text.strip().split(":")
        recipes.get(recipe)
        arguments: dict[str, Any] = {}
        for pair in pairs:
            name, equals, value = pair.partition("=")
            if not equals:
                raise UsageError(f"'{text}': expected argument=value after ':', got '{pair}'.")
            if name in COMMON:
                raise UsageError(
                    f"'{text}': {name} is the same for all trainings: use {COMMON[name]}."
                )
            arguments[name] = parsed_value(value)
            check_argument(recipe, name, arguments[name])
        return cls(text.strip(), recipe, arguments)

    @property
    def folder(self) -> str:
        """A name for its folder.

        >>> Contender.of("beta_vae:beta=4").folder
        'beta_vae,beta=4'
        """
        return folder_of(self.name)


def parsed_value(text: str) -> Any:
    """What a value on a command line stands for; what is no YAML is a text.

    >>> [parsed_value(text) for text in ("4", "1e-4", "relu", "[8")]
    [4, 0.0001, 'relu', '[8']
    """
    import yaml

    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):  # such as the 45th of a month
        return text
    try:
        number = float(value) if isinstance(value, str) else math.nan  # YAML takes 1e-4 as a text
    except ValueError:
        return value
    return number if math.isfinite(number) else value


def check_argument(recipe: str, name: str, value: Any) -> None:
    """Refuse what is neither a setting of trainings nor an argument of a recipe.

    Raises:
        UsageError: for an unknown name, or a value that does not fit it.
    """
    if name in {f.name for f in fields(Settings)}:
        Settings(**{name: value})
    else:
        recipes.get(recipe).checked(name, value)


def usual(schema: Schema) -> list[str]:
    """The recipes that are compared on such data unless others are named."""
    alone = numel(schema.shape) == 1  # couplings need numbers that tell each other something
    chosen = IMAGES if schema.layout == "image" else ROWS
    return [name for name in chosen if not (alone and name == "flow_prior")]


def contenders(names: Sequence[str], schema: Schema) -> list[Contender]:
    """Those named, or the usual ones.

    Raises:
        UsageError: for an unknown recipe or argument, or one that is named twice.
    """
    found = [Contender.of(name) for name in names or usual(schema)]
    twice = {c.folder for c in found if sum(c.folder == d.folder for d in found) > 1}
    if twice:
        raise UsageError(f"'{min(twice)}' is named twice: name every recipe once.")
    return found


def folder_of(name: str) -> str:
    """A name of a contender or a trial as that of a folder."""
    return re.sub(r"[^\w.,=+-]", "_", name.replace(":", ","))


def seed_folder(contender: str, seed: int) -> str:
    """The folder of one training, in that of the comparison."""
    return f"{contender}/seed-{seed}"
