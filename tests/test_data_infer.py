"""The kind of data and the likelihood that follow from values alone, and the refusals."""

import numpy as np
import pytest
import torch

from variata.data import infer_schema
from variata.errors import DataError, ShapeError, UsageError

RNG = np.random.default_rng(1)
BYTES = RNG.integers(0, 256, (20, 8, 8), dtype=np.uint8)

CASES = {
    "bits": (RNG.integers(0, 2, (30, 5)), "binary", "bernoulli"),
    "bit images": (RNG.integers(0, 2, (30, 5, 5)) * 255, "binary", "bernoulli"),
    "bytes": (BYTES, "levels", "logistic"),
    "bytes flat": (BYTES.reshape(20, 64), "levels", "logistic"),
    "fractions": (BYTES / 255, "levels", "logistic"),
    "fractions flat": (
        (BYTES / 255).astype(np.float32).reshape(20, 64),
        "levels",
        "logistic",
    ),
    "digits": (RNG.integers(0, 17, (50, 8, 8)), "levels", "logistic"),
    "digits flat": (RNG.integers(0, 17, (50, 64)), "levels", "logistic"),
    "4 bits flat": (RNG.integers(0, 16, (200, 32)), "levels", "logistic"),
    "low counts": (RNG.poisson(1.5, (300, 6)), "count", "poisson"),
    "wide counts": (RNG.poisson(RNG.gamma(1.0, 1.0, 80), (300, 80)), "count", "poisson"),
    "dispersed counts": (RNG.negative_binomial(1, 0.1, (300, 6)), "count", "negative_binomial"),
    "ages": (RNG.integers(18, 90, (300, 2)), "real", "gaussian"),
    "signed": (RNG.integers(-5, 6, (300, 2)), "real", "gaussian"),
    "few negatives": (np.where(RNG.random((300, 2)) < 0.01, -1, 4), "real", "gaussian"),
    "reals": (RNG.normal(size=(30, 3)), "real", "gaussian"),
    "real images": (RNG.normal(size=(30, 5, 5)), "real", "gaussian"),
    "off the grid": (RNG.random((30, 8, 8)), "real", "gaussian"),
    "deep images": (RNG.integers(0, 60000, (30, 5, 5)), "real", "gaussian"),
    "one column": (RNG.normal(size=(30, 1)), "real", "gaussian"),
    "constant": (np.full((5, 3), 7.5), "real", "gaussian"),
    "zeros": (np.zeros((5, 3)), "real", "gaussian"),
    "black images": (np.zeros((5, 4, 4), dtype=np.uint8), "levels", "logistic"),
    "all true": (np.ones((5, 4), dtype=bool), "binary", "bernoulli"),
}


@pytest.mark.parametrize("name", CASES)
def test_kind_and_likelihood(name):
    values, kind, likelihood = CASES[name]
    schema = infer_schema(values)
    assert (schema.kind, schema.likelihood) == (kind, likelihood)
    assert torch.isfinite(schema.to_model(schema.encode(values))).all()


def test_grids():
    assert infer_schema(BYTES).levels == 256
    assert infer_schema(BYTES / 255).step == pytest.approx(1 / 255)
    assert infer_schema(RNG.integers(0, 17, (50, 8, 8))).levels == 17
    assert infer_schema(RNG.integers(0, 17, (50, 8, 8)) / 16).levels == 17
    assert infer_schema(RNG.integers(0, 16, (50, 8, 8))).levels == 16
    signs = infer_schema(RNG.integers(0, 2, (30, 5, 5)) * 2 - 1)
    assert (signs.low, signs.step, signs.levels) == (-1.0, 2.0, 2)


