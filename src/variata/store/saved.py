"""What is saved of a trained model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from variata.data import Condition, Schema
from variata.models import LatentModel

FORMAT = 1


@dataclass(frozen=True)
class Saved:
    """A trained model as a call, its weights, and what is known about it.

    Attributes:
        module: the model, with its weights.
        recipe: name of the recipe that makes it.
        arguments: of the recipe, resolved.
        schema: what the data is and how it becomes what the model sees.
        about: settings, data source, how training ended, versions.
        reports: the history, one record for each validation.
        prior: the prior fitted after training, as a call; None where it is the recipe's own.
        condition: what the model is conditioned on; None for nothing.
    """

    module: LatentModel
    recipe: str
    arguments: dict[str, Any]
    schema: Schema
    about: dict[str, Any] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    prior: dict[str, Any] | None = None
    condition: Condition | None = None

    def config(self) -> dict[str, Any]:
        """What goes into `config.json`."""
        refitted = {} if self.prior is None else {"prior": self.prior}
        told = {} if self.condition is None else {"condition": self.condition.to_json()}
        return (
            refitted
            | told
            | {
                "format": FORMAT,
                "library_name": "variata",
                "recipe": self.recipe,
                "arguments": self.arguments,
                "schema": self.schema.to_json(),
                "about": self.about,
            }
        )
