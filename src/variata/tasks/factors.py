"""Disentanglement in an evaluation, where the factors of the rows are known."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from variata.data import Examples
from variata.errors import DataError
from variata.metrics import active_mask, disentanglement
from variata.tasks.passes import Pass

NAMES = {
    "mig": "MIG",
    "dci_disentanglement": "DCI disentanglement",
    "dci_completeness": "DCI completeness",
    "dci_informativeness": "DCI informativeness",
    "sap": "SAP",
    "factor_vae": "FactorVAE score",
    "beta_vae": "beta-VAE score",
    "modularity": "modularity",
    "explicitness": "explicitness",
}


def disentangled(
    observed: Pass, test: Examples, seed: int = 0, prior_sd: Tensor | float = 1.0
) -> dict[str, Any] | None:
    """How well latent dimensions stand for the known factors of the rows; None without factors.

    Measured on posterior means. Where the posterior has noise, the dimensions that do not move
    with the data are left out, as noise covers what their means tell (Kim and Mnih, 2018,
    arXiv:1802.05983, do the same). A note takes the place of the figures where there are none.
    """
    if test.factors is None:
        return None
    means = observed.means
    if observed.scales is not None:
        means = means[:, active_mask(means, prior_sd=prior_sd)]
    if not means.shape[1]:
        return {"note": "not measured: no latent dimension moves with the data"}
    try:
        known = test.factors
        return disentanglement(means, known.values, seed, names=known.names).as_dict()
    except DataError as error:
        return {"note": f"not measured: {error}"}


def disentanglement_rows(figures: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What `disentangled` found as rows of a table: name and figure, with what chance gives."""
    if figures is None:
        return []
    if "note" in figures:
        return [("disentanglement", figures["note"])]
    chance = {"dci_informativeness": figures["dci_chance"]}
    chance |= dict.fromkeys(("factor_vae", "beta_vae"), 1 / len(figures["factors"]))
    of = f"{figures['codes']} latents, {len(figures['factors'])} factors"
    return [
        ("disentanglement", f"of {of}: {', '.join(figures['factors'])}"),
        *(
            (f"  {name}", f"{figures[key]:.3f}{_beside(chance.get(key))}")
            for key, name in NAMES.items()
            if figures[key] is not None
        ),
    ]


def _beside(chance: float | None) -> str:
    return "" if chance is None else f" (chance {chance:.2f})"
