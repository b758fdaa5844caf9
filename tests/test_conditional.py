"""p(x given c): any recipe under a condition, in a person's own words and units."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from test_recipes import OWN
from variata import fit, load, recipes
from variata.batch import Batch
from variata.cli.app import run
from variata.conditionals import Decoder
from variata.data import Condition, infer_condition
from variata.errors import DataError, ShapeError, StoreError, UsageError
from variata.models import start
from variata.schedules import Moment
from variata.tasks.evaluate import evaluate
from variata.tasks.model import Model
from variata.tasks.refit import refit_prior

ROWS, CONTEXT = 300, 3
SMALL: dict[str, Any] = {"latent": 2, "hidden": (16,)}


@pytest.fixture(scope="module")
def people() -> dict[str, np.ndarray]:
    """Two measurements, which a kind and a height move."""
    random = np.random.default_rng(0)
    kind = random.choice(["cat", "dog"], ROWS)
    height = random.normal(1.7, 0.2, ROWS)
    causes = np.stack([np.where(kind == "cat", 0.0, 5.0), 3 * height], 1)
    return {"x": causes + 0.3 * random.normal(size=(ROWS, 2)), "kind": kind, "height": height}


@pytest.fixture(scope="module")
def people_csv(people: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("people") / "people.csv"
    rows = zip(*people["x"].T, people["kind"], people["height"], strict=True)
    lines = [f"{a:.4f},{k},{b:.4f},{h:.4f}" for a, b, k, h in rows]
    path.write_text("\n".join(["a,kind,b,height", *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def people_run(people_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "people"
    fit(people_csv, condition=("kind", "height"), **SMALL, epochs=60, out=folder)
    return folder


@pytest.fixture(scope="module")
def people_model(people_run: Path) -> Model:
    return load(people_run)


WITHOUT = {"sigma_vae", "independent", "kernel_density", "pca_gaussian"}  # as they are told


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("name", [n for n in recipes.names() if n not in WITHOUT])
def test_every_recipe_takes_a_condition(name: str, network: str) -> None:
    torch.manual_seed(0)
    facts: dict[str, Any] = {"shape": (1, 9, 8), "likelihood": "bernoulli", "channels": 4}
    own = OWN.get(name, {})
    made = recipes.build(name, **(facts | SMALL | own), context=CONTEXT, network=network)
    x, c = torch.rand(6, 1, 9, 8).round(), torch.randn(6, CONTEXT)
    start(made.model, x, c)
    phase = made.phases[0]
    batch = Batch(x, x, c, torch.randint(0, 2, (6,)))
    made.model.observe(batch, phase.objective.samples)
    with pytest.raises(ShapeError, match="conditioned on 3 values"):
        made.model.observe(Batch(x, x))
    with pytest.raises(ShapeError, match="got 2 values"):
        made.model.observe(Batch(x, x, c[:, :2]))
    trace = made.model.observe(batch, phase.objective.samples)
    phase.objective(made.model, trace, Moment(progress=0.5)).total.backward()
    reached = [p.grad is not None and bool(p.grad.abs().sum() > 0) for p in _first(made.model)]
    assert all(reached)


def _first(model: nn.Module) -> list[nn.Parameter]:
    """The weights through which the condition comes in."""
    return [p for n, p in model.named_parameters() if "joining.hidden" in n]


def test_a_constant_condition_is_a_model_without() -> None:
    """p(x | z, c) and q(z | x, c) at one c are networks of x and z alone, so the ELBO is equal."""
    torch.manual_seed(0)
    made = recipes.vae(shape=(4,), **SMALL, context=CONTEXT)
    model, level = made.model, made.model.levels[0]
    one = torch.randn(CONTEXT)

    class Fixed(nn.Module):
        def __init__(self, inner: nn.Module, join: Any) -> None:
            super().__init__()
            self.inner, self.join = inner, join

        def forward(self, v: Tensor) -> Tensor:
            return self.join(self.inner, v, one.expand(len(v), -1))

    encoder = Fixed(model.encoder, lambda net, x, c: level.posterior.joining(net(x), c))  # type: ignore[union-attr]
    decoder = Fixed(model.decoder.network, lambda net, z, c: net(torch.cat([z, c], -1)))  # type: ignore[union-attr,arg-type]
    plain = recipes.vae(shape=(4,), **SMALL, encoder=encoder, decoder=decoder).model
    plain.levels[0].posterior.load_state_dict(level.posterior.head.state_dict())  # type: ignore[union-attr]
    assert isinstance(plain.decoder, Decoder)
    plain.decoder.head.load_state_dict(model.decoder.head.state_dict())  # type: ignore[union-attr]
    x = torch.randn(7, 4)
    torch.manual_seed(1)
    with_c = model.observe(Batch(x, x, one.expand(7, -1)), 5).log_weight()
    torch.manual_seed(1)
    assert torch.allclose(with_c, plain.observe(Batch(x, x), 5).log_weight(), atol=1e-5)


def test_the_condition_is_learnt_in_own_units(people_model: Model) -> None:
    assert people_model.condition is not None
    assert people_model.condition.describe().startswith("kind (2 classes), height (a number")
    cats = people_model.sample(400, condition={"kind": "cat", "height": 1.7})
    dogs = people_model.sample(400, condition={"kind": "dog", "height": 1.7})
    tall = people_model.sample(400, condition={"kind": "cat", "height": 2.0})
    assert dogs[:, 0].mean() - cats[:, 0].mean() == pytest.approx(5.0, abs=0.5)
    assert tall[:, 1].mean() - cats[:, 1].mean() == pytest.approx(0.9, abs=0.3)


def test_the_right_condition_scores_higher(
    people: dict[str, np.ndarray], people_model: Model
) -> None:
    other = np.where(people["kind"] == "cat", "dog", "cat")
    right, wrong = (
        people_model.score(people["x"], condition={"kind": k, "height": people["height"]}).mean()
        for k in (people["kind"], other)
    )
    assert right > wrong + 5


def test_verbs_take_the_condition_from_the_data(
    people: dict[str, np.ndarray], people_csv: Path, people_model: Model
) -> None:
    given = {"kind": people["kind"], "height": people["height"].round(4)}
    by_hand = people_model.encode(people["x"].round(4), condition=given)
    assert np.allclose(people_model.encode(people_csv), by_hand, atol=1e-4)
    assert np.allclose(people_model.score(people_csv, k=2).mean(), people_model.score(
        people["x"].round(4), condition=given, k=2).mean(), atol=1e-3)  # fmt: skip


def test_style_transfer_to_the_same_condition_is_reconstruction(
    people_csv: Path, people_model: Model
) -> None:
    rows = people_model.examples(people_csv)
    plain = people_model.reconstruct(rows)
    assert np.array_equal(plain, people_model.reconstruct(rows, target=rows.context))
    other = people_model.reconstruct(rows, target={"kind": "cat", "height": 1.7})
    assert np.ptp(other[:, 0]) < 4 < np.ptp(plain[:, 0])


def test_a_model_under_one_condition_is_like_one_without(people_model: Model) -> None:
    one = {"kind": "dog", "height": 1.6}
    under = people_model.given(one)
    z = np.zeros((3, 2), np.float32)
    assert np.array_equal(under.decode(z), people_model.decode(z, condition=one))
    assert np.array_equal(under.sample(5), people_model.sample(5, condition=one))


def test_evaluation_and_report(people_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = evaluate(load(people_run), k=4).figures
    assert figures["nll"]["mean"] < 2.0  # without the kind alone it would be more by log 2
    assert run(["evaluate", str(people_run), "--k", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["nll"]["k"] == 2
    assert (people_run / "report.html").is_file()


def test_command_line(people_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    asked = ["train", str(people_csv), "--condition", "kind", "--ignore", "height"]
    assert run([*asked, "--epochs", "2", "--latent", "2", "--hidden", "8", "-o", str(folder)]) == 0
    out = tmp_path / "x.npy"
    assert run(["sample", str(folder), "--condition", "dog", "-n", "5", "-o", str(out)]) == 0
    assert np.load(out).shape == (5, 2)
    assert run(["reconstruct", str(folder), "--condition", "kind=cat", "-o", str(out)]) == 0
    assert run(["interpolate", str(folder), "-o", str(out)]) == 0
    assert run(["traverse", str(folder), "-o", str(out)]) == 0
    assert run(["doctor", str(folder)]) == 0
    capsys.readouterr()
    assert run(["sample", str(folder), "--condition", "dgo", "-o", str(out)]) == 3
    assert "Did you mean 'dog'?" in capsys.readouterr().err
    assert run(["sample", str(folder), "-o", str(out)]) == 3
    assert "--condition" in capsys.readouterr().err
    assert run(["sample", str(folder), "--condition", "size=3", "-o", str(out)]) == 2
    assert "not conditioned on 'size'" in capsys.readouterr().err


def test_labels_and_arrays(people: dict[str, np.ndarray]) -> None:
    x, number = people["x"], people["height"]
    model = fit("digits", condition="label", latent=2, hidden=(8,), epochs=1)
    assert model.condition is not None
    assert model.condition.fields[0].classes == tuple("0123456789")
    assert model.encode("digits").shape == (1797, 2)
    for given in (number, torch.as_tensor(number), number[:, None], number.tolist()):
        made = fit(x, condition=given, **SMALL, epochs=1)
        assert made.condition is not None
        assert made.condition.fields[0].classes is None
        assert made.encode(x, condition=given).shape == (ROWS, 2)
    kinds = fit(x, condition=people["kind"].tolist(), **SMALL, epochs=1)
    assert kinds.sample(2, condition=["cat", "dog"]).shape == (2, 2)


def test_frames(people: dict[str, np.ndarray]) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"a": people["x"][:, 0], "kind": people["kind"], "b": people["x"][:, 1]}
    )
    assert fit(frame, condition=["kind"], **SMALL, epochs=1).schema.columns == ("a", "b")
    model = fit(frame, condition="kind", **SMALL, epochs=1)
    assert model.schema.columns == ("a", "b")
    rows = model.encode(frame)
    assert np.array_equal(rows, model.encode(people["x"], condition=people["kind"]))
    with pytest.raises(DataError, match="brings no kind"):
        model.encode(frame[["a", "b"]])


def test_missing_and_unknown_values_are_named(people: dict[str, np.ndarray]) -> None:
    x, kinds = people["x"], people["kind"].astype(object)
    kinds[7] = None
    with pytest.raises(DataError, match="row 7 has no class"):
        fit(x, condition=kinds, **SMALL, epochs=1)
    with pytest.raises(DataError, match="no labels to condition on"):
        fit(x, condition="label", **SMALL, epochs=1)
    with pytest.raises(UsageError, match="no table"):
        fit("digits", condition="height", **SMALL, epochs=1)
    with pytest.raises(ShapeError, match="conditions for 5"):
        fit(x, condition=np.arange(5), **SMALL, epochs=1)
    plain = fit(x, **SMALL, epochs=1)
    with pytest.raises(UsageError, match="without a condition"):
        plain.sample(2, condition="cat")
    with pytest.raises(UsageError, match="without a condition"):
        plain.encode(x, condition="cat")


def test_the_saved_condition_is_checked(people_run: Path, tmp_path: Path) -> None:
    saved = load(people_run).saved
    assert saved.condition is not None
    assert Condition.from_json(saved.condition.to_json()) == saved.condition
    for damaged in (
        [],
        3,
        [{"name": "a", "classes": [], "mean": 0.0, "scale": 1.0}],
    ):
        with pytest.raises(DataError, match="damaged"):
            Condition.from_json(damaged)
    from dataclasses import replace

    from variata import store

    other = infer_condition({"kind": ["a", "b"]})
    with pytest.raises(StoreError, match="does not fit the model"):
        store.save(replace(saved, condition=other), tmp_path / "m")


CODED: dict[str, dict[str, Any]] = {
    "rvq_vae": {"codes": 8, "width": 2, "latent": 4, "depth": 2},
    "joint_vae": {"classes": 3, "latent": 2, "gamma": 1.0},
}


@pytest.mark.parametrize("name", CODED)
def test_levels_of_codes_take_a_condition(
    name: str, people: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """Where it moves the data, and the codes do not know it, samples follow it."""
    x, kind = people["x"], people["kind"]
    short = {"hidden": (16,), "epochs": 30, "lr": 5e-3, "threads": 1}
    model = fit(x, name, condition=kind, **CODED[name], **short)
    cats, dogs = (model.sample(200, condition=one).mean(0) for one in ("cat", "dog"))
    assert dogs[0] - cats[0] > 2
    moved = model.reconstruct(x[:50], condition=kind[:50], target="dog")
    assert np.abs(moved[:, 0] - 5).mean() < 2
    fitted = {"width": 8, "layers": 1}
    found = refit_prior(model, "autoregressive", data=x, condition=kind, **fitted)
    found.model.save(tmp_path / "run")
    again = load(tmp_path / "run").sample(5, condition="cat")
    np.testing.assert_array_equal(found.model.sample(5, condition="cat"), again)


def test_codebooks_start_from_what_their_condition_makes_of_the_data() -> None:
    torch.manual_seed(0)
    own = {"codes": 8, "width": 2, "latent": 4, "depth": 2}
    made = recipes.build("rvq_vae", shape=(2,), hidden=(16,), context=CONTEXT, **own)
    x, c = torch.randn(100, 2), torch.randn(100, CONTEXT)
    start(made.model, x, c)
    made.loss(Batch(x, x, c)).backward()
    for stage in made.model.infer(Batch(x, x, c)):
        q: Any = stage.q
        assert len(q.codes.unique()) == 8


def test_a_prior_of_codes_knows_what_lies_above_and_the_condition() -> None:
    torch.manual_seed(0)
    own = {"codes": 8, "width": 2, "latent": 4, "depth": 2}
    made = recipes.build("rvq_vae", shape=(2,), hidden=(16,), context=CONTEXT, **own)
    prior: Any = made.model.levels[1].prior  # type: ignore[union-attr]
    z, h = torch.randn(1, 6, 4), torch.randn(1, 6, 4 + CONTEXT)
    for change in (torch.eye(4 + CONTEXT)[0], torch.eye(4 + CONTEXT)[-1]):
        assert not torch.equal(prior(h).log_prob(z), prior(h + change).log_prob(z))


@pytest.mark.parametrize("name", ["vq_vae", "rvq_vae", "fsq_vae"])
def test_codes_are_drawn_for_a_condition_that_they_tell(name: str) -> None:
    """Of autoencoders of codes nothing takes the condition out of the latents, as a rate does."""
    generator = np.random.default_rng(0)
    kind = generator.integers(0, 2, 600)
    x = np.where(kind[:, None] == 1, 1.0, -1.0) * generator.uniform(1, 2, (600, 4))
    own: dict[str, Any] = {"codes": 8} if name != "fsq_vae" else {"scalar_levels": 5}
    short = {"width": 2, "latent": 4, "hidden": (16,), "epochs": 40, "lr": 5e-3, "threads": 1}
    labels = np.array(["low", "high"])[kind]
    model = fit(x, name, condition=labels, **own, **short)
    for prior in (model, refit_prior(model, data=x, condition=labels, width=8, layers=1).model):
        module, z = prior.module, torch.from_numpy(prior.encode(x, condition=labels))
        level: Any = module.levels[0]
        own_z = z[:, : level.prior(None).event_shape[0]]
        told = [prior.context(kinds, 600) for kinds in ("low", "high")]
        with torch.no_grad():
            each = [level.prior(c.gather(torch.arange(600))[None]).log_prob(own_z)[0] for c in told]
        low, high = (float((each[i] - each[1 - i])[kind == i].mean()) for i in (0, 1))
        assert min(low, high) > 1
