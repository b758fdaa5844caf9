"""One conformance suite over the whole catalogue of recipes."""

from __future__ import annotations

import inspect
import math
import random
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rows import Rows
from variata import recipes, store
from variata.batch import Batch
from variata.data import Examples, infer_schema
from variata.distributions import Dirac
from variata.errors import NoDensityError, ShapeError, UsageError
from variata.models import start
from variata.recipes import Composition
from variata.schedules import Moment
from variata.store import Saved
from variata.training import Settings, fit

DATA: dict[str, dict[str, Any]] = {
    "rows": {"shape": (5,), "likelihood": "gaussian"},
    "one column": {"shape": (1,), "likelihood": "gaussian"},
    "binary images of odd size": {"shape": (1, 9, 7), "likelihood": "bernoulli"},
    "grey levels": {"shape": (1, 9, 7), "likelihood": "logistic", "levels": 17},
    "grey, of a size that is shifted": {
        "shape": (1, 17, 19),
        "likelihood": "logistic",
        "levels": 256,
    },
    "colour, convolutional": {
        "shape": (3, 11, 14),
        "likelihood": "logistic_mixture",
        "levels": 256,
        "components": 2,
        "network": "conv",
    },
    "colour, each patch by its place": {
        "shape": (3, 25, 38),
        "likelihood": "logistic",
        "levels": 256,
        "network": "broadcast",
    },
    "counts": {"shape": (6,), "likelihood": "poisson"},
    "dispersed counts": {"shape": (6,), "likelihood": "negative_binomial"},
    "categories": {"shape": (6,), "likelihood": "categorical", "levels": 3},
}
SMALL = {"latent": 2, "hidden": (16,), "channels": 4}
OWN: dict[str, dict[str, Any]] = {
    "autoregressive": {"width": 8, "layers": 2},
    "ciwae": {"draws": 2},
    "deep_vae": {"depth": 3, "width": 4},
    "diffusion": {"width": 8, "layers": 1, "steps": 3},
    "dreg": {"draws": 2},
    "flow": {"width": 8, "couplings": 2},
    "fsq_vae": {"width": 1, "scalar_levels": 17},
    "gan": {"width": 8, "critic_width": 8},
    "gumbel_vae": {"classes": 2},
    "iwae": {"draws": 2},
    "joint_vae": {"classes": 2},
    "kernel_density": {"rows": 5},
    "ladder_vae": {"steps": 2, "width": 8},
    "latent_diffusion": {"width": 32, "layers": 1, "steps": 3},
    "m1_m2": {"classes": 2, "style": 2},
    "m2": {"classes": 2},
    "pixel_vae": {"told": 2, "width": 4, "layers": 1},
    "piwae": {"draws": 2, "groups": 2},
    "rvq_vae": {"width": 1, "codes": 8, "depth": 2},
    "sigma_vae": {"likelihood": "gaussian"},  # it fits nothing else
    "vae_gan": {"critic_channels": 4},
    "vq_vae": {"width": 1, "codes": 8},
}


def compose(name: str, data: str, **arguments: Any) -> Composition:
    torch.manual_seed(0)
    return recipes.build(name, **(DATA[data] | SMALL | OWN.get(name, {}) | arguments))


def values(data: str, n: int = 6) -> Tensor:
    """Data in model space, whose elements have a cause in common."""
    generator = torch.Generator().manual_seed(1)
    facts, shape = DATA[data], (n, *DATA[data]["shape"])
    cause = torch.rand(n, *(1 for _ in shape[1:]), generator=generator)
    common = 0.7 * cause + 0.3 * torch.rand(shape, generator=generator)
    if facts["likelihood"] == "gaussian":
        return 4 * common - 2
    levels = facts.get("levels", 2 if facts["likelihood"] == "bernoulli" else 9)
    codes = (common * levels).floor()
    return codes / (levels - 1) if "logistic" in facts["likelihood"] else codes


COLOUR = "colour, convolutional"


def players_of(name: str) -> dict[str, Any]:
    """The terms of a recipe that learn."""
    return compose(name, COLOUR).phases[-1].objective.players


