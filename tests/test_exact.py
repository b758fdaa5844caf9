"""Exact arithmetic: the same bits in any order, close to the networks it stands for."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from compressing import LEVELS, model_of
from variata import recipes
from variata.conditionals import responsibilities
from variata.distributions import DiscretisedLogistic
from variata.errors import UsageError
from variata.exact import ExactModel, Paths, Symbols
from variata.exact.grid import ACTIVATION, on_grid
from variata.exact.lattice import standard_cells
from variata.exact.networks import exact
from variata.exact.symbols import PRECISION, Bells, Cells, Choices, softmax
from variata.exact.tables import ONE, digest, inverse_scale, logistic, normal
from variata.nn import (
    BroadcastDecoder,
    ConvDecoder,
    ConvEncoder,
    MLPDecoder,
    MLPEncoder,
    PatchEncoder,
)
from variata.recipes.parts import Parts

TABLES = "48352453cf52adfda851db8a8406c56b2d8394724d25244b8b25c98285d137c1"


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    torch.set_num_threads(before)


def test_tables_are_those_of_every_other_machine() -> None:
    assert digest() == TABLES


def test_tables_are_close_to_the_functions() -> None:
    x = np.linspace(-9, 9, 1_001)
    by_hand = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x])
    assert np.abs(normal()(x) / ONE - by_hand).max() < 3e-6
    assert np.abs(logistic()(x) / ONE - 1 / (1 + np.exp(-x))).max() < 1e-6
    scales = np.exp(-7 * np.tanh(x / 7))
    assert np.abs(inverse_scale()(x) / ONE / scales - 1).max() < 1e-5
    assert np.abs(softmax(np.stack([x, -x])) / ONE - np.exp([x, -x] - np.abs(x))).max() < 3e-6


@pytest.mark.parametrize("bits", [1, 5, 10])
def test_cells_of_the_prior_have_the_same_mass(bits: int) -> None:
    edges, middles = standard_cells(bits)
    assert len(middles) == 2**bits == len(edges) + 1
    assert (middles[1:] > edges).all()
    assert (edges > middles[:-1]).all()
    below = normal()(edges) / ONE
    assert np.abs(below - np.arange(1, 2**bits) / 2**bits).max() < 1e-9


def networks() -> list[tuple[str, nn.Module, tuple[int, ...]]]:
    torch.manual_seed(0)
    image = (3, 13, 9)
    linear = Parts((200,), "logistic", 17, latent=4, hidden=(32, 32)).resolved()
    return [
        ("mlp", MLPEncoder((20,), (64, 64)), (20,)),
        ("decoder", MLPDecoder(4, (7,), 3, (64, 32)), (4,)),
        ("linear", linear.make_encoder()[0], (200,)),
        ("skip", linear.make_decoder(4).network, (4,)),
        ("conv", ConvEncoder(image, 8, 32), image),
        ("conv decoder", ConvDecoder(4, image, 2, 8, 32), (4,)),
        ("patches", PatchEncoder((3, 25, 27), 8, 32), (3, 25, 27)),
        ("broadcast", BroadcastDecoder(4, image, 2, 32), (4,)),
    ]


@pytest.mark.parametrize(("network", "shape"), [n[1:] for n in networks()])
def test_batches_and_threads_change_no_bit(network: nn.Module, shape: tuple[int, ...]) -> None:
    for part in network.parameters():
        nn.init.normal_(part, std=0.3)
    ours = exact(network)
    x = on_grid(torch.rand(512, *shape, generator=torch.manual_seed(1)))
    with threads(1), torch.inference_mode():
        whole = ours(x)
        for size in (1, 7):
            assert torch.equal(torch.cat([ours(part) for part in x[:21].split(size)]), whole[:21])
    with threads(2), torch.inference_mode():
        assert torch.equal(ours(x), whole)


@pytest.mark.parametrize(("network", "shape"), [n[1:] for n in networks()])
def test_exact_networks_are_close_to_their_own(network: nn.Module, shape: tuple[int, ...]) -> None:
    x = torch.rand(64, *shape, generator=torch.manual_seed(1)).double()
    with torch.inference_mode():
        theirs = network.double()(x)
        assert (exact(network)(x) - theirs).abs().max() < 40 / ACTIVATION


def test_the_order_of_a_sum_changes_no_bit() -> None:
    layer = nn.Linear(999, 3)
    nn.init.normal_(layer.weight)
    x, order = on_grid(torch.rand(5, 999) - 0.5), torch.randperm(999)
    other = nn.Linear(999, 3)
    other.load_state_dict({"weight": layer.weight[:, order], "bias": layer.bias})
    assert torch.equal(exact(layer)(x), exact(other)(x[:, order]))


def test_weights_whose_sums_could_be_rounded_are_refused() -> None:
    layer = nn.Linear(100, 1)
    nn.init.constant_(layer.weight, 30.0)
    with pytest.raises(UsageError, match="sum to 3,000"):
        exact(layer)


def test_an_unknown_module_is_refused_by_its_name() -> None:
    with pytest.raises(UsageError, match="module GELU"):
        exact(nn.Sequential(nn.Linear(3, 3), nn.GELU()))


def symbols() -> dict[str, Symbols]:
    random = np.random.default_rng(0)
    centre, narrow = random.normal(size=9) * 3, np.exp(random.normal(size=9) * 3)
    cells = Cells(normal(), standard_cells(6)[0], centre, narrow)
    levels = [
        Cells(logistic(), np.arange(1, 17) - 0.5, 5 * centre, v) for v in (narrow, narrow / 9)
    ]
    return {
        "cells": cells,
        "logistic": levels[0],
        "mixture": Bells(softmax(random.normal(size=(2, 9))) + 1, levels),
        "choices": Choices(softmax(random.normal(size=(5, 9)) * 9)),
        "far": Cells(normal(), standard_cells(6)[0], centre * 1e9, narrow),
        "binary": Cells(logistic(), np.zeros(1), centre, np.ones(1)),
    }


@pytest.mark.parametrize("name", symbols())
def test_whole_probabilities_sum_exactly_and_none_is_zero(name: str) -> None:
    made = symbols()[name]
    depth = (made.size - 1).bit_length()
    totals = [0] * len(made)
    for path in itertools.product([False, True], repeat=depth):
        steps, masses = Paths(made), [1] * len(made)
        for right, left in zip(path, steps.lefts(), strict=True):
            whole = left * PRECISION
            assert (whole == np.rint(whole)).all()
            masses = [
                m * int(PRECISION - v if right else v) for m, v in zip(masses, whole, strict=True)
            ]
            steps.go(np.full(len(made), right))
        assert all(mass > 0 for mass in masses)
        totals = [t + m for t, m in zip(totals, masses, strict=True)]
    assert totals == [PRECISION**depth] * len(made)


def log2_of(made: Symbols, values: np.ndarray) -> np.ndarray:
    """log2 of the probabilities of values."""
    steps, total = Paths(made), np.zeros(len(made))
    for left in steps.lefts():
        right = values >= steps.middle
        total += np.log2(np.where(right, 1 - left, left))
        steps.go(right)
    return total


@pytest.mark.parametrize("likelihood", LEVELS)
def test_probabilities_are_close_to_those_of_the_model(likelihood: str) -> None:
    model = model_of(likelihood)
    ours = ExactModel(model.module, LEVELS[likelihood])
    cells = np.arange(150) * 997 % 2**ours.lattice.bits
    z = torch.from_numpy(ours.lattice.values(cells)).float()
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(0)
        p = model.module.imagine(50, given={0: z}).likelihood
        x = p.sample()
        theirs = p.log_prob(x)[0].numpy() / math.log(2)
    codes = (x * ours.scale).round().long().reshape(-1).numpy()
    found = log2_of(ours.generate(cells), codes).reshape(50, 5).sum(1)
    assert np.abs(found - theirs).max() < 0.02


@pytest.mark.parametrize(
    "more",
    [
        {"recipe": "mixture_prior", "modes": 3},
        {"recipe": "vamp_prior", "pseudo_inputs": 3},
        {"recipe": "exemplar_prior", "exemplars": 3},
        {"full": True},
    ],
)
def test_mixtures_are_close_to_those_of_the_model(more: dict[str, Any]) -> None:
    model = model_of("bernoulli", **more)
    ours = ExactModel(model.module, 2)
    assert ours.prior is not None
    lattice = ours.lattice
    cells = np.arange(150) * 997 % 2**lattice.bits
    z = lattice.values(cells)
    with torch.inference_mode():
        p: Any = model.module.levels[0].prior(None)
        shares = responsibilities(p, torch.from_numpy(z).float()).T.numpy()
    for k in range(3):
        values = np.full(50, k)
        assert np.abs(2 ** log2_of(ours.prior.responsible(z), values) - shares[k]).max() < 1e-3
        given = p.component_distribution
        steps, found = ours.prior.steps(values, lattice), 0.0
        parts = [cells] if ours.prior.at_once else list(cells.reshape(50, 3).T)
        made = next(steps)
        for i, part in enumerate(parts):
            found = found + log2_of(made, part).reshape(50, -1).sum(1)
            made = steps.send(z[:, i, None]) if i + 1 < len(parts) else made
        widths = np.diff(np.concatenate([[-99], lattice.edges, [99]]))[cells].reshape(50, 3)
        widths = widths * lattice.spread
        narrow = (widths < 0.02).all(1)  # cells in which a density hardly changes
        theirs = given.log_prob(torch.from_numpy(z).float()[:, None])[:, k] / math.log(2)
        assert narrow.sum() > 10
        assert np.abs(found - np.log2(widths).sum(1) - theirs.detach().numpy())[narrow].max() < 0.05


def test_a_logistic_has_the_masses_of_the_distribution() -> None:
    centre, narrow = np.array([0.2, 9.0, 30.0]), np.array([0.3, 4.0, 1.0])
    made = Cells(logistic(), np.arange(1, 17) - 0.5, centre, narrow)
    codes = np.array([1, 9, 16])
    theirs = DiscretisedLogistic(
        torch.from_numpy(centre / 16), torch.from_numpy(-np.log(narrow * 16)), 17, 0
    ).log_prob(torch.from_numpy(codes / 16))
    assert np.allclose(log2_of(made, codes), theirs.numpy() / math.log(2), atol=1e-3)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"recipe": "ae"}, "DiracPosterior"),
        ({"recipe": "ladder_vae"}, "2 levels|3 levels"),
        ({"likelihood": "poisson"}, "PoissonHead"),
        ({"recipe": "flow_prior"}, "FlowPrior"),
        ({"recipe": "vq_vae", "latent": 4, "width": 2}, "QuantisedPosterior"),
        ({"context": 2}, "condition"),
    ],
)
def test_models_that_cannot_be_coded_are_named(more: dict[str, Any], named: str) -> None:
    parts: dict[str, Any] = {"shape": (5,), "likelihood": "bernoulli", "latent": 3, **more}
    made = recipes.build(parts.pop("recipe", "vae"), hidden=(8,), **parts)
    with pytest.raises(UsageError, match=named):
        ExactModel(made.model, 2)


def test_a_likelihood_of_other_values_is_refused() -> None:
    with pytest.raises(UsageError, match="knows 2 values and the data has 3"):
        ExactModel(model_of("bernoulli").module, 3)
