"""How much nearer samples come to the data once a prior is fitted to a trained run.

    python benchmarks/refit.py [ROW ...] [--budget 3m] [--priors gmm flow ...] [--judge valid]

Each row is a recipe, trained by `variata train` for the budget and kept in a folder; its own prior
is then compared with each that `refit-prior` fits to the training rows. The Frechet distance, in
the features of our classifier, is that of 10,000 draws from p(x | z) to 10,000 test rows; beside it
that of the means of p(x | z), and of draws whose z come from the posteriors of training rows, which
a prior hardly improves on. No test row has a part in a fit; settings were chosen by the distance to
validation rows. Every figure is kept as it comes, so that the same command goes on where it was
interrupted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from common import table, variata
from runs import EnoughError, Run, Runs, code
from torch import Tensor

OWN = "as trained"
KEPT = Path(tempfile.gettempdir()) / "variata-refit"
SETTINGS = ("data", "budget", "judge", "samples", "seed")
REAL, CODES = ("gmm", "flow", "diffusion"), ("autoregressive",)
WANTED = 30.0  # per cent that the distance falls by


@dataclass(frozen=True)
class Row:
    """What is trained: a recipe with arguments, as on the command line, and the priors of it."""

    arguments: tuple[str, ...] = ()
    priors: tuple[str, ...] = REAL
    own: str = "N(0, I)"


ROWS = {
    "vae": Row(),
    "rae": Row(),
    "vq_vae": Row(("--prior", "uniform"), CODES, "uniform codes"),
    "rvq_vae": Row(("--prior", "uniform"), CODES, "uniform codes"),
    "fsq_vae": Row(("--prior", "uniform"), CODES, "uniform codes"),
    "gumbel_vae": Row((), CODES, "uniform classes"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(ROWS)}; all, unless some are named")
    parser.add_argument("--budget", default="3m", help="of each training")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--priors", nargs="+", help="of those that suit the row; all by default")
    parser.add_argument("--judge", choices=("test", "valid"), default="test", help="by which rows")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=KEPT, help="of trained runs")
    parser.add_argument("--most", type=int, help="figures to make now")
    parser.add_argument("--fresh", action="store_true", help="forget the figures that were kept")
    asked = parser.parse_args()
    unknown = [name for name in asked.rows if name not in ROWS]
    if unknown:
        parser.error(f"there is no row {', '.join(unknown)}: the rows are {', '.join(ROWS)}")
    runs = Runs("refit", asked.most, asked.fresh)
    try:
        rows = [line for name in asked.rows or ROWS for line in compared(runs, name, asked)]
    except EnoughError:
        print("More figures are left.")
        return
    table(rows)
    settings = {name: getattr(asked, name) for name in SETTINGS}
    print(runs.write(rows, settings))


def compared(runs: Runs, name: str, asked: argparse.Namespace) -> list[Run]:
    """A recipe with its own prior, and with every prior that is fitted to it."""
    row = ROWS[name]
    lines: list[Run] = []
    for prior in (OWN, *(p for p in row.priors if p in (asked.priors or row.priors))):
        which = {setting: getattr(asked, setting) for setting in SETTINGS}
        found = runs.get(partial(measured, name, prior, asked), recipe=name, prior=prior, **which)
        own, now = (lines or [found])[0]["frechet"], found["frechet"]
        falls = None if prior == OWN else round(100 * (1 - now / own), 1)
        said = f"{OWN}: {row.own}" if prior == OWN else prior
        shown = ("frechet", "of means", "latents of the data", "log p(z), nats", "seconds")
        lines.append({"recipe": name, "prior": said} | {key: found.get(key) for key in shown})
        lines[-1] |= {"falls by %": falls, "enough": None if falls is None else falls >= WANTED}
    return lines


def measured(name: str, prior: str, asked: argparse.Namespace) -> Run:
    """Fit a prior and draw from it."""
    from variata import load, refit_prior

    model = load(trained(name, asked))
    begun = time.perf_counter()
    facts: Run = {}
    if prior != OWN:
        found = refit_prior(model, prior, seed=asked.seed)
        model, facts = found.model, {"call": found.model.saved.prior}
        facts["log p(z), nats"] = [round(found.before, 2), round(found.after, 2)]
        facts["estimated"] = found.estimated
    facts["seconds"] = round(time.perf_counter() - begun, 1)
    return distances(model, asked) | facts


def trained(name: str, asked: argparse.Namespace) -> Path:
    """The folder of a finished training, made now if there is none."""
    out = asked.folder / f"{name}-{asked.data}-{asked.budget}-{asked.seed}-{code()}"
    if not (out / "manifest.json").exists():
        chosen = ["--recipe", name, "--budget", asked.budget, "--seed", str(asked.seed)]
        variata("train", asked.data, *chosen, *ROWS[name].arguments, "--out", str(out), "--quiet")
    return out


def distances(model: Any, asked: argparse.Namespace) -> Run:
    """Frechet distances from other rows: of draws, of means, and of draws at the data's latents."""
    from variata.metrics import frechet_distance
    from variata.tasks.bulk import batch_of, in_blocks
    from variata.tasks.samples import all_x, features_for
    from variata.tasks.source import reopened

    splits = reopened(model.saved.about["data"])
    features = features_for({"name": asked.data, "source": asked.data}, splits.train, None)
    real = features(all_x(getattr(splits, asked.judge), asked.samples))
    order = torch.randperm(len(splits.train), generator=torch.Generator().manual_seed(asked.seed))
    seen = splits.train.subset(order[: asked.samples])

    def far(make: Callable[[range], Tensor]) -> float:
        parts: list[Tensor] = []
        in_blocks(model.module, asked.samples, asked.seed, make, parts.append)
        made = torch.cat([part[0].float().cpu() for part in parts])
        return round(frechet_distance(real, features(made)), 4)

    def from_prior(part: range) -> Any:
        return model.module.imagine(len(part)).likelihood

    def from_data(part: range) -> Any:
        return model.module.observe(batch_of(model.module, seen, part)).likelihood

    return {
        "frechet": far(lambda part: from_prior(part).sample()),
        "of means": far(lambda part: from_prior(part).point()),
        "latents of the data": far(lambda part: from_data(part).sample()),
    }


if __name__ == "__main__":
    main()