THOROUGH = "vae"  # tried on every kind of data; the others share its networks and likelihoods
FEW = (
    "rows",
    "binary images of odd size",
    "grey, of a size that is shifted",
    "colour, convolutional",
    "counts",
)

FOR_NUMBERS = {"diffusion", "flow", "gan", "pca_gaussian", "sigma_vae", "vamp_prior"}
IMAGES = {"deep_vae", "perceptual_vae", "pixel_vae", "vae_gan"}  # recipes that serve nothing else

everything = [
    pytest.param(name, data, id=f"{name}, {data}")
    for name in recipes.names()
    for data in (DATA if name == THOROUGH else FEW)
    if name not in IMAGES or len(DATA[data]["shape"]) == 3
]


@pytest.mark.parametrize(("name", "data"), everything)
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("n", [1, 6])
def test_shapes(name: str, data: str, k: int, n: int) -> None:
    made, x = compose(name, data), values(data, n)
    model = made.model
    trace = model.observe(Batch(x, x), k)
    assert len(trace.stages) == len(model.levels)
    for stage in trace.stages[:1]:
        assert stage.z.shape == (k, n, 2)
    if isinstance(trace.likelihood, Dirac):  # a generator's
        with pytest.raises(NoDensityError):
            trace.distortion()
    else:
        assert trace.distortion().shape == (k, n)
    assert trace.likelihood.event_shape == x.shape[1:]
    imagined = model.imagine(n)
    assert imagined.likelihood.sample().shape == (1, n, *x.shape[1:])
    for phase in made.phases:
        trace = model.observe(Batch(x, x), phase.objective.samples)
        assert phase.objective(model, trace, _late()).total.isfinite()


@pytest.mark.parametrize(("name", "data"), everything)
def test_gradient_reaches_every_parameter_and_is_finite(name: str, data: str) -> None:
    made, x = compose(name, data), values(data)
    reached: dict[str, bool] = {}
    for phase in made.phases:
        trace = made.model.observe(Batch(x, x), phase.objective.samples)
        loss = phase.objective(made.model, trace, _late())
        made.model.zero_grad()
        loss.total.backward()
        for parameter_name, parameter in made.model.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.isfinite().all(), parameter_name
            reached[parameter_name] = reached.get(parameter_name, False) or bool(
                parameter.grad.abs().sum() > 0
            )
    silent = [n for n, moved in reached.items() if not moved and not _behind_zero(n)]
    assert not silent


@pytest.mark.parametrize("name", sorted({*recipes.names()} - IMAGES - {THOROUGH}))
def test_categories_move_every_parameter_or_are_refused_with_what_suits(name: str) -> None:
    if name in FOR_NUMBERS:
        with pytest.raises(UsageError) as refused:
            recipes.build(name, **DATA["categories"])
        assert [known for known in recipes.names() if known in str(refused.value)] != [name]
    else:
        test_gradient_reaches_every_parameter_and_is_finite(name, "categories")


@pytest.mark.parametrize("name", ["vae", "deep_vae", "vq_vae"])
def test_networks_of_images_see_a_plane_for_every_category(name: str) -> None:
    """Else they would read an order into categories that have none."""
    arguments = (
        SMALL | OWN.get(name, {}) | ({"grid": True, "latent": 4} if name == "vq_vae" else {})
    )
    shape = {"shape": (2, 8, 8), "likelihood": "categorical", "levels": 3, "network": "conv"}
    model = recipes.build(name, **(arguments | shape)).model
    first = next(p for p in model.encoder.parameters() if p.dim() == 4)
    assert first.shape[1] == 2 * 3
    x = torch.randint(0, 3, (4, 2, 8, 8)).float()
    assert model.observe(Batch(x, x)).distortion().isfinite().all()


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("name", sorted({*recipes.names()} - IMAGES - {"sigma_vae"}))
def test_images_of_a_few_pixels_are_served(name: str, size: tuple[int, int]) -> None:
    shape = {"shape": (3, *size), "likelihood": "logistic", "levels": 16}
    made = recipes.build(name, **(SMALL | OWN.get(name, {}) | shape))
    x = torch.rand(1, 3, *size)
    objective = made.phases[0].objective
    trace = made.model.observe(Batch(x, x), objective.samples)
    assert objective(made.model, trace, _late()).total.isfinite()


