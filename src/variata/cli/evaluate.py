"""`variata evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from variata.cli.console import emit_json, emit_table, say
from variata.cli.opening import (
    ConditionOption,
    DeviceOption,
    JsonOption,
    OptionalData,
    RunArgument,
    SeedOption,
    inputs,
    open_model,
)


def evaluate(
    run: RunArgument,
    data: OptionalData = None,
    k: Annotated[
        int | None,
        typer.Option(help="Draws of the bound of NLL: 100, or 25 where each is slow."),
    ] = None,
    seed: SeedOption = 0,
    samples: Annotated[bool, typer.Option(help="Judge samples too.")] = True,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The report; RUN/report.html by default.")
    ] = None,
    report: Annotated[bool, typer.Option(help="Write the report.")] = True,
    condition: ConditionOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure a run on its own test rows: ELBO, NLL, bits/dim, rate, samples, baselines."""
    from variata.tasks.evaluate import evaluate as measure

    model = open_model(run, device, condition)
    name = "report.html" if data is None else f"report-{Path(data).stem}.html"
    target = out or run / name
    if report:
        from variata.tasks.output import refuse_to_replace

        refuse_to_replace(target, inputs(model, data))
    evaluation = measure(model, data, k=k, seed=seed, samples=samples, cache=run)
    if report:
        from variata.tasks.diagnose import diagnose
        from variata.tasks.report import report as write

        findings = diagnose(model, evaluation, run)
        say(f"Wrote {write(model, evaluation, target, findings)}")
    if as_json:
        emit_json(evaluation.figures)
    else:
        emit_table(rows_of(evaluation.figures))


def rows_of(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """The figures of an evaluation as rows of a table."""
    from variata.tasks.codes import usage_rows
    from variata.tasks.factors import disentanglement_rows

    data = figures["data"]
    rows = [("rows", f"{data['rows']:,} ({data['name']}, {data['split']})")]
    rows.append(("prior", figures["prior"]))
    rows += _likelihood(figures) if figures["nll"] is not None else []
    if figures["nll"] is None and figures["distortion"] is None:
        rows.append(("likelihood", "none"))
    elif figures["rate"] is not None or figures["nll"] is None:  # there are latents
        rows.append(("distortion", f"{_pm(figures['distortion'])} nats"))
    if figures["active_units"] is not None:
        rows.append(("active units", f"{figures['active_units']} of {figures['latent']}"))
    rows += _information(figures["mutual_information"], figures["prior_gap"])
    if figures["reconstruction"] is not None:
        rows.append(("reconstruction", f"{_pm(figures['reconstruction']['rmse'])} RMS, own units"))
    rows += _baselines(figures["baselines"]) + _samples(figures["samples"])
    rows += usage_rows(figures["codes"])
    return rows + disentanglement_rows(figures["disentanglement"])


def _likelihood(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """NLL and bits, and what they are made of where there are latents."""
    said = {"bound": ", at most", "estimated": ", estimated", "exact": ""}[figures["likelihood"]]
    only = ", estimated" if figures["likelihood"] == "estimated" else ""
    nll, rate = figures["nll"], figures["rate"]
    if rate is None:
        some = f" ({nll['rows']:,} rows)" if nll["rows"] < figures["data"]["rows"] else ""
        rows = [(f"NLL{said}", f"{_pm(nll)} nats{some}")]
    else:
        rows = [(f"ELBO{only}", f"{_pm(figures['elbo'])} nats")]
        rows.append((f"NLL{said}", f"{_pm(nll)} nats (K = {nll['k']})"))
    rows.append((f"bits/dim{said}", _number(figures["bits_per_dim"])))
    if rate is not None:
        rows += [(f"rate{only}", f"{_pm(rate)} nats"), *_levels(rate["per_level"])]
    return rows


def _levels(rates: list[float] | None) -> list[tuple[str, str]]:
    if rates is None:
        return []
    return [("  of each level", f"{', '.join(f'{rate:.1f}' for rate in rates)} nats, from the top")]


def _information(
    information: dict[str, Any] | None, gap: dict[str, Any] | None
) -> list[tuple[str, str]]:
    if information is None or gap is None:
        return []
    if information["saturated"]:
        most = f"{_number(information['ceiling'])} nats"
        return [("mutual information", f"at least {most} (as much as these rows can show)")]
    return [
        ("mutual information", f"{_pm(information)} nats"),
        ("KL of q(z) from p(z)", f"{_pm(gap['marginal_kl'])} nats"),
    ]


def _baselines(baselines: dict[str, Any] | None) -> list[tuple[str, str]]:
    if baselines is None:
        return []
    pca, factorised = baselines["pca"], baselines["factorised"]
    rows = [("  independent elements", f"{_number(factorised['bits_per_dim'])} bits/dim")]
    if pca is None:
        return rows
    return [
        ("  PCA of the same size", f"{_pm(pca['rmse'])} RMS ({pca['components']} components)"),
        ("  mean predictor", f"{_pm(baselines['mean']['rmse'])} RMS"),
        *rows,
    ]


def _samples(samples: dict[str, Any] | None) -> list[tuple[str, str]]:
    if samples is None:
        return []
    if "note" in samples:
        return [("samples", samples["note"])]
    name, training = samples["features"], samples["frechet_of_training_rows"]
    shares = ("precision", "recall", "density", "coverage")
    distance = f"{_number(samples['frechet'])} (training rows: {_number(training)})"
    return [
        ("samples", f"Frechet distance {distance}, in the features of {name}"),
        ("", ", ".join(f"{share} {samples[share]:.2f}" for share in shares)),
    ]


def _pm(estimate: dict[str, Any]) -> str:
    from variata.pictures.numbers import plus_minus

    return plus_minus(estimate["mean"], estimate["se"])


def _number(value: float) -> str:
    from variata.pictures.numbers import number

    return number(value)
