"""Training that starts from the weights of a trained run, on other data of the same shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from variata import recipes, store
from variata.errors import ShapeError, StoreError, UsageError
from variata.models import LatentModel
from variata.recipes.catalogue import OWN_MODULES
from variata.store import Saved
from variata.store.weights import weights_digest
from variata.tasks.plan import TOLD_BY_DATA
from variata.tasks.source import Prepared

OF_DATA = {*TOLD_BY_DATA, "classes", *OWN_MODULES}
SHOWN = 4  # tensors named


def inherited(
    init: str | Path | None, recipe: str | None, arguments: dict[str, Any]
) -> tuple[str, dict[str, Any], dict[str, str] | None]:
    """The recipe, its arguments, and the record of what training starts from.

    Without a recipe, or with that of the run, arguments that are not given are the run's, but for
    those that follow from the data.

    Raises:
        StoreError: the run cannot be loaded.
    """
    if init is None:
        return recipe or "vae", arguments, None
    saved = store.load(Path(init))
    recipe = recipe or saved.recipe
    known = recipes.get(recipe).arguments
    if recipe == saved.recipe:
        theirs = {n: v for n, v in saved.arguments.items() if n in known and n not in OF_DATA}
        arguments = theirs | arguments
    record = {"run": str(Path(init).resolve()), "weights": weights_digest(saved.module)}
    return recipe, arguments, record


def started(record: dict[str, str], module: LatentModel, prepared: Prepared) -> str:
    """Give a module the weights of a run, where they fit, and say which do not.

    Raises:
        StoreError: the run cannot be loaded, or is another than when training began.
        ShapeError: its examples have another shape.
        UsageError: none of its weights fit.
    """
    saved = store.load(Path(record["run"]))
    if weights_digest(saved.module) != record["weights"]:
        raise StoreError(f"{record['run']} has changed since this training began (--init).")
    return taken(saved, record["run"], module, prepared.schema.shape)


def taken(saved: Saved, run: str, module: LatentModel, shape: tuple[int, ...]) -> str:
    """The same for weights at hand."""
    if saved.schema.shape != shape:
        raise ShapeError(
            f"The model in {run} knows examples of shape {saved.schema.shape}, and these have "
            f"{shape}: --init needs data of the same shape."
        )
    ours, theirs = module.state_dict(), saved.module.state_dict()
    fits = {n: v for n, v in theirs.items() if n in ours and ours[n].shape == v.shape}
    if not fits:
        raise UsageError(
            f"No weights of {run} ({saved.recipe}) fit this model: train without --init."
        )
    module.load_state_dict(fits, strict=False)
    left = [name for name in ours if name not in fits]
    told = f"starts from {run}: {len(fits)} of {len(ours)} tensors are taken"
    if not left:
        return told
    more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
    return f"{told}; without counterpart of their shape: {', '.join(left[:SHOWN])}{more}"
