"""`report.html`: an evaluation with its pictures, in one file that opens offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from variata.metrics import active_mask, prior_sd
from variata.models import decodes, encodes
from variata.pictures import (
    Card,
    Section,
    latent_histograms,
    number,
    plus_minus,
    rate_bars,
    training_curves,
    write_report,
)
from variata.tasks.codes import usage_rows
from variata.tasks.evaluate import Evaluation
from variata.tasks.factors import disentanglement_rows
from variata.tasks.latents import can_sample, prior_said
from variata.tasks.model import Model
from variata.tasks.show import (
    is_table,
    manifold_picture,
    map_methods,
    map_picture,
    observe_some,
    reconstruction_picture,
    sample_picture,
    some,
    traversal_picture,
    under,
)
from variata.tasks.show_paths import interpolation_picture, interpolation_values

SAMPLES, TABLE_SAMPLES = 64, 1_000


def report(model: Model, evaluation: Evaluation, path: Path, findings: Sequence[Any] = ()) -> Path:
    """Write the report of an evaluation.

    Args:
        model: what was measured.
        evaluation: what was found.
        path: the file to write.
        findings: of the doctor.

    Raises:
        StoreError: when it cannot be written.
    """
    figures = evaluation.figures
    sections = [
        _summary(figures),
        *([_samples(model, evaluation)] if can_sample(model.module) else []),
        *([_reconstructions(model, evaluation)] if encodes(model.module) else []),
        *([_latent_space(model, evaluation)] if encodes(model.module) else []),
        _training(model),
        _details(figures),
        *([_findings(findings)] if findings else []),
    ]
    name = model.saved.about.get("data", {}).get("name", "data")
    return write_report(path, f"{model.recipe} on {name}", sections, model.schema.describe())


def _summary(figures: dict[str, Any]) -> Section:
    cards = [Card("test rows", f"{figures['data']['rows']:,}", figures["data"]["name"] or "")]
    kind, nll = figures["likelihood"], figures["nll"]
    rate: Any = figures["rate"]
    distortion: Any = figures["distortion"]
    if nll is None and distortion is None:
        cards.append(Card("likelihood", "none"))
    if nll is not None:
        of = "" if kind == "exact" else f", {kind}"
        named = f"NLL, bound of {nll['k']} draws" if rate else f"NLL{of}"
        cards.append(Card(named, _pm(nll), "nats / example"))
    if nll is not None and rate is not None:
        cards += [
            Card("ELBO", _pm(figures["elbo"]), "nats / example"),
            Card("rate", _pm(rate), "nats / example"),
        ]
    if nll is not None:
        cards.append(Card("bits per dimension", number(figures["bits_per_dim"]), "bits / dim"))
    reconstruction: Any = figures["reconstruction"]
    if reconstruction is not None and distortion is not None:
        cards += [
            Card("distortion", _pm(distortion), "nats / example"),
            Card("active latents", f"{figures['active_units']} of {figures['latent']}"),
            Card("reconstruction error", _pm(reconstruction["rmse"]), "RMS, own units"),
        ]
    text = "Measured on rows that the model has not seen."
    if nll is not None and kind == "estimated" and figures["rate"] is None:
        text += f" NLL and bits are estimates, no bounds, over {nll['rows']:,} rows."
    elif kind == "estimated":
        text += " The prior's density is an estimate: so are NLL, ELBO, bits and rate, no bounds."
    if figures["data"]["lossy"]:
        text += " The data were compressed with loss before: do not compare bits with others'."
    return Section("Summary", text, cards=cards)


def _samples(model: Model, evaluation: Evaluation) -> Section:
    count = TABLE_SAMPLES if is_table(model.schema) else SAMPLES
    known = evaluation.train or evaluation.test
    condition = known.context and some(known, count).context
    given = condition and condition.repeated(count)
    drawn = sample_picture(model, model.sample(count, condition=given), data=known)
    if not decodes(model.module):
        return Section("Samples", "New examples.", [("Draws from p(x)", drawn)])
    means = sample_picture(model, model.sample(count, condition=given, mean=True), "mean", known)
    pictures = [
        ("Means of p(x | z) for latents drawn from the prior", means),
        ("Draws from p(x | z) for the same latents", drawn),
    ]
    text = f"New examples, made from noise alone: latents are drawn from {prior_said(model)}."
    return Section("Samples", text, pictures)


def _reconstructions(model: Model, evaluation: Evaluation) -> Section:
    pictures = [
        ("Test rows and their reconstructions", reconstruction_picture(model, evaluation.test))
    ]
    if len(evaluation.test) >= 4:
        paths = interpolation_values(model, evaluation.test, paths=4, steps=9)
        pictures.append(("From one test row to another", interpolation_picture(model, paths)))
    return Section("Reconstruction and interpolation", "", pictures)


def _latent_space(model: Model, evaluation: Evaluation) -> Section:
    chosen, observed = observe_some(model, evaluation.test)
    pictures = [
        (
            f"Posterior means of {len(chosen):,} test rows ({method})",
            map_picture(model, chosen, observed.means, method),
        )
        for method in map_methods(model, len(chosen))
    ]
    one = under(model, chosen)
    manifold = manifold_picture(one)
    if manifold is not None:
        pictures.append(("What the latent plane decodes to", manifold))
    moved = traversal_picture(one, observed, evaluation.prior, data=evaluation.train or chosen)
    pictures.append(("Each latent dimension from -3 to 3", moved))
    if observed.carried is not None and observed.scales is not None:
        prior = evaluation.prior
        active = active_mask(observed.means, prior_sd=prior_sd(prior))
        drawn = observed.means + observed.scales * torch.randn(
            observed.means.shape, generator=torch.Generator().manual_seed(0)
        )
        pictures += [
            ("Rate of every latent dimension", rate_bars(observed.carried, active)),
            (
                "The aggregate posterior against the prior",
                latent_histograms(drawn, observed.carried, prior=prior and prior.draws),
            ),
        ]
    return Section("Latent space", "Spare dimensions (grey, without rate) are normal.", pictures)


def _training(model: Model) -> Section:
    reports = model.history
    steps = [r["step"] for r in reports]
    valid = {
        name: (steps, [r["valid"][name] for r in reports])
        for name in ("elbo", "rate", "distortion")
        if reports and name in reports[0]["valid"]
    }
    train = {}
    terms = ("rate", "distortion") if valid else reports[0]["train"] if reports else ()
    for name in terms:
        known = [(r["step"], r["train"][name]) for r in reports if name in r["train"]]
        if known:
            train[name] = ([s for s, _ in known], [v for _, v in known])
    weights = [(r["step"], r["weights"]["rate"]) for r in reports if "rate" in r["weights"]]
    weight = ([s for s, _ in weights], [v for _, v in weights]) if weights else None
    facts = model.saved.about.get("training", {})
    text = (
        f"{facts.get('steps', 0):,} steps, {facts.get('epochs', 0):.1f} epochs, "
        f"{facts.get('seconds', 0):.0f} s; {facts.get('ended', '')}; the weights kept are those of "
        f"step {facts.get('best_step', 0):,}, the best on the validation rows."
    )
    notes = "\n\n".join(facts.get("notes", []))
    drawn = [("Curves", training_curves(train, valid, weight))] if train or valid else []
    return Section("Training", f"{text}\n\n{notes}".strip(), drawn)


def _details(figures: dict[str, Any]) -> Section:
    rows: list[tuple[str, str]] = [("figure", "value")]
    baselines, samples = figures["baselines"], figures["samples"]
    information, gap = figures["mutual_information"], figures["prior_gap"]
    if information is not None and information["saturated"]:
        least = f"at least {number(information['ceiling'])}"
        rows.append(("mutual information of data and latent, nats", least))
    elif information is not None and gap is not None:
        rows.append(("mutual information of data and latent, nats", _pm(information)))
        rows.append(("KL of the aggregate posterior from the prior, nats", _pm(gap["marginal_kl"])))
    if baselines is not None:
        bits = baselines["factorised"]["bits_per_dim"]
        rows += [
            ("bits per dimension of independent elements (baseline)", number(bits)),
        ]
    if baselines is not None and baselines["pca"] is not None:
        rows += [
            ("RMS error of the mean (baseline), own units", _pm(baselines["mean"]["rmse"])),
            (
                f"RMS error of PCA with {baselines['pca']['components']} components, own units",
                _pm(baselines["pca"]["rmse"]),
            ),
        ]
    if samples is not None and "note" in samples:
        rows.append(("quality of samples", samples["note"]))
    elif samples is not None:
        name = samples["features"]
        rows += [
            (f"Frechet distance in the features of {name}", number(samples["frechet"])),
            ("the same for training rows", number(samples["frechet_of_training_rows"])),
        ]
        rows += [
            (f"{what} of samples", number(samples[what]))
            for what in ("precision", "recall", "density", "coverage")
        ]
    rows += usage_rows(figures["codes"]) + disentanglement_rows(figures["disentanglement"])
    return Section("More figures", table=rows)


def _findings(findings: Sequence[Any]) -> Section:
    rows: list[tuple[str, ...]] = [("finding", "evidence", "likely cause", "try")]
    rows += [(f.title, f.evidence, f.cause, f.command) for f in findings]
    return Section("The doctor", table=rows)


def _pm(estimate: dict[str, Any]) -> str:
    return plus_minus(estimate["mean"], estimate["se"])
