"""Each recipe against a published figure, in minutes on a processor: one row at a time.

    python benchmarks/reproduce.py [ROW ...] [--again] [--k 500] [--run RUN]

Rows that were measured before are kept, so that the script goes on where it ended; `--again`
measures those that are named anew, and `--run` measures a run that was trained before, elsewhere
perhaps, with the arguments of the one row of likelihoods that is named. The page
`docs/reproduction.md` is written from all. Every row trains by `variata train`, is chosen on
validation rows and measured once on all test rows.
Published figures come from longer trainings and other networks: they say how far minutes go, not
who is better.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import codes_and_factors
import labels
from common import RESULTS, measured_run, table, trained_and_measured, write

from variata.recipes import names as names_of_recipes

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reproduction.md"
INTRODUCTION = """# Reproduction

Each recipe against a published figure, in minutes on a processor. This page is written by
`python benchmarks/reproduce.py`, which goes on where it ended and measures any row by its name; the
records, with settings, seeds and versions, are in `benchmarks/results/reproduce`. A row trains by
`variata train`, is chosen on validation rows, and is measured once on all test rows. Published
figures come from longer trainings and other networks: they say how far minutes go, not who is
better. Those marked as recalled were not looked up again.
"""


@dataclass(frozen=True)
class Row:
    """What is trained, and the figure that it stands beside.

    Attributes:
        recipe, data, budget: of the training.
        arguments: of the recipe, as on the command line.
        published: NLL in nats of the paper's own model, and where it stands.
        by: what is measured: "classes" and "clusters" (`labels.py`), "codes", "factors" and
            "samples" (`codes_and_factors.py`); of three seeds, but for codes and samples.
    """

    recipe: str
    published: str
    data: str = "binarized_mnist"
    budget: str = "3m"
    arguments: tuple[str, ...] = ()
    by: str = "likelihood"


def labelled(recipe: str, published: str, *arguments: str) -> Row:
    """A row about MNIST with 100 labels."""
    return Row(recipe, published, "mnist", "10m", arguments, "classes")


def factored(recipe: str, published: str, *arguments: str) -> Row:
    """A row about sprites with ten latents, whose factors are known."""
    return Row(recipe, published, "sprites", "15m", (*SMALL, *PLACED, *arguments), "factors")


def drawn(recipe: str, published: str = "none for this network", data: str = "mnist") -> Row:
    """A row about samples, for what has no likelihood or is not trained for it."""
    return Row(recipe, published, data, by="samples")


PLACED = ("--network", "broadcast", "--batch-size", "64")
SMALL, STYLE = ("--latent", "10"), ("--style", "10")
READ = ("--network", "conv", "--couplings", "8")
LARGE = (
    *("--channels", "32", "--hidden", "512", "--told", "8"),
    *("--width", "64", "--layers", "2", "--alone", "2", "--batch-size", "256"),
)
VIEWS = ("--augment", "affine", "--consistency", "100")
VADE = (*SMALL, "--augment", "affine", "--consistency", "10")
ROWS = {
    "vae": Row("vae", "89.9 (Tomczak and Welling, 2017)"),
    "flow_prior": Row("flow_prior", "none for this network"),
    "flow_prior_15m": Row("flow_prior", "none for this network", budget="15m"),
    "vamp_prior": Row("vamp_prior", "85.57 (Tomczak and Welling, 2017, 500 pseudo-inputs)"),
    "mixture_prior": Row("mixture_prior", "none for this network"),
    "exemplar_prior": Row("exemplar_prior", "none for this network"),
    "ladder_vae": Row("ladder_vae", "81.74 (Sonderby et al., 2016, five levels, dynamic)"),
    "deep_vae_30m": Row(
        "deep_vae", "78.30 (LVAE of 12 convolutional levels, addtt, 2020)", budget="30m"
    ),
    "pixel_vae_15m": Row(
        "pixel_vae",
        "79.02 (Gulrajani et al., 2016; recalled)",
        budget="15m",
        arguments=(*READ, "--layers", "1", "--compile", "off"),
    ),
    "pixel_vae_h100": Row(
        "pixel_vae",
        "79.02 (Gulrajani et al., 2016; recalled)",
        budget="165s",
        arguments=(*READ, *LARGE, "--compile", "off"),
    ),
    "pixel_vae_flow_29m": Row(
        "pixel_vae",
        "78.30 (LVAE of 12 convolutional levels, addtt, 2020)",
        budget="29m",
        arguments=("--couplings", "8", "--layers", "0", "--alone", "0"),
    ),
    "vae_15m": Row("vae", "89.9 (Tomczak and Welling, 2017)", budget="15m"),
    "gumbel_vae_10m": Row(
        "gumbel_vae", "101.5 (Jang et al., 2016, a bound; recalled)", budget="10m"
    ),
    "iwae": Row("iwae", "87.1 (Tomczak and Welling, 2017, K = 50)"),
    "dreg": Row("dreg", "none for this network"),
    "piwae": Row("piwae", "84.46 (Rainforth et al., 2018, M = K = 8, dynamic)"),
    "ciwae": Row("ciwae", "84.57 (Rainforth et al., 2018, K = 64, dynamic)"),
    "annealed_vae": Row("annealed_vae", "none for this network"),
    "free_bits_vae": Row("free_bits_vae", "none for this network"),
    "covariance_vae": Row("covariance_vae", "none for this network"),
    "flow_posterior": Row("flow_posterior", "none for this network"),
    "spherical_vae": Row(
        "spherical_vae", "93.16 (Davidson et al., 2018, dynamic)", arguments=("--latent", "10")
    ),
    "hyperbolic_vae": Row(
        "hyperbolic_vae", "101.47 (Mathieu et al., 2019)", arguments=("--latent", "10")
    ),
    "m2_10m": labelled("m2", "88.03 (Kingma et al., 2014; recalled); Pyro's 93.2", *SMALL, *VIEWS),
    "m2_plain_10m": labelled("m2", "88.03 (Kingma et al., 2014; recalled); Pyro's 93.2", *SMALL),
    "m1_m2_10m": labelled("m1_m2", "96.67 (Kingma et al., 2014; recalled)", *STYLE, *VIEWS),
    "m1_m2_plain_10m": labelled("m1_m2", "96.67 (Kingma et al., 2014; recalled)", *STYLE),
    "vq_vae_fashion": Row(
        "vq_vae", "none for this network", "fashion_mnist", "10m", ("--codes", "512"), "codes"
    ),
    "vae_sprites_15m": factored("vae", "0.10 (TC-GAN's authors, on dSprites)"),
    "beta_tc_vae_sprites_15m": factored(
        *("beta_tc_vae", "0.45 (TC-GAN's authors, on dSprites)"),
        *("--beta", "10", "--warm-up-share", "0"),
    ),
    "factor_vae_sprites_15m": factored(
        *("factor_vae", "0.43 (TC-GAN's authors, on dSprites)"),
        *("--gamma", "35", "--warm-up-share", "0"),
    ),
    "dip_vae_sprites_15m": factored("dip_vae", "none for these pictures"),
    "capacity_vae_sprites_15m": factored("capacity_vae", "none for these pictures"),
    "beta_vae_sprites_15m": factored("beta_vae", "0.21 (TC-GAN's authors, on dSprites)"),
    "info_vae": drawn("info_vae"),
    "joint_vae": drawn("joint_vae"),
    "wae_mmd": drawn("wae_mmd", "FID 55 (Tolstikhin et al., 2017, faces)"),
    "wae_gan": drawn("wae_gan", "FID 42 (Tolstikhin et al., 2017, faces)"),
    "aae": drawn("aae"),
    "rae": drawn("rae", "FID 9.9 with a fitted prior (Ghosh et al., 2019)"),
    "sigma_vae": drawn("sigma_vae"),
    "perceptual_vae": drawn("perceptual_vae"),
    "vae_gan": drawn("vae_gan"),
    "rvq_vae_fashion": drawn("rvq_vae", data="fashion_mnist"),
    "fsq_vae_fashion": drawn("fsq_vae", data="fashion_mnist"),
    "vade_10m": Row(
        "vade", "94.46 (Jiang et al., 2016; recalled)", "mnist", "10m", VADE, "clusters"
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(ROWS)}; all, unless some are named")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--k", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path, help="trained before with the arguments of the row")
    options = parser.parse_args()
    unknown = [name for name in options.rows if name not in ROWS]
    if unknown:
        parser.error(f"there is no row {', '.join(unknown)}: the rows are {', '.join(ROWS)}")
    if options.run and [ROWS[name].by for name in options.rows] != ["likelihood"]:
        parser.error("--run wants one row, of likelihoods")
    for name in options.rows or ROWS:
        if options.again or options.run or not _path(name).exists():
            if ROWS[name].by == "likelihood":
                measured = measure(ROWS[name], options.k, options.seed, options.run)
            else:
                source = labels if ROWS[name].by in ("classes", "clusters") else codes_and_factors
                measured = source.measured(name, ROWS[name], options.again)
            settings = {"k": options.k, "seed": options.seed, "arguments": ROWS[name].arguments}
            write(f"reproduce/{name}", [measured], settings)
    done = {name: json.loads(_path(name).read_text()) for name in ROWS if _path(name).exists()}
    groups = _alike(done)
    for names in groups:
        table([done[name]["rows"][0] for name in names])
    PAGE.write_text(page(done, groups))
    print(PAGE)


def page(done: dict[str, Any], groups: list[list[str]]) -> str:
    """What was measured, as a page of the documentation."""
    parts = [INTRODUCTION]
    for names in groups:
        told = [about(name, done[name]) for name in names]
        lines = [["row", *told[0]], ["---"] * (len(told[0]) + 1)]
        lines += [[f"`{n}`", *map(str, t.values())] for n, t in zip(names, told, strict=True)]
        parts.append("".join(f"| {' | '.join(line)} |\n" for line in lines))
    missing = [f"`{name}`" for name in ROWS if name not in done]
    parts.append(f"Not measured yet: {', '.join(missing)}.\n" if missing else "")
    others = sorted({*names_of_recipes()} - {row.recipe for row in ROWS.values()})
    told = ", ".join(f"`{name}`" for name in others)
    parts.append(f"Measured by `benchmarks/rivals.py` and `benchmarks/contest.py`: {told}.\n")
    return "\n".join(part for part in parts if part)


def about(name: str, record: dict[str, Any]) -> dict[str, Any]:
    """The figures of a row, and how they came about."""
    machine, row, settings = record["machine"], record["rows"][0], record["settings"]
    how = {"arguments": " ".join(settings["arguments"])}
    if ROWS[name].by == "likelihood":
        how["draws of the bound"] = settings["k"]
    how["budget"] = ROWS[name].budget
    how["processor"] = f"{machine['processor']}, {machine['cores']} cores"
    return row | how | {"commit": record.get("commit") or "an earlier one"}


def _alike(done: dict[str, Any]) -> list[list[str]]:
    """Names of rows with the same figures together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, record in done.items():
        groups.setdefault(tuple(record["rows"][0]), []).append(name)
    return list(groups.values())


def measure(row: Row, k: int, seed: int, run: Path | None = None) -> dict[str, object]:
    """Train and evaluate one row, or evaluate a run of it."""
    if run is None:
        figures = trained_and_measured(row.recipe, row.data, row.budget, k, seed, *row.arguments)
    else:
        figures = measured_run(run, k)
    return {"data": row.data, **figures, "published NLL": row.published}


def _path(name: str) -> Path:
    return RESULTS / "reproduce" / f"{name}.json"


if __name__ == "__main__":
    main()
