"""What samples are judged by beside distances: classifiers, classes, and ranks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from variata.errors import DataError, ShapeError
from variata.metrics import classifier_test, mode_coverage, nearest_copies, probability_less


def test_probability_less_is_the_area_under_the_roc_curve():
    draw = np.random.default_rng(0)
    a, b = draw.integers(0, 6, 40), draw.integers(1, 8, 30)  # with ties
    pairs = [(x < y) + (x == y) / 2 for x in a for y in b]
    found = probability_less(a, b)
    truth = np.repeat([0, 1], [40, 30])
    assert found.mean == pytest.approx(np.mean(pairs))
    assert found.mean == pytest.approx(roc_auc_score(truth, np.concatenate([a, b])))


def test_the_error_of_a_probability_is_that_of_fresh_draws():
    draw = np.random.default_rng(0)
    sets = [(draw.normal(size=60), draw.normal(0.7, 1, 90)) for _ in range(400)]
    found = [probability_less(a, b) for a, b in sets]
    spread = np.std([f.mean for f in found])
    assert np.mean([f.se for f in found]) == pytest.approx(spread, rel=0.1)
    assert math.isnan(probability_less([1.0], [2.0, 3.0]).se)


def test_no_classifier_tells_draws_of_one_distribution():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(600, 4))
    same = classifier_test(x[:300], x[300:])
    assert same.statistic == pytest.approx(0.5, abs=4 / 300**0.5 / 12**0.5 * 2**0.5)
    assert classifier_test(x[:300], x[300:]) == same


def test_a_classifier_tells_what_no_mean_or_variance_does():
    draw = np.random.default_rng(0)
    tied = np.sign(draw.normal(size=(600, 1))) * np.abs(draw.normal(size=(600, 2)))
    free = np.sign(draw.normal(size=(600, 2))) * np.abs(draw.normal(size=(600, 2)))
    assert classifier_test(tied, free).statistic > 0.6  # 0.75 by the signs


def test_a_classifier_takes_sets_of_any_size():
    draw = np.random.default_rng(0)
    found = classifier_test(draw.normal(size=(500, 2)), draw.normal(size=(60, 2)))
    assert 0.25 < found.statistic < 0.75
    assert found.p_value > 0.01
    with pytest.raises(DataError, match="at least 4 examples"):
        classifier_test(np.zeros((9, 2)), np.zeros((3, 2)))
    with pytest.raises(ShapeError, match="equally many"):
        classifier_test(np.zeros((9, 2)), np.zeros((9, 3)))


def test_modes_by_hand():
    data = torch.tensor([0] * 50 + [1] * 49 + [2])  # the last is too rare to count
    found = mode_coverage(data, torch.tensor([0] * 90 + [1] * 10))
    assert (found.covered, found.classes) == (1, 2)  # 0.1 is below a quarter of 0.49
    assert found.distance == pytest.approx(0.4)
    even = mode_coverage(data, data)
    assert (even.covered, even.distance) == (2, 0)


@pytest.mark.parametrize("classes", [50, 100, 1_000])
def test_many_equal_classes_all_count(classes: int):
    data = torch.arange(classes).repeat(4)
    found = mode_coverage(data, data)
    assert (found.covered, found.classes) == (classes, classes)
    assert mode_coverage(data, data[data < classes // 2]).covered == classes // 2


def test_closer_than_unseen_rows_by_hand():
    train, test = [[0.0], [10.0]], [[1.0], [13.0]]  # which are 1 and 3 away
    found = nearest_copies([[2.0], [0.5]], train, test)  # 2 and 0.5 away
    assert found.closer.mean == pytest.approx(3 / 4)
    assert nearest_copies(train, train, test).closer.mean == 1


def test_fresh_draws_are_as_close_as_unseen_rows():
    draw = np.random.default_rng(0)
    train, test, fresh = (draw.normal(size=(400, 3)) for _ in range(3))
    found = nearest_copies(fresh, train, test).closer
    assert found.mean == pytest.approx(0.5, abs=4 * found.se)