def test_layouts():
    def shape(*own):
        return infer_schema(RNG.normal(size=(4, *own))).shape

    assert shape(28, 20) == (1, 28, 20)
    assert shape(9, 8, 3) == (3, 9, 8)
    assert shape(3, 9, 8) == (3, 9, 8)
    assert shape(3, 9, 3) == (3, 3, 9)
    assert shape(9, 8, 4) == (4, 9, 8)
    assert shape(64) == (64,)
    for own in ((5, 6, 7), (1, 2, 3, 4), ()):
        with pytest.raises(ShapeError):
            infer_schema(RNG.normal(size=(4, *own)))
    with pytest.raises(UsageError, match="layout"):
        infer_schema(BYTES, layout="cube")


def test_standardised_per_column_and_pooled_for_images():
    values = RNG.normal([0.0, 100.0, 5.0], [1.0, 20.0, 0.0], (400, 3))
    schema = infer_schema(values)
    np.testing.assert_allclose(schema.mean, values.mean(0), rtol=1e-9)
    np.testing.assert_allclose(schema.scale, [*values.std(0)[:2], 1.0], rtol=1e-9)
    images = infer_schema(RNG.normal(3.0, 2.0, (50, 4, 4)))
    assert len(images.mean) == len(images.scale) == len(images.resolution) == 1


def test_constant_column_keeps_scale_one_in_spite_of_the_rounding_of_its_mean():
    values = np.column_stack([np.full(100, 0.1) * 3, RNG.normal(size=100)])
    schema = infer_schema(values)
    assert schema.scale[0] == 1.0
    assert schema.mean[0] == values[0, 0]


