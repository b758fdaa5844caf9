"""Priors that are fitted to the latents of a trained model, and take the place of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import ValidationError, validate_call
from torch import nn

from variata.conditionals import FlowPrior, FullMixturePrior
from variata.errors import UsageError, did_you_mean
from variata.models import LatentModel
from variata.recipes.parts import Few, Positive

PriorCall = Mapping[str, Any]


def gmm(latent: int, components: Annotated[int, Ge(1), Le(1_000)] = 10) -> nn.Module:
    """A mixture of Gaussians with full covariances, by expectation maximisation."""
    return FullMixturePrior(latent, components)


def flow(latent: int, couplings: Few = 8, width: Positive = 128) -> nn.Module:
    """A RealNVP, trained by maximum likelihood."""
    return FlowPrior(latent, couplings, width, rescaled=True)


EX_POST: dict[str, Callable[..., nn.Module]] = {"gmm": gmm, "flow": flow}


def prior_call(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A prior as a call with every argument in it.

    Raises:
        UsageError: for an unknown prior or argument.

    >>> prior_call("gmm", {})
    {'name': 'gmm', 'arguments': {'components': 10}}
    """
    if name not in EX_POST:
        hint, known = did_you_mean(name, EX_POST), ", ".join(EX_POST)
        raise UsageError(f"Unknown prior '{name}'.{hint} Known: {known}.")
    parameters = dict(inspect.signature(EX_POST[name]).parameters)
    own = {key: p.default for key, p in parameters.items() if key != "latent"}
    for key in arguments:
        if key not in own:
            hint = did_you_mean(key, own)
            takes = ", ".join(own)
            raise UsageError(f"The prior {name} takes no '{key}'.{hint} It takes: {takes}.")
    return {"name": name, "arguments": own | dict(arguments)}


def give_prior(model: LatentModel, latent: int, call: PriorCall | None) -> None:
    """Put the prior of a call in the place of a model's own; None leaves it.

    Raises:
        UsageError: for a call that is none, or a model with several levels.
    """
    if call is None:
        return
    if len(model.levels) != 1:
        raise UsageError(
            "A prior is fitted to a single level of latents, and this model has "
            f"{len(model.levels)}."
        )
    checked = prior_call(call["name"], call["arguments"])
    make = validate_call(EX_POST[checked["name"]])
    try:
        prior = make(latent, **checked["arguments"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = f"{where}={first['input']!r} does not suit the prior: {first['msg'].lower()}."
        raise UsageError(said) from None
    level: Any = model.levels[0]
    level.prior = prior
