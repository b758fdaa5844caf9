"""Values go into the model and come back, for every kind and layout; misfits are named."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from variata.data import Schema, infer_schema
from variata.data.units import to_model_space, to_own_units
from variata.errors import DataError, ShapeError

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (6, 5, 7), dtype=np.uint8)
RGB = RNG.integers(0, 256, (6, 5, 7, 3), dtype=np.uint8)
BITS = RNG.integers(0, 2, (8, 9), dtype=np.uint8)

ROUND_TRIPS = {
    "bits": BITS,
    "bools": BITS.astype(bool),
    "float bits": BITS.astype(np.float32),
    "bit images 0 and 255": (BITS * 255).reshape(8, 3, 3),
    "bit images -1 and 1": (BITS.astype(np.float32) * 2 - 1).reshape(8, 3, 3),
    "bytes (H, W)": BYTES,
    "bytes (H, W, 1)": BYTES[..., None],
    "bytes (1, H, W)": BYTES[:, None],
    "bytes (H, W, 3)": RGB,
    "bytes (3, H, W)": np.moveaxis(RGB, -1, 1),
    "floats /255 single": BYTES.astype(np.float32) / np.float32(255),
    "floats /255 double": RGB / 255,
    "floats /255 half": (BYTES / 255).astype(np.float16),
    "digits": RNG.integers(0, 17, (9, 8, 8)).astype(np.float64),
    "digits /16": RNG.integers(0, 17, (9, 8, 8)) / 16,
    "whole images int64": BYTES.astype(np.int64),
    "counts": RNG.poisson(2.0, (20, 3)),
    "float counts": RNG.poisson(2.0, (20, 3)).astype(np.float32),
}


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_discrete_values_come_back_exactly_in_their_dtype(name):
    values = ROUND_TRIPS[name]
    schema = infer_schema(values)
    codes = schema.encode(values)
    assert codes.shape == (len(values), *schema.shape)
    back = schema.decode(schema.to_model(codes), round=True)
    assert back.dtype == values.dtype
    assert back.shape == values.shape
    np.testing.assert_array_equal(back, values)


@pytest.mark.parametrize("name", [*ROUND_TRIPS, "real", "real images"])
def test_tensors_give_the_same_units_as_arrays(name):
    more = {"real": RNG.normal(3e6, 7.0, (9, 4)), "real images": RNG.normal(size=(9, 6, 5, 3))}
    values = (ROUND_TRIPS | more)[name]
    schema = infer_schema(values)
    x = schema.to_model(schema.encode(values))
    np.testing.assert_array_equal(to_model_space(schema, torch.as_tensor(values)), x)
    between = 0.9 * x + 0.05
    shown, expected = to_own_units(schema, between).numpy(), schema.decode(between)
    assert (shown.dtype, shown.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(shown, expected)


def test_normalised_floats_come_back_to_the_last_digits():
    values = BYTES.astype(np.float32) / np.float32(127.5) - 1
    schema = infer_schema(values)
    assert (schema.low, schema.levels) == (-1.0, 256)
    back = schema.decode(schema.to_model(schema.encode(values)), round=True)
    np.testing.assert_allclose(back, values, atol=2e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(50, 4), (50, 6, 5), (50, 6, 5, 3), (50, 3, 6, 5)])
def test_real_values_come_back(dtype, shape):
    values = RNG.normal(3.0, 7.0, shape).astype(dtype)
    schema = infer_schema(values)
    assert schema.kind == "real"
    x = schema.to_model(schema.encode(values))
    assert x.dtype == torch.float32
    assert abs(float(x.mean())) < 1e-4
    back = schema.decode(x)
    assert back.dtype == dtype
    np.testing.assert_allclose(back, values, rtol=1e-5, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=6)))
def test_any_bytes_come_back(values):
    schema = infer_schema(values)
    back = schema.decode(schema.to_model(schema.encode(values)), round=True)
    np.testing.assert_array_equal(back, values)
    assert back.dtype == values.dtype


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(2, 8), st.integers(1, 4)),
        elements=st.floats(-1e6, 1e6, allow_nan=False),
    )
)
def test_any_reals_come_back_up_to_single_precision_of_their_spread(values):
    schema = infer_schema(values, likelihood="gaussian")
    back = schema.decode(schema.to_model(schema.encode(values)))
    spread = np.abs(values - np.asarray(schema.mean)).max(0) + np.asarray(schema.scale)
    assert (np.abs(back - values) <= 1e-5 * spread + 1e-9 * np.abs(values).max()).all()


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.int64, (5, 3), elements=st.integers(0, 300)))
def test_any_categories_come_back(values):
    schema = infer_schema(values, likelihood="categorical")
    assert schema.levels == max(2, values.max() + 1)
    x = schema.to_model(schema.encode(values))
    np.testing.assert_array_equal(x.numpy(), values)
    np.testing.assert_array_equal(schema.decode(x, round=True), values)


def test_storage_is_small():
    assert infer_schema(BYTES).encode(BYTES).dtype == torch.uint8
    assert infer_schema(BITS).encode(BITS.astype(np.float64)).dtype == torch.uint8
    counts = RNG.poisson(2.0, (20, 3))
    assert infer_schema(counts).encode(counts).dtype == torch.int32
    many = np.array([[0, 400], [300, 2]])
    assert infer_schema(many, likelihood="categorical").encode(many).dtype == torch.int16


def test_model_space_of_levels_is_zero_to_one():
    x = infer_schema(BYTES).to_model(torch.tensor([0, 51, 255], dtype=torch.uint8))
    torch.testing.assert_close(x, torch.tensor([0.0, 0.2, 1.0]))


def test_decode_keeps_means_between_values_and_leading_dimensions():
    schema = infer_schema(BYTES)
    means = schema.decode(np.full((4, 2, 1, 5, 7), 0.5))
    assert means.shape == (4, 2, 5, 7)
    assert means.dtype == np.float32
    np.testing.assert_allclose(means, 127.5)
    assert schema.decode(torch.full((1, 5, 7), 0.5), round=True).dtype == np.uint8


def test_decode_moves_channels_back():
    schema = infer_schema(RGB)
    assert schema.shape == (3, 5, 7)
    x = schema.to_model(schema.encode(RGB))
    np.testing.assert_allclose(x[:, 1].numpy() * 255, RGB[..., 1], atol=1e-4)
    with pytest.raises(ShapeError, match="model values"):
        schema.decode(np.zeros((5, 7, 3)))


def test_decode_clips_rounded_samples_to_the_grid():
    schema = infer_schema(BYTES)
    wild = schema.decode(np.full((1, 5, 7), 1.7), round=True)
    assert (wild == 255).all()
    counts = infer_schema(RNG.poisson(2.0, (20, 3)))
    assert (counts.decode(np.full((1, 3), -0.7), round=True) == 0).all()


def test_log_jacobian_makes_densities_those_of_the_own_units():
    values = RNG.normal(5.0, [0.1, 1.0, 10.0], (1000, 3))
    schema = infer_schema(values)
    expected = -sum(math.log(s) for s in values.std(0))
    assert schema.log_jacobian() == pytest.approx(expected, abs=1e-9)
    images = RNG.normal(0.0, 2.0, (100, 4, 5))
    assert infer_schema(images).log_jacobian() == pytest.approx(-20 * math.log(images.std()))
    assert infer_schema(BYTES).log_jacobian() == 0.0


def test_density_integrates_to_one_in_own_units():
    values = RNG.normal(5.0, 3.0, (500, 1))
    schema = infer_schema(values)
    grid = np.linspace(-20, 30, 2001)[:, None]
    x = schema.to_model(schema.encode(grid)).double()
    log_p = torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(1) + schema.log_jacobian()
    area = float(torch.trapezoid(log_p.exp(), torch.from_numpy(grid[:, 0])))
    assert area == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_schema_survives_json(name):
    schema = infer_schema(ROUND_TRIPS[name], label_names=("a", "b"))
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


def test_json_with_other_fields_is_refused():
    record = infer_schema(BITS).to_json()
    with pytest.raises(DataError, match="surprise"):
        Schema.from_json({**record, "surprise": 1})
    for other in (5, None, [1, "x"]):
        with pytest.raises(DataError, match="fields of a schema"):
            Schema.from_json(other)  # type: ignore[arg-type]


def test_wrong_shape_says_what_came():
    with pytest.raises(ShapeError, match=r"\(N, 5, 7\).*\(6, 7, 5\)"):
        infer_schema(BYTES).encode(BYTES.transpose(0, 2, 1))
    with pytest.raises(ShapeError, match="got"):
        infer_schema(BYTES).encode(BYTES[0])
    with pytest.raises(ShapeError, match=r"got \(\)"):
        infer_schema(BYTES).encode(3)


def test_nan_is_located_by_row_and_column():
    values = RNG.normal(size=(20, 3))
    schema = infer_schema(values, columns=["a", "b", "age"])
    values[12, 2] = np.nan
    with pytest.raises(DataError, match="nan at row 12, column 'age'"):
        schema.encode(values)
    images = RNG.normal(size=(20, 6, 7, 3))
    schema = infer_schema(images)
    images[12, 3, 4, 0] = np.inf
    with pytest.raises(DataError, match="inf at row 12, channel 0, y 3, x 4"):
        schema.encode(images)
    grey = RNG.normal(size=(20, 6, 7))
    schema = infer_schema(grey)
    grey[2, 5, 1] = np.nan
    with pytest.raises(DataError, match="row 2, channel 0, y 5, x 1"):
        schema.encode(grey)


def test_values_off_the_grid():
    levels = infer_schema(BYTES)
    assert int(levels.encode(np.full((1, 5, 7), 3.4))[0, 0, 0, 0]) == 3
    with pytest.raises(DataError, match=r"values in \[0, 255\], got 255.4 at row 0"):
        levels.encode(np.full((1, 5, 7), 255.4))
    with pytest.raises(DataError, match="got -1 at row 0"):
        levels.encode(np.full((1, 5, 7), -1))
    with pytest.raises(DataError, match="only the values 0 and 1, got 0.5 at row 0, column 0"):
        infer_schema(BITS).encode(np.full((1, 9), 0.5))
    counts = infer_schema(RNG.poisson(2.0, (20, 2)), columns=["x", "y"])
    with pytest.raises(DataError, match="non-negative integers.*2.5 at row 1, column 'y'"):
        counts.encode([[1.0, 2.0], [0.0, 2.5]])
    category = infer_schema([[0, 1], [2, 1]], likelihood="categorical")
    with pytest.raises(DataError, match="got 3 at row 0, column 1"):
        category.encode([[0, 3]])
    with pytest.raises(DataError, match="whole numbers"):
        category.encode([[0, 0.5]])


def test_frame_columns_are_taken_by_name():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.5, 2.0, 4.5], "b": [10.0, 20.0, 35.0]})
    schema = infer_schema(frame)
    assert schema.columns == ("a", "b")
    swapped = frame[["b", "a"]].assign(other=1)
    torch.testing.assert_close(schema.encode(swapped), schema.encode(frame))
    with pytest.raises(DataError, match="column 'b'"):
        schema.encode(frame[["a"]])


def test_torch_values_are_welcome():
    tensor = torch.tensor([[0.0, 1.0], [1.0, 1.0]], requires_grad=True)
    assert infer_schema(tensor).kind == "binary"
    assert infer_schema(tensor.detach().bfloat16()).kind == "binary"


def test_flattened_and_squared_layouts():
    flat = infer_schema(RGB, layout="vector")
    assert flat.shape == (105,)
    np.testing.assert_array_equal(flat.decode(flat.to_model(flat.encode(RGB)), round=True), RGB)
    rows = BYTES[:, :, :5].reshape(6, 25)
    square = infer_schema(rows, layout="image")
    assert square.shape == (1, 5, 5)
    np.testing.assert_array_equal(
        square.decode(square.to_model(square.encode(rows)), round=True), rows
    )
    with pytest.raises(ShapeError, match="square number"):
        infer_schema(rows[:, :24], layout="image")
