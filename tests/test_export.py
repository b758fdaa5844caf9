"""ONNX graphs: every recipe's, compared with the model's own verbs; what they hold; refusals."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession, SessionOptions

from untrained import IMAGES, OWN, RNG, untrained
from variata import fit, recipes
from variata.atomic import sha256
from variata.cli.app import run
from variata.conditionals import GaussianPosterior
from variata.data import Condition
from variata.data.condition import Field
from variata.errors import ExportError, MissingExtraError, UsageError
from variata.models import decodes, encodes
from variata.nn import MLPDecoder
from variata.tasks.export import TOLERANCE, difference, examples
from variata.tasks.graphs import Decode
from variata.tasks.model import Model

PIXELS = {"pixel_vae"}  # decode and reconstruct are no graphs there
# noise draws a class, and zeros the likeliest; on a sphere, zeros have no direction
ZEROS_ARE_NO_MEAN = {"gumbel_vae", "joint_vae", "m1_m2", "m2", "spherical_vae"}


def session(file: Path) -> InferenceSession:
    options = SessionOptions()
    options.intra_op_num_threads = 1
    return InferenceSession(str(file), options)


def outputs(file: Path, **inputs: np.ndarray) -> list[Any]:
    return list(session(file).run(None, inputs))


def near(ours: np.ndarray, theirs: np.ndarray, unit: float) -> None:
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE * unit)


def compare(model: Model, values: np.ndarray, out: Path, what: tuple[str, ...]) -> None:
    """The graphs against the verbs, for batches of 1 and 3."""
    unit = float(np.ptp(values.astype(np.float64)))
    for rows in (1, 3):
        x = values[-rows:]
        z, *scale = outputs(out / "encode.onnx", x=x)
        near(model.encode(x), z, np.abs(z).max())
        if scale:
            near(model.posterior(x)[1], scale[0], scale[0].max())
        if "decode" in what:
            near(model.decode(z), outputs(out / "decode.onnx", z=z)[0], unit)
        if "reconstruct" in what and model.recipe not in ZEROS_ARE_NO_MEAN:
            file = out / "reconstruct.onnx"
            wanted = {i.name: i.shape[1:] for i in session(file).get_inputs()}
            noise = {n: np.zeros((rows, *s), np.float32) for n, s in wanted.items() if n == "noise"}
            near(model.reconstruct(x), outputs(file, x=x, **noise)[0], unit)


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_exports_or_says_why_not(name: str, tmp_path: Path) -> None:
    model, what = untrained(name, IMAGES), ("encode", "decode", "reconstruct")
    if not encodes(model.module):
        for verb in what if not decodes(model.module) else what[::2]:
            with pytest.raises(UsageError, match=f"{name} cannot .*; to .*, train vae"):
                model.export(tmp_path, [verb])
        return
    if name in PIXELS:
        for verb in what[1:]:
            with pytest.raises(ExportError, match="pixel by pixel.*--what encode"):
                model.export(tmp_path, [verb])
        what = ("encode",)
    assert model.export(tmp_path, what) == [tmp_path / f"{verb}.onnx" for verb in what]
    compare(model, OWN[IMAGES][0], tmp_path, what)


def test_a_generator_exports_what_it_decodes(tmp_path: Path) -> None:
    model = untrained("gan", "rows")
    model.export(tmp_path, ["decode"])
    for rows in (1, 3):
        z = RNG.normal(size=(rows, model.latent)).astype(np.float32)
        near(model.decode(z), outputs(tmp_path / "decode.onnx", z=z)[0], 20.0)


@pytest.mark.parametrize("data", [name for name in OWN if name != IMAGES])
def test_every_kind_of_data_exports_in_own_units(data: str, tmp_path: Path) -> None:
    model = untrained("vae", data)
    model.export(tmp_path)
    compare(model, OWN[data][0], tmp_path, ("encode", "decode", "reconstruct"))


def test_noise_is_an_input_that_draws_the_latent(tmp_path: Path) -> None:
    model = untrained("vae", "rows")
    model.export(tmp_path)
    x, noise = OWN["rows"][0][:3], RNG.normal(size=(3, 2)).astype(np.float32)
    mean, scale = outputs(tmp_path / "encode.onnx", x=x)
    drawn = outputs(tmp_path / "reconstruct.onnx", x=x, noise=noise)[0]
    assert np.array_equal(drawn, outputs(tmp_path / "reconstruct.onnx", x=x, noise=noise)[0])
    near(model.decode(mean + scale * noise), drawn, 20.0)
    assert [i.name for i in session(tmp_path / "reconstruct.onnx").get_inputs()] == ["x", "noise"]


@pytest.mark.parametrize("name", ["ae", "vq_vae"])
def test_without_noise_in_the_posterior_there_is_none_in_the_graph(
    name: str, tmp_path: Path
) -> None:
    untrained(name, "rows").export(tmp_path / "reconstruct.onnx")
    assert [i.name for i in session(tmp_path / "reconstruct.onnx").get_inputs()] == ["x"]


def test_a_condition_is_an_input_in_own_units_or_held(tmp_path: Path) -> None:
    kinds = Condition((Field("kind", ("cat", "dog", "eel")), Field("height", None, 100.0, 5.0)))
    model = untrained("ladder_vae", "rows", kinds)
    x = OWN["rows"][0][:3]
    given = {"kind": ["eel", "cat", "dog"], "height": [90.0, 100.0, 111.0]}
    told = np.array([[2, 90.0], [0, 100.0], [1, 111.0]])
    model.export(tmp_path)
    z = outputs(tmp_path / "encode.onnx", x=x, condition=told)[0]
    near(model.encode(x, condition=given), z, np.abs(z).max())
    for rows in (1, 3):
        made = outputs(tmp_path / "decode.onnx", z=z[:rows], condition=told[:rows])[0]
        first = {name: values[:rows] for name, values in given.items()}
        near(model.decode(z[:rows], condition=first), made, 20.0)
    one = {"kind": "dog", "height": 104.0}
    model.given(one).export(tmp_path / "decode.onnx")
    near(model.decode(z, condition=one), outputs(tmp_path / "decode.onnx", z=z)[0], 20.0)


def test_metadata_says_what_the_graph_is_of_and_nothing_of_where_it_was_made(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "onnx"
    assert run(["export", str(digits_run), "--out", str(out), "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert json.loads(said.out) == {
        "out": [str(out / f"{name}.onnx") for name in ("encode", "decode", "reconstruct")]
    }
    for name in ("encode", "decode", "reconstruct"):
        about = session(out / f"{name}.onnx").get_modelmeta().custom_metadata_map
        assert (about["variata.recipe"], about["variata.graph"]) == ("vae", name)
        assert about["variata.weights_sha256"] == sha256(digits_run / "model.safetensors")
        assert json.loads(about["variata.schema"])["own_shape"] == [8, 8]
        assert json.loads(about["variata.condition"]) is None
        assert b"variata/" not in (out / f"{name}.onnx").read_bytes()  # a place in source code
    shapes = [i.shape for i in session(out / "decode.onnx").get_inputs()]
    assert shapes == [["rows", 8]]


def test_exporting_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    model = untrained("vae", "rows")
    model.module.train()
    logger = logging.getLogger("torch.onnx")

    def state() -> tuple[Any, ...]:
        flags = (torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads())
        weights = [p.requires_grad for p in model.module.parameters()]
        return (*flags, model.module.training, weights, logger.level, list(warnings.filters))

    before, random = state(), torch.get_rng_state()
    model.export(tmp_path)
    assert state() == before
    assert torch.equal(torch.get_rng_state(), random)


def test_a_graph_that_differs_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = untrained("vae", "rows")
    model.export(tmp_path / "decode.onnx")
    other = untrained("vae", "rows", latent=2)
    with torch.no_grad():
        next(other.module.decoder.parameters()).add_(0.01)
    values = examples(other, 4)
    file = (tmp_path / "decode.onnx").read_bytes()
    with torch.no_grad():
        assert difference(Decode(model), file, {"z": values["z"]}) < TOLERANCE
        assert difference(Decode(other), file, {"z": values["z"]}) > TOLERANCE
        broken = {"z": values["z"] * np.nan}  # what is no number agrees with nothing
        assert not difference(Decode(model), file, broken) <= TOLERANCE
    monkeypatch.setattr("variata.tasks.export.traced", lambda *_: file)
    with pytest.raises(ExportError, match="differs from PyTorch by .* more than 1e-05"):
        other.export(tmp_path / "new" / "decode.onnx")
    assert not (tmp_path / "new").exists()


def test_what_the_exporter_cannot_express_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = MLPDecoder.forward

    def branching(self: MLPDecoder, z: torch.Tensor) -> torch.Tensor:
        return forward(self, z) if z.sum().item() > 0 else forward(self, -z)

    monkeypatch.setattr(MLPDecoder, "forward", branching)
    with pytest.raises(ExportError, match="^decode cannot be exported: ") as caught:
        untrained("vae", "rows").export(tmp_path, ["encode", "decode"])
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []  # encode is no use to who asked for both


def test_a_posterior_that_standard_noise_does_not_draw_has_no_reconstruct(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = untrained("vae", "rows")

    def correlated(self: GaussianPosterior, h: None, features: torch.Tensor) -> Any:
        means = torch.zeros(len(features), 2)
        return torch.distributions.MultivariateNormal(means, torch.eye(2))

    monkeypatch.setattr(GaussianPosterior, "forward", correlated)
    with pytest.raises(ExportError, match="no function of standard noise"):
        model.export(tmp_path, ["reconstruct"])


def test_what_onnxruntime_cannot_run_is_one_sentence(tmp_path: Path) -> None:
    model = untrained("vae", "colour, convolutional")
    model.module.double()
    with pytest.raises(ExportError, match="^encode was not written: onnxruntime cannot run it: "):
        model.export(tmp_path, ["encode"])


def test_bad_requests_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = untrained("vae", "rows")
    with pytest.raises(UsageError, match="no graph 'encod'.*Did you mean 'encode'"):
        model.export(tmp_path, ["encod"])
    with pytest.raises(UsageError, match="one file for 2 graphs"):
        model.export(tmp_path / "both.onnx", ["encode", "decode"])
    monkeypatch.setattr("variata.tasks.traced.LARGEST", 100)
    with pytest.raises(ExportError, match="encode cannot be exported: .* an ONNX file holds 2 GiB"):
        model.export(tmp_path)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtraError, match=r"onnxscript.*pip install 'variata\[onnx\]'"):
        model.export(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_double_precision_exports(tmp_path: Path, table: np.ndarray) -> None:
    model = fit(table, latent=2, hidden=(8,), epochs=1, precision="fp64")
    model.export(tmp_path)
    z = outputs(tmp_path / "encode.onnx", x=table[:3])[0]
    assert z.dtype == model.encode(table[:3]).dtype
    near(model.decode(z), outputs(tmp_path / "decode.onnx", z=z)[0], 100.0)
