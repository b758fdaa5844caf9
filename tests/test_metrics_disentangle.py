"""Disentanglement metrics on codes whose answers are known."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from variata.errors import DataError, ShapeError, UsageError
from variata.metrics import Disentanglement, disentanglement
from variata.metrics.disentangle import (
    beta_vae_score,
    dci,
    entropies,
    explicitness,
    factor_vae_score,
    information_gaps,
    information_matrix,
    mig,
    modularity,
    sap,
)
from variata.metrics.disentangle.dci import completeness_of, disentanglement_of
from variata.metrics.disentangle.information import binned
from variata.metrics.disentangle.modularity import modularity_of
from variata.metrics.disentangle.sap import balanced_accuracy
from variata.metrics.disentangle.sharing import Sharing
from variata.metrics.disentangle.table import Table

SIZES = (4, 5, 4)
ALL: list[Callable[..., float]] = [
    mig, sap, factor_vae_score, beta_vae_score, modularity, explicitness,
]  # fmt: skip


def grid(copies: int = 10) -> np.ndarray:
    """Every combination of three factors, equally often: exactly independent."""
    points = np.arange(copies * math.prod(SIZES)) % math.prod(SIZES)
    return np.stack(np.unravel_index(points, SIZES), axis=1)


def noise(rows: int, codes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, codes))


def mixture(factors: np.ndarray) -> np.ndarray:
    """Every code an even mixture of all factors, by the Hadamard matrix of order four."""
    signs = np.array([[1, 1, 1], [1, -1, -1], [1, 1, -1], [1, -1, 1]]) / 2
    scaled = (factors - factors.mean(0)) / factors.std(0)
    return scaled @ signs.T


@pytest.mark.parametrize(
    "name", ["mig", "dci_disentanglement", "dci_completeness", "dci_informativeness",
             "factor_vae", "beta_vae", "modularity"],
)  # fmt: skip
def test_perfect_codes_score_one(name: str) -> None:
    factors = grid()
    assert getattr(disentanglement(factors * [0.1, -7, 3.0], factors), name) == pytest.approx(1)


def test_perfect_codes_that_linear_functions_read_are_explicit() -> None:
    factors = np.stack(np.unravel_index(np.arange(400) % 4, (2, 2)), axis=1)
    assert explicitness(factors * [1.0, -5.0], factors) == 1
    one_hot = np.concatenate([np.eye(4)[grid()[:, 0]], np.eye(5)[grid()[:, 1]]], axis=1)
    assert explicitness(one_hot, grid()[:, :2]) == 1


def test_sap_of_perfect_codes_is_what_chance_leaves() -> None:
    factors = grid(40)
    chance = np.mean([1 - 1 / size for size in SIZES])
    assert sap(factors, factors) == pytest.approx(chance, abs=0.03)
    assert sap(factors, factors, "r2") == pytest.approx(1)


def test_noise_scores_nothing() -> None:
    factors = np.stack(np.unravel_index(np.arange(4_000) % 125, (5, 5, 5)), axis=1)
    told = disentanglement(noise(4_000, 6), factors)
    assert told.mig < 0.005
    assert told.sap < 0.03
    assert told.dci_disentanglement is not None
    assert told.dci_disentanglement < 0.01
    assert told.dci_completeness < 0.01
    assert told.dci_informativeness == pytest.approx(told.dci_chance, abs=0.05)
    assert told.factor_vae == pytest.approx(1 / 3, abs=0.05)
    assert told.beta_vae == pytest.approx(1 / 3, abs=0.05)
    assert told.modularity is not None
    assert told.modularity < 0.4  # chance information in equal parts
    assert abs(told.explicitness) < 0.06


def test_mixtures_score_low_though_they_tell_everything() -> None:
    factors = grid()
    codes = mixture(factors) + 0.2 * noise(len(factors), 4)  # off the lattice of the factors' sums
    pure, mixed = disentanglement(factors, factors), disentanglement(codes, factors)
    assert mixed.mig < 0.02
    assert mixed.sap < 0.03
    assert mixed.dci_disentanglement is not None
    assert mixed.dci_disentanglement < 0.05
    assert mixed.dci_completeness < 0.05
    assert mixed.modularity is not None
    assert mixed.modularity < 0.2
    assert mixed.factor_vae is not None
    assert mixed.factor_vae < 0.45
    assert mixed.dci_informativeness > 2 * mixed.dci_chance
    assert mixed.explicitness == pytest.approx(pure.explicitness, abs=0.1)


def test_duplicated_codes_have_no_gap_and_are_not_complete() -> None:
    factors = grid()
    twice = np.concatenate([factors, factors], axis=1)
    once, told = disentanglement(factors, factors), disentanglement(twice, factors)
    assert told.mig == 0
    assert told.sap == 0
    assert told.dci_disentanglement == pytest.approx(1)
    assert once.dci_completeness == pytest.approx(1)
    # Two of six codes share each factor's importance: 1 - log 2 / log 6 where evenly.
    assert told.dci_completeness == pytest.approx(1 - math.log(2) / math.log(6), abs=0.03)
    assert told.modularity == pytest.approx(1)
    assert told.factor_vae == 1


def test_order_sign_and_scale_of_codes_change_nothing() -> None:
    factors = grid(25)
    codes = mixture(factors) + 0.3 * noise(len(factors), 4)
    changed = codes[:, [2, 0, 3, 1]] * [-1.0, 1e6, 3e-5, -0.7] + [0.0, 1.0, -5.0, 1e3]
    exact, close = disentanglement(codes, factors), disentanglement(changed, factors)
    for name in ("mig", "modularity", "sap", "explicitness", "factor_vae", "beta_vae"):
        assert getattr(close, name) == pytest.approx(getattr(exact, name), abs=1e-3), name
    for name in ("dci_disentanglement", "dci_completeness", "dci_informativeness"):
        assert getattr(close, name) == pytest.approx(getattr(exact, name), abs=0.03), name
    lasso = [dci(z, factors, predictor="lasso") for z in (codes, changed)]
    assert lasso[0].completeness == pytest.approx(lasso[1].completeness, abs=1e-4)


def test_names_of_values_change_nothing() -> None:
    factors = grid()
    codes = mixture(factors) + 0.3 * noise(len(factors), 4)
    assert disentanglement(codes, factors * [10, 1, 7] - 3) == disentanglement(codes, factors)


def test_information_is_that_of_scikit_learn() -> None:
    factors, codes = grid(), mixture(grid()) + noise(800, 4)
    found = information_matrix(codes, factors, bins=7)
    places = [np.digitize(z, np.linspace(z.min(), z.max(), 8)[1:-1]) for z in codes.T]
    expected = [[mutual_info_score(z, y) for y in factors.T] for z in places]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_entropies_by_hand() -> None:
    values = np.array([[0, 5], [0, 5], [1, 5], [2, 5]])
    half = 0.5 * math.log(2) + 0.5 * math.log(4)
    np.testing.assert_allclose(entropies(values), [half, 0], atol=1e-15)


def test_gaps_by_hand() -> None:
    factor = np.arange(40) % 4
    codes = np.stack([factor, factor // 2, np.zeros(40)], axis=1)
    assert information_gaps(codes, factor) == pytest.approx([0.5])  # log 4 - log 2 of log 4
    assert information_gaps(codes[:, :1], factor) == pytest.approx([1.0])  # of one code: to zero


def test_bins_have_equal_width() -> None:
    codes = np.array([[0.0], [0.1], [0.5], [0.95], [1.0]])
    assert binned(codes, 10)[:, 0].tolist() == [0, 1, 5, 9, 9]
    assert binned(np.full((3, 1), 2.0)).tolist() == [[0], [0], [0]]


def test_dci_of_importances_by_hand() -> None:
    importances = np.array([[0.5, 0.0], [0.25, 0.25], [0.25, 0.75]])
    third = np.array([1 / 4, 3 / 4])
    entropy = -(third * np.log(third)).sum() / math.log(2)
    expected = (0.5 * 1 + 0.5 * 0 + 1.0 * (1 - entropy)) / 2
    assert disentanglement_of(importances) == pytest.approx(expected)
    first = 1 - (0.5 * math.log(2) + 0.5 * math.log(4)) / math.log(3)
    second = 1 - entropy * math.log(2) / math.log(3)
    assert completeness_of(importances) == pytest.approx((first + second) / 2)
    assert disentanglement_of(np.zeros((3, 2))) == 0
    assert completeness_of(np.zeros((3, 2))) == 0
    assert disentanglement_of(np.ones((3, 1))) is None


def test_modularity_by_hand() -> None:
    # Squares of the others, in units of the largest: (1/4 + 1/16) / 2.
    assert modularity_of(np.array([[4.0, 2.0, 1.0]])) == pytest.approx(1 - 5 / 32)
    assert modularity_of(np.zeros((2, 3))) == 0


def test_balanced_accuracy_weighs_values_equally() -> None:
    truth, guess = np.array([0] * 8 + [1] * 2), np.array([0] * 8 + [1, 0])
    assert balanced_accuracy(truth, guess) == pytest.approx(0.75)


@pytest.mark.parametrize("predictor", ["forest", "boosting", "lasso"])
def test_every_predictor_finds_the_codes(predictor) -> None:
    factors = grid(5)[:, :2]
    codes = np.concatenate([noise(len(factors), 2), factors], axis=1)
    told = dci(codes, factors, predictor=predictor)
    assert told.importances.shape == (4, 2)
    np.testing.assert_allclose(told.importances.sum(0), 1)
    assert told.importances.argmax(0).tolist() == [2, 3]
    assert told.disentanglement is not None
    assert told.disentanglement > 0.85
    assert told.completeness > 0.85
    assert told.informativeness > 0.95


def test_seeds_decide_everything() -> None:
    factors, codes = grid(), mixture(grid()) + 0.5 * noise(800, 4)
    before = np.random.get_state()[1]
    first = disentanglement(codes, factors, seed=3)
    assert disentanglement(codes, factors, seed=3) == first
    assert disentanglement(codes, factors, seed=4) != first
    assert np.array_equal(before, np.random.get_state()[1])


def test_groups_share_a_value_and_pairs_are_of_different_rows() -> None:
    values, random = np.array([0, 2, 1, 2, 0, 2, 3]), np.random.default_rng(0)
    sharing = Sharing(values, "size")
    groups = values[sharing.groups(random, 50, 6)]
    assert (groups == groups[:, :1]).all()
    assert set(groups[:, 0].tolist()) == {0, 2}
    first, second = sharing.pairs(random, (40, 10))
    assert (values[first] == values[second]).all()
    assert (first != second).all()
    assert set(first.ravel().tolist()) == {0, 1, 3, 4, 5}
    share = (values[first] == 2).mean()
    assert share == pytest.approx(3 / 5, abs=0.1)
    with pytest.raises(DataError, match="No two rows share a value of 'size'"):
        Sharing(np.arange(5), "size")


def test_constant_factors_are_left_out_by_name() -> None:
    factors = grid()
    more = np.insert(factors, 1, 9, axis=1)
    told = disentanglement(factors, more, names=["a", "still", "b", "c"])
    assert told.factors == ("a", "b", "c")
    assert told.left_out == ("still",)
    assert told.mig == pytest.approx(1)
    assert mig(factors, more) == mig(factors, factors)
    with pytest.raises(DataError, match="No factor varies"):
        mig(factors, np.ones(len(factors)))


@pytest.mark.parametrize("codes", [0, 2])
def test_constant_codes_tell_nothing(codes: int) -> None:
    factors = grid()
    table = np.concatenate([factors[:, :codes], np.full((len(factors), 2), 0.1)], axis=1)
    assert (information_matrix(table, factors)[codes:] == 0).all()
    told = disentanglement(table, factors)
    for field in fields(Disentanglement):
        value = getattr(told, field.name)
        if isinstance(value, float):
            assert 0 <= value <= 1, field.name
    if not codes:
        assert (told.mig, told.sap, told.factor_vae, told.modularity) == (0, 0, 0, 0)
        assert (told.dci_disentanglement, told.dci_completeness) == (0, 0)
        assert told.explicitness == pytest.approx(0)


def test_one_code_and_one_factor() -> None:
    factor = np.arange(100) % 4
    told = disentanglement(factor[:, None], factor)
    assert told.mig == pytest.approx(1)
    assert told.sap == pytest.approx(0.75)
    assert told.dci_completeness == 1
    compared = (told.dci_disentanglement, told.factor_vae, told.beta_vae, told.modularity)
    assert compared == (None, None, None, None)
    for metric in (factor_vae_score, beta_vae_score, modularity):
        with pytest.raises(DataError, match="at least 2 factors that vary, and there is 1"):
            metric(factor[:, None], factor)


def test_codes_of_any_size_are_finite() -> None:
    factors = grid()
    codes = factors * [1e300, 1e-300, 1e-3] + [0, 0, 1e6]
    assert disentanglement(codes, factors).mig == pytest.approx(1)


@pytest.mark.parametrize("metric", ALL)
def test_unusable_rows_are_refused(metric: Callable[..., float]) -> None:
    factors, codes = grid(), mixture(grid())
    broken = codes.copy()
    broken[7, 2] = np.nan
    with pytest.raises(DataError, match="codes: .* nan in row 7, column 2"):
        metric(broken, factors)
    with pytest.raises(DataError, match="factors: .*row 0, column 1"):
        metric(codes, np.add(factors, [0, np.inf, 0]))
    with pytest.raises(DataError, match="'factor 1' holds fractions"):
        metric(codes, np.add(factors, [0, 0.5, 0]))
    with pytest.raises(DataError, match="at least 20 examples, got 19"):
        metric(codes[:19], factors[:19])
    with pytest.raises(ShapeError, match="each of 800 codes, got 799"):
        metric(codes, factors[1:])
    with pytest.raises(DataError, match="'factor 0' has 800 values"):
        metric(codes, np.arange(800))


def test_wrong_options_are_refused() -> None:
    factors = grid(1)
    with pytest.raises(UsageError, match="at least 2 bins, got 1"):
        mig(factors, factors, bins=1)
    with pytest.raises(UsageError, match="Did you mean 'forest'"):
        dci(factors, factors, predictor="forrest")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="a name for each of 3 factors, got 1"):
        disentanglement(factors, factors, names=["x"])


def test_few_rows_that_share_no_value_say_so() -> None:
    factors = np.stack([np.arange(30), np.arange(30) % 2], axis=1)
    for metric in (factor_vae_score, beta_vae_score):
        with pytest.raises(DataError, match="No two rows share a value of 'factor 0'"):
            metric(factors, factors)
    with pytest.raises(DataError, match="too few rows to learn the values of 'factor 0'"):
        explicitness(factors, factors)


def test_rows_beyond_the_limit_are_drawn() -> None:
    factors = np.insert(grid(), 0, 3, axis=1)
    told = disentanglement(grid(), factors, limit=200, names=["still", "a", "b", "c"])
    assert (told.rows, told.codes, told.left_out) == (200, 3, ("still",))
    assert told.mig > 0.9


def test_the_record_is_plain_json() -> None:
    plain = disentanglement(grid(), grid(), names=["a", "b", "c"]).as_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["factors"] == ["a", "b", "c"]
    assert plain["mig"] == pytest.approx(np.mean(plain["mig_each"]))


def test_table_standardises_and_numbers() -> None:
    table = Table.of(noise(50, 2) * 100 + 7, np.arange(50) % 3 * 4 - 4)
    np.testing.assert_allclose(table.codes.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(table.codes.std(0), 1)
    assert table.factors[:3, 0].tolist() == [0, 1, 2]