def _behind_zero(name: str) -> bool:
    """Residual branches start as the identity: what feeds their last convolution gets no gradient
    at the very first step (checked after one step below)."""
    return any(part in name for part in ("norm1", "norm2", "conv1"))


def _late() -> Moment:
    return Moment(step=1000, progress=0.99)


@pytest.mark.parametrize("name", recipes.names())
def test_residual_branches_wake_up_after_a_step(name: str) -> None:
    made, x = compose(name, "colour, convolutional"), values("colour, convolutional")
    optimiser = torch.optim.SGD(made.model.parameters(), lr=1e-6)  # gradients are large
    for _ in range(2):
        optimiser.zero_grad()
        objective = made.phases[0].objective
        trace = made.model.observe(Batch(x, x), objective.samples)
        objective(made.model, trace, _late()).total.backward()
        optimiser.step()
    for parameter_name, parameter in made.model.named_parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0, parameter_name


@pytest.mark.parametrize(("name", "data"), everything)
def test_loss_falls_and_the_same_seed_gives_the_same_weights(name: str, data: str) -> None:
    first, second = (trained(name, data) for _ in range(2))
    objective = compose(name, data).phases[-1].objective
    if set(objective.unsteady) == set(objective.terms):  # a game, of which no loss falls
        assert not any(first.losses)
    else:
        assert first.losses[-1] < first.losses[0]
    for a, b in zip(first.weights.values(), second.weights.values(), strict=True):
        assert torch.equal(a, b)


class Trained:
    def __init__(self, losses: list[float], weights: dict[str, Tensor]) -> None:
        self.losses, self.weights = losses, weights


def trained(name: str, data: str) -> Trained:
    made, rows = compose(name, data), Rows(values(data, 65))  # a last batch of one row
    start(made.model, rows.x)
    before, others = torch.get_rng_state(), _other_states()
    settings = Settings(epochs=16, batch_size=16, lr=5e-3, patience=1.0)
    history = fit(made.model, made.phases, rows, rows, settings)
    assert torch.equal(before, torch.get_rng_state())
    assert _other_states() == others
    losses = [report.criterion for report in history.reports]
    return Trained(losses, made.model.state_dict())


def _other_states() -> tuple[str, str]:
    """Of the global generators of Python and NumPy."""
    return str(random.getstate()), str(np.random.get_state(legacy=False))


@pytest.mark.parametrize("name", [n for n in recipes.names() if players_of(n)])
def test_no_player_moves_the_model_and_all_of_it_feels_its_own_loss(name: str) -> None:
    composition, x = compose(name, COLOUR), values(COLOUR)
    trace, parameters = composition.model.observe(Batch(x, x)), list(composition.model.parameters())
    for player in composition.phases[-1].objective.players.values():
        for parameter in player.parameters():
            nn.init.normal_(parameter, std=0.3)
        paid = player.loss(composition.model, trace, _late()).mean()
        felt = torch.autograd.grad(paid, parameters, allow_unused=True, retain_graph=True)
        assert all(gradient is None or not gradient.any() for gradient in felt)
        own = torch.autograd.grad(paid, list(player.parameters()))
        assert all(gradient.any() for gradient in own)


def own_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """As people hold examples: grey images without a channel, colour last."""
    if len(shape) == 1:
        return shape
    return shape[1:] if shape[0] == 1 else (*shape[1:], shape[0])


@pytest.mark.parametrize(("name", "data"), everything)
def test_saves_and_loads_bit_for_bit(name: str, data: str, tmp_path: Path) -> None:
    made = compose(name, data)
    arguments = made.arguments or {}
    schema = infer_schema(np.random.default_rng(0).normal(size=(4, *own_shape(arguments["shape"]))))
    store.save(Saved(made.model, name, arguments, schema), tmp_path / "m")
    loaded = store.load(tmp_path / "m")
    assert loaded.arguments == arguments
    for key, value in made.model.state_dict().items():
        assert torch.equal(value, loaded.module.state_dict()[key])
    drawn = []
    for module in (made.model.eval(), loaded.module.eval()):
        torch.manual_seed(4)
        drawn.append(module.imagine(2).likelihood.sample())
    assert torch.equal(*drawn)


