"""`variata compare` with its defaults on seven sets, beside what texts say of each kind of model.

    python benchmarks/contest.py [NAME ...] [--jobs N] [--seeds 0,1,2] [--page]

Trainings are kept in `runs/contest/NAME`, so that the same command goes on where it was
interrupted; `results/contest/NAME.json` has all figures, and `docs/contest.md` the tables of those
sets that are measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from any_data import numbers, pictures
from common import RESULTS, variata, write

from variata.pictures import plus_minus
from variata.tasks.comparison.answers import apart

RUNS = Path("runs/contest")
Figure = dict[str, Any]
PAGE = Path(__file__).parents[1] / "docs/contest.md"
SHOWN = {
    "bits_per_dim": "bits/dim",
    "frechet": "Frechet",
    "precision": "precision",
    "recall": "recall",
    "told_apart": "told apart",
    "classes_covered": "classes",
    "probe": "probe",
    "seconds": "s",
    "seconds_to_final": "s to 2 %",
    "ms_per_sample": "ms/sample",
}
INTRODUCTION = """# A contest

What `variata compare` found with its defaults: every recipe had the same time at most, on the same
rows, and was measured alike (`docs/compare.md` says how), with standard errors over seeds; the
column *s* has the seconds that it took, which end early where validation stops improving. Written
by `benchmarks/contest.py`; all figures are in `benchmarks/results/contest`, and every set names
the commit that it was measured on. Minutes on two cores say little about hours on a cluster.
"""


@dataclass(frozen=True)
class Claim:
    """What texts say, as an inequality between a recipe's figure and another's.

    Attributes:
        text: the claim. figure: its name. this, other: recipes.
        factor: this is claimed to have less than so many times the other's.
    """

    text: str
    figure: str
    this: str
    other: str
    factor: float = 1.0


HEADING = """## What texts say

