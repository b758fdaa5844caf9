"""All figures of disentanglement at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from variata.metrics.disentangle.beta_vae import beta_vae_score
from variata.metrics.disentangle.dci import LIMIT, Predictor, dci
from variata.metrics.disentangle.explicitness import explicitness
from variata.metrics.disentangle.factor_vae import factor_vae_score
from variata.metrics.disentangle.information import BINS
from variata.metrics.disentangle.mig import information_gaps
from variata.metrics.disentangle.modularity import modularity
from variata.metrics.disentangle.sap import sap
from variata.metrics.disentangle.table import Table
from variata.metrics.rows import Values


@dataclass(frozen=True)
class Disentanglement:
    """How well codes stand for factors; at most 1, more is better.

    All are at least 0 but explicitness, which is 2 AUC - 1 (papers also print AUC): 0 is chance.

    Attributes:
        rows, codes: how many were measured.
        factors: names of the factors that vary.
        left_out: names of those that do not.
        mig: mutual information gap, the mean of `mig_each`.
        mig_each: of every factor.
        dci_disentanglement, dci_completeness, dci_informativeness: see `DCI`.
        dci_chance: informativeness of always guessing the commonest value.
        sap: separated attribute predictability.
        factor_vae, beta_vae: accuracies; chance is 1 / F.
        modularity, explicitness: of Ridgeway and Mozer.

    What compares factors is None where only one varies: disentanglement, the scores of FactorVAE
    and beta-VAE, modularity.
    """

    rows: int
    codes: int
    factors: tuple[str, ...]
    left_out: tuple[str, ...]
    mig: float
    mig_each: tuple[float, ...]
    dci_disentanglement: float | None
    dci_completeness: float
    dci_informativeness: float
    dci_chance: float
    sap: float
    factor_vae: float | None
    beta_vae: float | None
    modularity: float | None
    explicitness: float

    def as_dict(self) -> dict[str, Any]:
        """All figures by name, as plain values for a JSON report."""
        plain = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}


def disentanglement(
    codes: Values,
    factors: Values,
    seed: int = 0,
    *,
    names: Sequence[str] | None = None,
    bins: int = BINS,
    predictor: Predictor = "forest",
    limit: int = LIMIT,
) -> Disentanglement:
    """Measure how well codes stand for the factors that rows were made from.

    Nothing changes with the order, the signs and the units of the codes, but for chance.

    Args:
        codes: (N, L), posterior means of a VAE for example.
        factors: whole numbers (N, F); classes or positions. Constant ones are left out.
        seed: of rows, groups, pairs and predictors.
        names: of the factors.
        bins: of equal width that codes are put into for mutual information.
        predictor: of DCI.
        limit: rows used, drawn at random when there are more.

    Raises:
        DataError: fewer than 20 rows, a value that is not finite, a factor with fractions or more
            than 256 values, none that varies, or too few rows with equal values.
        ShapeError: not as many codes as factors.
        UsageError: not as many names as factors, too few bins, an unknown predictor.

    >>> import numpy as np
    >>> factors = np.stack(np.unravel_index(np.arange(200) % 20, (4, 5)), axis=1)
    >>> told = disentanglement(factors * [-3.0, 0.5], factors, names=["size", "place"])
    >>> round(told.mig, 6), told.factor_vae, told.dci_completeness
    (1.0, 1.0, 1.0)
    """
    table = Table.of(codes, factors, names).some(limit, seed)
    z, y, several = table.codes, table.factors, len(table.names) > 1
    gaps = information_gaps(z, y, bins)
    predicted = dci(z, y, predictor=predictor, limit=limit, seed=seed)
    return Disentanglement(
        rows=len(z),
        codes=z.shape[1],
        factors=table.names,
        left_out=table.left_out,
        mig=float(gaps.mean()),
        mig_each=tuple(gaps.tolist()),
        dci_disentanglement=predicted.disentanglement,
        dci_completeness=predicted.completeness,
        dci_informativeness=predicted.informativeness,
        dci_chance=predicted.chance,
        sap=sap(z, y, seed=seed),
        factor_vae=factor_vae_score(z, y, seed=seed) if several else None,
        beta_vae=beta_vae_score(z, y, seed=seed) if several else None,
        modularity=modularity(z, y, bins) if several else None,
        explicitness=explicitness(z, y, seed=seed),
    )