@pytest.mark.parametrize("name", recipes.names())
def test_signature_is_typed_and_documented(name: str) -> None:
    recipe = recipes.get(name)
    page = inspect.getdoc(recipe.function) or ""
    assert "Reference" in page
    assert set(recipe.arguments) <= set(recipe.types)
    for argument in recipe.own:
        assert f"{argument}:" in page


@pytest.mark.parametrize("name", recipes.names())
def test_losses_are_the_weighed_sums_of_named_terms(name: str) -> None:
    composition, x = compose(name, "colour, convolutional"), values("colour, convolutional")
    for phase in composition.phases:
        objective = phase.objective
        assert objective.terms
        assert all(term.isidentifier() for term in objective.terms)
        for moment in (Moment(), _late()):
            trace = composition.model.observe(Batch(x, x), objective.samples)
            loss = objective(composition.model, trace, moment)
            assert list(loss.terms) == list(loss.weights) == list(objective.terms)
            summed = sum(loss.weights[term] * value for term, value in loss.terms.items())
            torch.testing.assert_close(loss.total, torch.as_tensor(summed))


LINES, SHARED = 120, 12


def test_recipes_are_small_and_none_is_a_copy_of_another() -> None:
    """No file of recipes has more than 120 lines; no two recipes share more than 12."""
    own: dict[str, Counter[str]] = {}
    for name in recipes.names():
        function = recipes.get(name).function
        file = Path(inspect.getfile(function))
        assert len(file.read_text().splitlines()) <= LINES, file.name
        lines = inspect.getsource(function).replace(function.__doc__ or "", "").splitlines()
        own[name] = Counter(line.strip() for line in lines if line.strip()[:1].isalpha())
    for (name, lines), (other, its) in combinations(own.items(), 2):
        assert (lines & its).total() <= SHARED, f"{name} and {other}"


def test_unknown_names_are_errors_with_a_hint() -> None:
    with pytest.raises(UsageError, match="Did you mean 'beta_vae'"):
        recipes.build("beta_vea", shape=(2,))
    with pytest.raises(UsageError, match="Did you mean 'beta'"):
        recipes.build("beta_vae", shape=(2,), betta=3.0)
    with pytest.raises(UsageError, match="needs `shape`"):
        recipes.build("vae")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("latent", 0),
        ("latent", -4),
        ("latent", "many"),
        ("latent", math.nan),
        ("beta", -1.0),
        ("beta", math.inf),
        ("hidden", ()),
        ("hidden", (8, 0)),
        ("network", "transformer"),
        ("shape", ()),
        ("warm_up_share", 2),
        ("likelihood", "bernouli"),
    ],
)
def test_values_of_the_wrong_kind_are_errors(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=name if name != "likelihood" else "bernoulli"):
        recipes.build("beta_vae", **({"shape": (2,)} | {name: value}))


def test_own_modules_work_and_wrong_ones_are_named() -> None:
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(12, 7))
    decoder = nn.Linear(2, 12)
    made = recipes.vae(shape=(1, 3, 4), latent=2, encoder=encoder, decoder=decoder)
    x = torch.randn(5, 1, 3, 4)
    assert made.model.observe(Batch(x, x)).distortion().shape == (1, 5)
    with pytest.raises(ShapeError, match="one row of features"):
        recipes.vae(shape=(1, 3, 4), latent=2, encoder=nn.Identity())
    wrong = recipes.vae(shape=(1, 3, 4), latent=2, decoder=nn.Linear(2, 5))
    with pytest.raises(ShapeError, match="12 outputs"):
        wrong.model.imagine(1)


def test_autoencoder_and_vae_differ_only_in_the_rate() -> None:
    ae, vae = compose("ae", "rows"), compose("vae", "rows")
    assert list(ae.phases[0].objective.terms) == ["distortion"]
    assert list(vae.phases[0].objective.terms) == ["distortion", "rate"]


def test_examples_serve_fit() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 3))
    examples = Examples.of(rows, infer_schema(rows))
    made = recipes.vae(shape=(3,), **SMALL)
    history = fit(made.model, made.phases, examples, examples, Settings(epochs=2))
    assert history.ended == "finished"