@pytest.mark.parametrize("factor", [1e-300, 1e-160, 1e-20, 1e140])
def test_standardising_takes_any_unit(factor):
    values = np.abs(RNG.normal(size=(50, 3)))
    schema, scaled = infer_schema(values), infer_schema(values * factor)
    np.testing.assert_allclose(scaled.scale, np.asarray(schema.scale) * factor, rtol=1e-12)
    np.testing.assert_allclose(scaled.resolution, schema.resolution, rtol=1e-6)
    x = schema.to_model(schema.encode(values))
    torch.testing.assert_close(scaled.to_model(scaled.encode(values * factor)), x)
    np.testing.assert_allclose(scaled.decode(x) / factor, values, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("values", [1e9 + 1e-5 * RNG.normal(size=(50, 1)), [[0.0], [5e-324]]])
def test_the_least_difference_is_no_constant(values):
    schema = infer_schema(values)
    assert float(schema.to_model(schema.encode(values)).std()) == pytest.approx(1.0, abs=0.5)


def test_tiny_pictures_are_not_taken_for_black():
    values = RNG.random((20, 8, 8)) * 1e-6
    for own in (values, values.reshape(20, 64)):
        assert infer_schema(own).kind == "real"


def test_resolution_is_the_smallest_gap_in_standardised_units():
    values = np.column_stack(
        [np.round(RNG.normal(size=500), 1), RNG.normal(size=500), np.ones(500)]
    )
    schema = infer_schema(values)
    assert schema.resolution[0] == pytest.approx(0.1 / schema.scale[0], rel=1e-6)
    assert 1e-6 <= schema.resolution[1] < 0.01
    assert schema.resolution[2] == 1.0


def test_description_says_what_was_seen_and_chosen():
    assert infer_schema(RNG.integers(0, 2, (9, 28, 28))).describe() == (
        "binary images 1x28x28 (values 0 and 1): Bernoulli likelihood"
    )
    assert infer_schema(RNG.normal(size=(9, 12))).describe() == (
        "real numbers, 12 columns, standardised per column: Gaussian likelihood with a learned"
        " scale per column"
    )
    colour = infer_schema(RNG.integers(0, 256, (9, 8, 8, 3), dtype=np.uint8)).describe()
    assert colour.startswith("colour images 3x8x8 (256 levels, 0 to 255)")


@pytest.mark.parametrize(
    ("likelihood", "values", "kind"),
    [
        ("gaussian", BYTES, "real"),
        ("gaussian", RNG.integers(0, 2, (9, 3)), "real"),
        ("logistic", BYTES, "levels"),
        ("logistic", RNG.integers(0, 2, (9, 3)), "levels"),
        ("logistic", RNG.integers(-3, 4, (9, 3)), "levels"),
        ("logistic_mixture", BYTES / 255, "levels"),
        ("categorical", BYTES, "category"),
        ("poisson", BYTES, "count"),
        ("negative_binomial", RNG.poisson(1.0, (9, 3)), "count"),
        ("bernoulli", RNG.integers(0, 2, (9, 3)), "binary"),
    ],
)
def test_named_likelihood_decides_the_kind(likelihood, values, kind):
    schema = infer_schema(values, likelihood=likelihood)
    assert (schema.kind, schema.likelihood) == (kind, likelihood)
    back = schema.decode(schema.to_model(schema.encode(values)), round=True)
    np.testing.assert_allclose(back, values, atol=1e-5)


@pytest.mark.parametrize(
    ("likelihood", "values", "words"),
    [
        ("bernoulli", [[-2.1], [3.4]], r"0 or 1; these lie in \[-2.1, 3.4\]. Use .*'gaussian'"),
        ("bernoulli", BYTES / 255, "not a likelihood for grey values.*logistic_mixture"),
        ("bernoulli", BYTES, "logistic_mixture"),
        ("bernoulli", [[0.123], [0.4]], "grey values"),
        ("poisson", [[-1], [3]], "negative"),
        ("poisson", [[0.5], [3]], "fractions"),
        ("negative_binomial", [[0.5], [3]], "fractions"),
        ("logistic", [[0.123], [0.4]], "grid"),
        ("logistic_mixture", [[-500.0], [500.0]], "grid"),
        ("categorical", [[-1], [3]], r"\[-1, 3\]"),
        ("categorical", [[0.5], [3]], "fractions"),
    ],
)
def test_likelihood_that_cannot_serve_is_refused_with_reasons(likelihood, values, words):
    with pytest.raises(DataError, match=words):
        infer_schema(values, likelihood=likelihood)


def test_unknown_likelihood():
    with pytest.raises(UsageError, match="Did you mean 'bernoulli'"):
        infer_schema([[0], [1]], likelihood="bernouli")
    with pytest.raises(UsageError, match="gaussian"):
        infer_schema([[0], [1]], likelihood="zzz")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((0, 3)), "empty"),
        (np.zeros((3, 0)), "empty"),
        ([], "empty"),
        ([[1.0, 2.0]], "needs at least 2 rows, got 1"),
        ([[1.0, np.nan], [1.0, 2.0]], "nan at row 0, column 1"),
        ([[1.0, 2.0], [-np.inf, 2.0]], "-inf at row 1, column 0"),
        ([[1 + 2j], [3.0]], "complex"),
        ([["a", "b"], ["c", "d"]], "'a' in row 0, column 0"),
        (np.array([[1.0, None], [2.0, "x"]], dtype=object), "column 1"),
        ([[1.0, 2.0], [3.0]], "one length"),
        ([[1e200], [-1e200]], "too large"),
        (np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]").reshape(2, 1), "datetime"),
    ],
)
def test_bad_data_is_refused(values, words):
    with pytest.raises(DataError, match=words):
        infer_schema(values)


def test_columns_are_named_in_errors():
    with pytest.raises(DataError, match="column 'age'"):
        infer_schema([[1.0, np.nan], [2.0, 3.0]], columns=["id", "age"])
    with pytest.raises(DataError, match="Expected 2 column names, got 1"):
        infer_schema([[1.0, 0.0], [2.0, 3.0]], columns=["id"])
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "name": ["x", "y"]})
    with pytest.raises(DataError, match="Column 'name'.*--ignore name.*--label name"):
        infer_schema(frame)
    gaps = pandas.DataFrame({"a": pandas.array([1, None], dtype="Int64"), "b": [1, 2]})
    with pytest.raises(DataError, match="nan at row 1, column 'a'"):
        infer_schema(gaps)