Whether a claim holds, with the figures of the first and of the second kind that it names; *open*
where their difference, taken seed by seed, may be chance (a t test at 5 %), or where one seed alone
was measured. Of so many questions some are answered by chance. A likelihood may be a bound: what
is worse by it may still be as likely. Precision is that of draws in a classifier's features, which
is not sharpness to the eye.
"""
CLAIMS = (
    Claim("GANs make better samples than VAEs", "frechet", "gan", "vae"),
    Claim("VAEs are blurrier than GANs (precision)", "precision", "vae", "gan"),
    Claim("diffusion makes better samples than GANs", "frechet", "diffusion", "gan"),
    Claim(
        "diffusion of latents samples better than of pixels", "frechet",
        "latent_diffusion", "diffusion",
    ),
    Claim("GANs miss modes that VAEs have (recall)", "recall", "gan", "vae"),
    Claim("autoencoders reconstruct better than VAEs", "reconstruction", "ae", "vae"),
    Claim("VAEs have better features than autoencoders (probe)", "probe", "ae", "vae"),
    Claim("VAEs train faster than diffusion", "seconds_to_final", "vae", "diffusion"),
    Claim("GANs sample ten times as fast as diffusion", "ms_per_sample", "gan", "diffusion", 0.1),
    Claim(
        "VAEs sample ten times as fast as autoregressive models",
        "ms_per_sample", "vae", "autoregressive", 0.1,
    ),
    Claim(
        "autoregressive models beat flows (likelihood)", "bits_per_dim", "autoregressive", "flow"
    ),
    Claim(
        "autoregressive models beat VAEs with a flow as prior (likelihood)",
        "bits_per_dim", "autoregressive", "flow_prior",
    ),
    Claim("flows are harder than VAEs to fit (likelihood)", "bits_per_dim", "vae", "flow"),
    Claim("VQ-VAEs sample better than VAEs", "frechet", "vq_vae", "vae"),
)  # fmt: skip


def moons(folder: Path) -> str:
    """Two half circles in the plane, 4,000 points, as a table with their class."""
    import numpy as np
    from sklearn.datasets import make_moons

    x, y = make_moons(4_000, noise=0.06, random_state=0)
    path = folder / "moons.csv"
    np.savetxt(path, np.c_[x, y], delimiter=",", header="x,y,label", comments="", fmt="%.6g")
    return str(path)


SETS: dict[str, tuple[str, Callable[[Path], str] | None, tuple[str, ...]]] = {
    "digits": ("20s", None, ()),
    "moons": ("20s", moons, ("--label", "label")),
    "table": ("30s", numbers, ()),
    "pictures": ("30s", pictures, ()),
    "mnist": ("3m", None, ()),
    "fashion_mnist": ("1m", None, ()),
    "cifar10_cats": ("1m", None, ()),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SETS)}; all, unless named")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--page", action="store_true", help="write the page alone")
    asked = parser.parse_args()
    if unknown := {*asked.names} - {*SETS}:
        parser.error(f"there is no set {', '.join(unknown)}: the sets are {', '.join(SETS)}")
    for name in () if asked.page else asked.names or SETS:
        rows = compared(name, asked.jobs, asked.seeds)
        budget = {"budget": SETS[name][0], "jobs": asked.jobs, "seeds": asked.seeds}
        print(write(f"contest/{name}", rows, budget))
    PAGE.write_text(page())
    print(PAGE)


def compared(name: str, jobs: int, seeds: str) -> list[dict[str, Any]]:
    """The rows of one comparison, without the curves of its trainings."""
    budget, make, more = SETS[name]
    RUNS.mkdir(parents=True, exist_ok=True)
    data = name if make is None else make(RUNS)
    out = ["--out", str(RUNS / name), "--jobs", str(jobs), "--seeds", seeds]
    text, _ = variata("compare", data, "--budget", budget, *more, *out, "--json")
    rows = json.loads(text)["rows"]
    for row in rows:
        row["seeds"] = [{k: v for k, v in s.items() if k != "curve"} for s in row["seeds"]]
    return rows


def page() -> str:
    """The tables of all sets that are measured, and which claims hold where."""
    done = {
        name: json.loads(path.read_text())
        for name in SETS
        if (path := RESULTS / "contest" / f"{name}.json").exists()
    }
    parts = [INTRODUCTION, HEADING, claims(done), against(done)]
    for name, record in done.items():
        settings, machine = record["settings"], record["machine"]
        make = SETS[name][1]
        about = f"{make.__doc__} " if make else ""
        about += f"{settings['budget']} for each training, seeds {settings['seeds']}, "
        about += f"{settings['jobs']} at a time; {machine['processor']}, {machine['cores']} cores"
        about += f"; commit {record.get('commit') or 'not recorded, an earlier one'}."
        parts += [f"## `{name}`\n", about + "\n", figures(record["rows"])]
    return "\n".join(parts)


def claims(done: dict[str, Any]) -> str:
    """Which claims hold where: a table."""
    lines = [["claim", *(f"`{name}`" for name in done)], ["---"] * (len(done) + 1)]
    for claim in CLAIMS:
        lines.append([claim.text, *(held(claim, record) for record in done.values())])
    return markdown(lines)


def held(claim: Claim, record: dict[str, Any]) -> str:
    """Whether a claim holds, with both figures; a dash where one is missing."""
    pair = compared_by(claim, record)
    if pair is None:
        return "–"
    this, other = pair
    return f"{verdict(claim, record)} ({this['mean']:.3g}; {other['mean']:.3g})"


def compared_by(claim: Claim, record: dict[str, Any]) -> tuple[Figure, Figure] | None:
    """The two figures that a claim is about, where both are known."""
    known = {row["name"]: row["figures"].get(claim.figure) for row in record["rows"]}
    this, other = known.get(claim.this), known.get(claim.other)
    return None if this is None or other is None else (this, other)


def verdict(claim: Claim, record: dict[str, Any]) -> str:
    """ "yes", "no", or "open" where errors over seeds are unknown, or leave it undecided."""
    pair = compared_by(claim, record)
    if pair is None or "," not in record["settings"]["seeds"]:
        return "open"
    rows = {row["name"]: row for row in record["rows"]}
    this, other = (each_seed(rows[name], claim.figure) for name in (claim.this, claim.other))
    if not apart(this, other, claim.factor):
        return "open"
    return "yes" if claim.factor * pair[1]["mean"] > pair[0]["mean"] else "no"


def each_seed(row: dict[str, Any], figure: str) -> dict[int, Any]:
    """A figure of every seed that has it."""
    done = [seed for seed in row["seeds"] if figure in seed.get("figures", {})]
    return {seed["seed"]: seed["figures"][figure] for seed in done}


def against(done: dict[str, Any]) -> str:
    """The claims that were contradicted, set by set."""
    lines = []
    for claim in CLAIMS:
        where = [f"`{name}`" for name, record in done.items() if verdict(claim, record) == "no"]
        known = sum(compared_by(claim, record) is not None for record in done.values())
        if where:
            lines.append(f"- *{claim.text}*: not on {', '.join(where)} (of {known} sets).\n")
    return "Contradicted by the measurements:\n\n" + "".join(lines) if lines else ""


def figures(rows: list[dict[str, Any]]) -> str:
    """The figures of all recipes: a table."""
    shown = [name for name in SHOWN if any(name in row["figures"] for row in rows)]
    lines = [["recipe", *(SHOWN[name] for name in shown), "ended"], ["---"] * (len(shown) + 2)]
    for row in rows:
        cells = [cell(row, name) for name in shown]
        lines.append([f"`{row['name']}`", *cells, row["ended"]])
    return markdown(lines)


def cell(row: dict[str, Any], name: str) -> str:
    """A figure with its error, and what a likelihood is."""
    figure = row["figures"].get(name)
    if figure is None:
        return "none" if name == "bits_per_dim" else "–"
    mark = {"bound": "≤ ", "estimated": "≈ "}.get(row["likelihood"], "")
    mean, error = figure["mean"], figure["se"]
    told = plus_minus(mean, error) if error else f"{mean:.3g}"
    has, done = len(each_seed(row, name)), sum(s["status"] == "done" for s in row["seeds"])
    told += f" ({has} of {done})" if has < done else ""
    return f"{mark if name == 'bits_per_dim' else ''}{told}"


def markdown(lines: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
