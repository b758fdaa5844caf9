"""Priors that are fitted to the latents of a trained model, and take the place of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import ConfigDict, ValidationError, validate_call
from torch import nn

from variata.conditionals import (
    ClassPosterior,
    CodesPrior,
    DiffusionPrior,
    FlowPrior,
    FullMixturePrior,
    head_of,
)
from variata.errors import UsageError, did_you_mean
from variata.models import LatentModel, Level
from variata.nn import CausalTransformer
from variata.recipes.parts import Few, Positive

PriorCall = Mapping[str, Any]


def gmm(latent: int, components: Annotated[int, Ge(1), Le(1_000)] = 10) -> nn.Module:
    """A mixture of Gaussians with full covariances, by expectation maximisation."""
    return FullMixturePrior(latent, components)


def flow(latent: int, couplings: Few = 8, width: Positive = 128) -> nn.Module:
    """A RealNVP, trained by maximum likelihood."""
    return FlowPrior(latent, couplings, width, rescaled=True)


def diffusion(
    latent: int,
    width: Positive = 256,
    layers: Few = 3,
    steps: Annotated[int, Ge(2), Le(1_000)] = 16,
) -> nn.Module:
    """A diffusion with v-prediction, whose density is an estimate, in steps that are not random."""
    return DiffusionPrior(latent, width, layers, steps)


def autoregressive(
    level: Level,
    latent: int,
    above: int,
    width: Annotated[int, Ge(4), Le(2**12)] = 128,
    layers: Annotated[int, Ge(1), Le(64)] = 2,
) -> nn.Module:
    """A transformer over codes, each known to those after it."""
    quantiser: Any = getattr(head_of(level.posterior), "quantiser", None)
    network = CausalTransformer(quantiser.length, quantiser.size, width, layers, context=above)
    return CodesPrior(quantiser, latent, network)


EX_POST: dict[str, Callable[..., nn.Module]] = {"gmm": gmm, "flow": flow, "diffusion": diffusion}
OF_CODES: dict[str, Callable[..., nn.Module]] = {"autoregressive": autoregressive}
KNOWN = EX_POST | OF_CODES
GIVEN = {"level", "latent", "above"}  # by the model, not by who asks


def prior_call(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A prior as a call with every argument in it.

    Raises:
        UsageError: for an unknown prior or argument.

    >>> prior_call("gmm", {})
    {'name': 'gmm', 'arguments': {'components': 10}}
    """
    if name not in KNOWN:
        hint, known = did_you_mean(name, KNOWN), ", ".join(KNOWN)
        raise UsageError(f"Unknown prior '{name}'.{hint} Known: {known}.")
    parameters = dict(inspect.signature(KNOWN[name]).parameters)
    own = {key: p.default for key, p in parameters.items() if key not in GIVEN}
    for key in arguments:
        if key not in own:
            hint = did_you_mean(key, own)
            takes = ", ".join(own)
            raise UsageError(f"The prior {name} takes no '{key}'.{hint} It takes: {takes}.")
    return {"name": name, "arguments": own | dict(arguments)}


def give_prior(model: LatentModel, call: PriorCall | None) -> None:
    """Put the prior of a call in the place of a model's own; None leaves it.

    A prior of codes takes the place of that of every level whose latents are codes; one of real
    latents that of their highest level, which those below it know.

    Raises:
        UsageError: for a call that is none, or a prior that is not for latents of the model's kind.
    """
    if call is None:
        return
    checked = prior_call(call["name"], call["arguments"])
    name, arguments = checked["name"], checked["arguments"]
    refuse_other_kind(model, name)
    if name not in OF_CODES:
        level = levels_of(model)[fitted_level(model)]
        level.prior = _made(EX_POST[name], arguments, level.prior(None).event_shape[-1])
    for i, level in enumerate(levels_of(model)):
        if name in OF_CODES and _coded(level):
            width = level.prior(None).event_shape[-1]
            told = getattr(level.posterior, "context", 0)  # of a condition
            own = partial(OF_CODES[name], level, width, told + (width if i else 0))
            level.prior = _made(own, arguments)


def levels_of(model: LatentModel) -> list[Level]:
    """The levels of a model, from the top."""
    return [level for level in model.levels if isinstance(level, Level)]


def usual_prior(model: LatentModel) -> str:
    """The name of the prior that is fitted unless another is asked for."""
    return "gmm" if _real_levels(model) else "autoregressive"


def fitted_level(model: LatentModel) -> int:
    """The highest level of real latents: below a class it is that of the style."""
    return _real_levels(model)[0]


def refuse_other_kind(model: LatentModel, name: str) -> None:
    """Refuse a prior that knows nothing of a model's latents.

    Raises:
        UsageError: names those that do.
    """
    coded, real = any(map(_coded, levels_of(model))), bool(_real_levels(model))
    if not coded and not real:
        raise UsageError(
            "A prior is fitted to latents that an encoder gives, and this model has none."
        )
    if not real and name not in OF_CODES:
        raise UsageError(
            f"The latents of this model are codes, which the prior {name} knows nothing of: fit "
            f"the prior {', '.join(OF_CODES)}."
        )
    if not coded and name in OF_CODES:
        raise UsageError(
            f"The prior {name} is one of codes, and the latents of this model are real: fit one of "
            f"{', '.join(EX_POST)}."
        )


def _coded(level: Level) -> bool:
    return hasattr(head_of(level.posterior), "quantiser")


def _real_levels(model: LatentModel) -> list[int]:
    """Levels with an encoder whose latents are neither codes nor a class."""
    return [
        i
        for i, level in enumerate(levels_of(model))
        if level.posterior is not None
        and not isinstance(level.posterior, ClassPosterior)
        and not _coded(level)
    ]


def _made(make: Callable[..., nn.Module], arguments: Mapping[str, Any], *given: Any) -> nn.Module:
    """A prior, its arguments checked.

    Raises:
        UsageError: naming the argument that does not suit.
    """
    try:
        return _checked(make)(*given, **arguments)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = f"{where}={first['input']!r} does not suit the prior: {first['msg'].lower()}."
        raise UsageError(said) from None


def _checked(make: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    return validate_call(config=ConfigDict(arbitrary_types_allowed=True))(make)
