"""Every diagnosis is caused for real, or by damage to a healthy run; healthy runs stay silent."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer

from variata import fit, recipes
from variata.cli.app import app
from variata.doctor import DIAGNOSES, Evidence, Finding, commands, examine, readings
from variata.doctor.clusters import clusters
from variata.doctor.commands import longer
from variata.tasks.diagnose import gather_evidence
from variata.tasks.evaluate import evaluate
from variata.tasks.model import Model
from variata.tasks.source import DataOptions
from variata.training import Settings

Healthy = Callable[[str], Evidence]
MIXING = np.random.default_rng(1).normal(size=(4, 8))


def linear(rows: int, columns: int = 6, causes: int = 2, noise: float = 0.3, seed: int = 0):
    """Real columns that share hidden causes."""
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(rows, causes)) @ MIXING[:causes, :columns]
    return mixed + noise * random.normal(size=(rows, columns))


def bars(rows: int, seed: int = 0):
    """Binary images of horizontal and vertical bars, with some noise."""
    random = np.random.default_rng(seed)
    on = random.random((rows, 2, 6)) < 0.25
    images = on[:, 0, :, None] | on[:, 1, None, :]
    return (images ^ (random.random(images.shape) < 0.03)).astype(np.uint8)


def counted(rows: int, dispersion: float | None = None, seed: int = 0):
    """Counts whose rates share hidden causes; with a dispersion, more variable than a Poisson."""
    random = np.random.default_rng(seed)
    rates = np.exp(random.normal(size=(rows, 2)) @ MIXING[:2] * 0.7 + 0.7)
    if dispersion:
        rates = rates * random.gamma(dispersion, 1 / dispersion, size=rates.shape)
    return random.poisson(rates)


def groups(rows: int, seed: int = 0):
    """Three separate groups of real rows."""
    random = np.random.default_rng(seed)
    centres = np.array([[0.0, 0, 0, 0], [6, 6, 0, 0], [0, -6, 6, 3]])
    return centres[random.integers(3, size=rows)] + 0.5 * random.normal(size=(rows, 4))


def trained(folder: Path, x: Any, **arguments: Any) -> Model:
    if isinstance(x, np.ndarray):
        np.save(folder / "x.npy", x)
    source = x if isinstance(x, str) else str(folder / "x.npy")
    return fit(source, **{"hidden": (32,), "seed": 0} | arguments)


def evidence_of(folder: Path, x: Any, **arguments: Any) -> Evidence:
    return gathered(trained(folder, x, **arguments))


def gathered(model: Model, data: Any = None, samples: bool = False) -> Evidence:
    return gather_evidence(model, evaluate(model, data, k=2, samples=samples))


RUNS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "table": (lambda: linear(800), {"latent": 3, "epochs": 30}),
    "images": (lambda: bars(1_000), {"latent": 6, "epochs": 30}),
    "counts": (lambda: counted(1_000, 5.0), {"latent": 3, "epochs": 25}),
    "digits": (lambda: "digits", {"latent": 8, "epochs": 12}),
    "groups": (lambda: groups(800), {"latent": 3, "epochs": 30}),
}


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Healthy:
    """Evidence of a healthy run by the name of its data; each is trained once."""

    @cache
    def run(name: str) -> Evidence:
        make, arguments = RUNS[name]
        model = trained(tmp_path_factory.mktemp(name), make(), **arguments)
        return gathered(model, samples=name in {"table", "counts"})

    return run


def named(evidence: Evidence, name: str) -> Finding:
    found = {finding.name: finding for finding in examine(evidence)}
    assert name in found, f"found only {sorted(found)}"
    check_command(found[name].command)
    return found[name]


def silent(evidence: Evidence, name: str) -> bool:
    return name not in {finding.name for finding in examine(evidence)}


def check_command(command: str) -> None:
    """The verb exists, and every option is its own or an argument of recipe, settings or data."""
    program, verb, *rest = shlex.split(command)
    verbs: Any = typer.main.get_command(app)
    assert program == "variata"
    known = {option for p in verbs.commands[verb].params for option in p.opts}
    if verb == "train":
        recipe = recipes.get(rest[rest.index("--recipe") + 1])
        names = {*Settings.__dataclass_fields__, *DataOptions.__dataclass_fields__}
        known |= {f"--{name.replace('_', '-')}" for name in names | set(recipe.arguments)}
    assert {word for word in rest if word.startswith("--")} <= known
    assert not set(rest) & {"--patience", "--weight-decay", "--ema"}  # --help has no such options


# Silence


@pytest.mark.parametrize("name", RUNS)
def test_healthy_runs_raise_no_alarm(healthy: Healthy, name: str) -> None:
    alarms = [f for f in examine(healthy(name)) if f.severity != "note"]
    assert alarms == []


def test_every_diagnosis_bears_missing_figures(healthy: Healthy) -> None:
    bare = replace(
        healthy("table"),
        figures={},
        history=[],
        training={},
        arguments={},
        samples=None,
        scales=None,
        rate_each=None,
        elbo_train=None,
        elbo_test=None,
    )
    assert [f.name for f in examine(bare)] == ["no-likelihood"]


def test_every_diagnosis_bears_a_single_row(healthy: Healthy) -> None:
    full = healthy("table")
    rows = {
        name: getattr(full, name)[:1]
        for name in ("x", "samples", "means", "scales", "elbo_train", "elbo_test", "distortion")
    }
    one = replace(full, **rows, self_distortion=full.self_distortion[:1], train_rows=1)
    assert {f.name for f in examine(one) if f.severity != "note"} == {"too-few-examples"}


def test_every_diagnosis_bears_numbers_that_are_not_finite(healthy: Healthy) -> None:
    full = healthy("table")
    broken = replace(
        full,
        means=full.means * math.nan,
        distortion=full.distortion * math.inf,
        samples=torch.full_like(full.x, math.nan),
    )
    assert "not finite" in named(broken, "exploding-variance").evidence


def test_there_are_fifteen_diagnoses_with_names_of_their_own() -> None:
    assert len({diagnosis.__name__ for diagnosis in DIAGNOSES}) == len(DIAGNOSES) == 15


# Caused


def test_collapse_under_a_rate_that_costs_too_much(tmp_path: Path) -> None:
    run = evidence_of(tmp_path, linear(400), recipe="beta_vae", beta=50, latent=3, epochs=10)
    finding = named(run, "posterior-collapse")
    assert finding.severity == "problem"
    assert "costs 50 times its nats" in finding.cause
    assert finding.command.endswith("--beta 1")
    assert examine(run)[0] == finding
    assert silent(run, "spare-dimensions")
    assert silent(run, "missing-modes")


def test_an_argument_named_beta_is_not_the_weight_of_the_rate(tmp_path: Path) -> None:
    options: dict[str, Any] = {"latent": 3, "epochs": 10, "beta": 200}
    run = evidence_of(tmp_path, linear(400), recipe="beta_tc_vae", alpha=200, gamma=200, **options)
    finding = named(run, "posterior-collapse")  # alike, they charge the rate and nothing else
    assert "costs 200 times" in finding.cause
    assert "--recipe vae" in finding.command
    run = evidence_of(tmp_path, linear(400), recipe="beta_tc_vae", **options)
    assert readings.rate_weight(run) is None
    collapsed = replace(run, rate_each=torch.zeros(3))
    assert "times its nats" not in named(collapsed, "posterior-collapse").cause


@pytest.mark.parametrize(
    ("recipe", "arguments", "weight"),
    [
        ("beta_vae", {"beta": 3.0}, 3.0),
        ("annealed_vae", {"cycles": 1}, 1.0),
        ("ciwae", {}, None),
        ("info_vae", {"alpha": 0.5}, None),
        ("ae", {}, None),
    ],
)
def test_the_weight_of_the_rate_is_that_of_the_objective(
    recipe: str, arguments: dict[str, Any], weight: float | None, tmp_path: Path
) -> None:
    run = evidence_of(tmp_path, linear(100), recipe=recipe, latent=2, epochs=2, **arguments)
    assert readings.rate_weight(run) == weight


def test_collapse_after_a_few_steps_asks_for_more(tmp_path: Path) -> None:
    run = evidence_of(tmp_path, linear(800), latent=2, epochs=1, batch_size=64)
    finding = named(run, "posterior-collapse")
    assert "10 steps" in finding.cause
    assert "--epochs" in finding.command


def test_collapse_on_independent_columns(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(2_000, 4))
    finding = named(
        evidence_of(tmp_path, x, latent=2, epochs=14, patience=1, batch_size=64),
        "posterior-collapse",
    )
    assert "in common" in finding.cause


def test_spare_dimensions_are_a_note(tmp_path: Path) -> None:
    x = linear(600, noise=0.5)
    run = evidence_of(tmp_path, x, latent=6, epochs=30, batch_size=64, lr=2e-3, tighten=1)
    finding = named(run, "spare-dimensions")
    assert finding.severity == "note"
    spare = int(finding.title.split()[0])
    assert "of 6 latent dimensions" in finding.title
    assert finding.command.endswith(f"--latent {6 - spare}")
    assert silent(run, "posterior-collapse")


def test_poisson_on_counts_that_vary_more(tmp_path: Path) -> None:
    x = counted(1_500, 2.0)
    run = evidence_of(tmp_path, x, likelihood="poisson", latent=3, epochs=12)
    finding = named(run, "likelihood-misfit")
    assert finding.severity == "warning"
    assert "--likelihood negative_binomial" in finding.command
    assert silent(run, "underfitting")


def test_gaussian_on_heavy_tails(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_t(1.5, size=(1_000, 3))
    run = evidence_of(tmp_path, x, latent=2, epochs=4)
    finding = named(replace(run, columns=("a", "b", "c")), "likelihood-misfit")
    assert "kurtosis" in finding.evidence
    assert "--ignore" in finding.command


def test_gaussian_whose_noise_changes_from_row_to_row(healthy: Healthy) -> None:
    run = healthy("table")
    centre = run.distortion.mean()
    finding = named(
        replace(run, distortion=centre + 3 * (run.distortion - centre)), "likelihood-misfit"
    )
    assert "spreads over rows" in finding.evidence


def test_gaussian_on_columns_with_a_lump_or_few_values(tmp_path: Path) -> None:
    x = linear(500, columns=5)
    x[:, 4] = x[:, 4] > 0
    graded = evidence_of(tmp_path, x, latent=3, epochs=20)
    finding = named(replace(graded, columns=("a", "b", "c", "d", "sex")), "likelihood-misfit")
    assert finding.severity == "note"
    assert "'sex'" in finding.evidence
    assert finding.command.endswith("--ignore sex")
    lumped = graded.x.clone()
    lumped[::2, 3] = 0
    assert named(replace(graded, x=lumped), "likelihood-misfit").severity == "warning"


def test_overfitting_on_rows_learnt_by_heart(tmp_path: Path) -> None:
    x = np.repeat(linear(40, 8, 4, 0.5), 15, 0)  # the validation rows are those learnt from
    model = trained(tmp_path, x, latent=8, hidden=(128, 128), epochs=60)
    run = gathered(model, linear(300, 8, 4, 0.5, seed=9))
    finding = named(run, "overfitting")
    assert "--hidden 32 32" in finding.command
    assert silent(run, "likelihood-misfit")
    assert silent(run, "underfitting")


def test_underfitting_below_independent_elements(healthy: Healthy) -> None:
    run = healthy("table")
    elbo = {"mean": run.figures["elbo"]["mean"] - 9, "se": 0.2}
    worse = replace(run, figures=run.figures | {"elbo": elbo})
    finding = named(worse, "underfitting")
    assert finding.severity == "problem"
    assert "independent elements" in finding.title


def test_underfitting_far_behind_pca(tmp_path: Path) -> None:
    run = evidence_of(tmp_path, linear(400), recipe="ae", latent=2, epochs=1)
    assert "PCA" in named(run, "underfitting").evidence


def test_latents_that_the_prior_does_not_know(tmp_path: Path) -> None:
    x = linear(400)
    run = evidence_of(tmp_path, x, recipe="beta_vae", beta=0.01, latent=2, epochs=30)
    finding = named(run, "prior-mismatch")
    assert "standard deviation" in finding.evidence
    assert "0.01 of its nats" in finding.cause
    assert "--beta 1" in finding.command
    assert silent(run, "underfitting")


def test_a_gap_that_the_moments_do_not_show(healthy: Healthy) -> None:
    run = healthy("table")
    told = {
        "mutual_information": {"mean": 1.5, "ceiling": 5.0},
        "prior_gap": {"marginal_kl": {"mean": 3.0}},
    }
    assert (
        "KL divergence"
        in named(replace(run, figures=run.figures | told), "prior-mismatch").evidence
    )
    told["mutual_information"]["mean"] = 4.9  # at its ceiling it says nothing
    assert silent(replace(run, figures=run.figures | told), "prior-mismatch")


def test_faithful_reconstructions_and_strange_samples(healthy: Healthy) -> None:
    run = healthy("table")
    strange = {"frechet": 90.0, "frechet_of_training_rows": 0.3, "precision": 0.05}
    finding = named(replace(run, figures=run.figures | {"samples": strange}), "prior-mismatch")
    assert "Frechet" in finding.evidence


def test_posteriors_of_absurd_size(tmp_path: Path) -> None:
    model = trained(tmp_path, linear(400), latent=2, epochs=5)
    with torch.no_grad():
        model.module.levels[0].posterior.linear.weight.mul_(500)  # type: ignore[union-attr, operator]
    run = gathered(model)
    finding = named(replace(run, training=run.training | {"skipped": 3}), "exploding-variance")
    assert finding.severity == "problem"
    assert "3 training steps" in finding.evidence


def test_a_likelihood_scale_at_its_floor(tmp_path: Path) -> None:
    model = trained(tmp_path, np.round(linear(400), 1), latent=2, epochs=5)
    with torch.no_grad():
        model.module.decoder.head.raw_scale.fill_(-5)  # type: ignore[union-attr, operator]
    finding = named(gathered(model), "exploding-variance")
    assert finding.severity == "warning"
    assert "may not fall below" in finding.evidence


def test_constant_columns_are_named(tmp_path: Path) -> None:
    x = linear(400, columns=8)
    x[:, 1:] = 4.0
    x[:, 0] = linear(400)[:, 0]
    run = replace(evidence_of(tmp_path, x, latent=1, epochs=2), columns=tuple("abcdefgh"))
    finding = named(run, "dead-columns")
    assert finding.severity == "warning"
    assert finding.evidence.startswith("7 of 8 columns")
    assert finding.evidence.endswith("'b', 'c', 'd', 'e', 'f' and 2 more")
    assert finding.command.count("--ignore") == 5


def test_dark_borders_of_images_are_no_dead_columns(healthy: Healthy) -> None:
    assert silent(healthy("digits"), "dead-columns")


def test_columns_of_very_different_size(tmp_path: Path) -> None:
    sizes = np.array([1e-3, 1, 1, 1, 1, 1e4])
    run = evidence_of(tmp_path, linear(300) * sizes, latent=2, epochs=2)
    finding = named(run, "unscaled-columns")
    assert finding.severity == "note"
    assert "standardised for you" in finding.cause


def test_counts_of_very_different_size(tmp_path: Path) -> None:
    x = counted(300)
    x[:, 0] *= 5_000
    assert (
        named(evidence_of(tmp_path, x, latent=2, epochs=2), "unscaled-columns").severity
        == "warning"
    )


def test_too_few_examples(tmp_path: Path) -> None:
    finding = named(evidence_of(tmp_path, linear(60), latent=3, epochs=10), "too-few-examples")
    assert finding.severity == "warning"
    assert finding.evidence.startswith("48 training rows")


def test_missing_clusters_without_labels(healthy: Healthy) -> None:
    run = healthy("groups")
    assert run.samples is not None
    kept = run.samples[run.samples[:, 2] < 0.5]  # the third group is left out
    assert "cluster" in named(replace(run, samples=kept), "missing-modes").evidence


def test_a_missing_class(healthy: Healthy) -> None:
    run = healthy("digits")
    assert run.labels is not None
    fake = run.x[run.labels != 4]
    finding = named(replace(run, samples=fake), "missing-modes")
    assert finding.evidence.startswith("class 4")
    assert "class 5" not in finding.evidence


def test_a_model_that_never_leaves_the_middle(tmp_path: Path) -> None:
    run = evidence_of(tmp_path, groups(800), recipe="beta_vae", beta=0.001, latent=2, epochs=40)
    assert {"missing-modes", "prior-mismatch"} & {f.name for f in examine(run)}


def test_missing_modes_are_not_found_by_chance(healthy: Healthy) -> None:
    run = healthy("groups")
    shuffled = run.x[torch.randperm(len(run.x), generator=torch.Generator().manual_seed(3))]
    assert silent(replace(run, samples=shuffled), "missing-modes")


def test_training_that_ended_too_early(tmp_path: Path) -> None:
    run = evidence_of(tmp_path, linear(800), latent=2, epochs=7, batch_size=16, lr=2e-3, tighten=1)
    assert "--epochs 21" in named(run, "train-longer").command
    in_time = run.training | {"ended": "budget", "seconds": 50.0}
    assert "--budget 3m" in named(replace(run, training=in_time), "train-longer").command
    stopped = run.training | {"ended": "stopped early"}
    assert silent(replace(run, training=stopped), "train-longer")


def test_skipped_steps(healthy: Healthy) -> None:
    run = healthy("table")
    few = replace(run, training=run.training | {"skipped": 1, "steps": 1_000, "notes": []})
    assert named(few, "skipped-steps").severity == "note"
    many = replace(run, training=run.training | {"skipped": 50, "steps": 1_000})
    finding = named(many, "skipped-steps")
    assert finding.severity == "warning"
    assert "50 of 1,000 steps" in finding.evidence


def test_an_autoencoder_has_no_likelihood(tmp_path: Path) -> None:
    run = evidence_of(tmp_path, linear(400), recipe="ae", latent=2, epochs=20)
    finding = named(run, "no-likelihood")
    assert finding.severity == "note"
    assert "--recipe vae" in finding.command
    assert [f.severity for f in examine(run)] == ["note"]


def test_the_gravest_comes_first(healthy: Healthy) -> None:
    run = healthy("table")
    elbo = {"mean": run.figures["elbo"]["mean"] - 9, "se": 0.2}
    skipped = run.training | {"skipped": 1, "steps": 1_000}
    ill = replace(run, train_rows=20, training=skipped, figures=run.figures | {"elbo": elbo})
    severities = [finding.severity for finding in examine(ill)]
    assert severities == sorted(severities, key=("problem", "warning", "note").index)
    assert set(severities) == {"problem", "warning", "note"}


def test_commands_keep_what_the_run_was_told(tmp_path: Path) -> None:
    x = np.column_stack([linear(200), np.arange(200) % 2])
    path = tmp_path / "my data.csv"
    np.savetxt(path, x, delimiter=",", header="a,b,c,d,e,f,kind", comments="")
    told = {"label": "kind", "ignore": ("b",), "hidden": (8,), "lr": 1e-3, "beta": 2, "patience": 1}
    out = tmp_path / "run"
    model = fit(path, "beta_vae", **told, fractions=(0.6, 0.2, 0.2), epochs=2, out=out)
    run = gather_evidence(model, evaluate(model, k=2), out)
    same = (
        f"variata train '{path}' --recipe beta_vae --label kind --ignore b --split 0.6,0.2,0.2 "
        "--epochs 2 --lr 0.001 --set patience=1 --hidden 8 --beta 2"
    )
    assert commands.train(run) == same
    assert commands.train(run, beta=1) == same.replace("--beta 2", "--beta 1")
    assert commands.train(run, recipe="vae").endswith("--set patience=1 --hidden 8")
    assert commands.train(run, weight_decay=0.1).endswith("--beta 2 --set weight_decay=0.1")
    assert "--epochs" not in commands.train(run, budget="3m")
    assert commands.ignoring(run, ["c"]).endswith("--beta 2 --ignore b --ignore c")
    assert commands.evaluate(run) == f"variata evaluate {out}"
    check_command(commands.train(run, epochs=longer(run), patience=1))


def test_commands_for_data_in_memory_hold_placeholders() -> None:
    model = fit(linear(100), latent=2, hidden=(8,), epochs=1)
    run = gather_evidence(model, evaluate(model, linear(50), k=2))
    assert commands.train(run, latent=1) == (
        "variata train DATA --recipe vae --epochs 1 --hidden 8 --latent 1"
    )
    assert commands.evaluate(run) == "variata evaluate RUN"


def test_one_of_anything_is_in_the_singular(healthy: Healthy) -> None:
    run = replace(healthy("table"), train_rows=1)
    assert named(run, "too-few-examples").evidence.startswith("1 training row for")
    spare = replace(run, means=torch.cat([run.means[:, :2], torch.zeros(len(run.means), 1)], 1))
    assert named(spare, "spare-dimensions").title == "1 of 3 latent dimensions is spare"


def test_clusters_of_equal_rows_are_one() -> None:
    assert clusters(torch.ones(10, 2, dtype=torch.float64)).tolist() == [[1.0, 1.0]]
