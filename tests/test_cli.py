"""The command line: every verb, every exit code, nothing overwritten, never a traceback."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from variata import load
from variata.cli.app import run
from variata.cli.console import fail
from variata.cli.evaluate import rows_of
from variata.tasks.plan import chosen_device

TINY = ["--hidden", "8", "--latent", "2", "--epochs", "1", "--quiet"]


def call(*arguments: object) -> int:
    return run([str(argument) for argument in arguments])


def call_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    assert call(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """The exit code and the one sentence of an error."""
    capsys.readouterr()
    code = call(*arguments)
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert said.out == ""
    errors = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    return code, errors[0]


@pytest.mark.parametrize("verb", ["sample", "reconstruct", "interpolate", "traverse", "map"])
@pytest.mark.parametrize("ending", ["png", "npy"])
def test_verbs_that_show(verb: str, ending: str, digits_run: Path, tmp_path: Path) -> None:
    out = tmp_path / f"out.{ending}"
    assert call(verb, digits_run, "--out", out) == 0
    if ending == "png":
        with Image.open(out) as image:
            assert min(image.size) > 50
    else:
        assert np.isfinite(np.load(out)).all()


def test_sample_gives_own_units_and_shape_fixed_by_the_seed(
    digits_run: Path, tmp_path: Path
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert (
            call("sample", digits_run, "-n", 5, "--out", tmp_path / f"{name}.npy", "--seed", seed)
            == 0
        )
    a, b, c = (np.load(tmp_path / f"{name}.npy") for name in "abc")
    assert a.shape == (5, 8, 8)
    assert set(np.unique(a)) <= set(range(17))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_encode_decode_score(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    z, x, s = (tmp_path / name for name in ("z.npy", "x.npy", "s.npy"))
    assert call("encode", digits_run, "digits", "--out", z) == 0
    assert call("decode", digits_run, z, "--out", x) == 0
    facts = call_json(capsys, "score", digits_run, "digits", "--out", s)
    assert np.load(z).shape == (1797, 8)
    assert np.load(x).shape == (1797, 8, 8)
    assert np.load(s).shape == (1797,)
    assert facts["mean"] == pytest.approx(np.load(s).mean())


def test_evaluate_prints_what_is_promised(
    digits_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = call_json(capsys, "evaluate", digits_run, "--k", 20)
    promised = {
        "elbo", "nll", "bits_per_dim", "rate", "distortion", "active_units", "mutual_information",
        "reconstruction", "samples", "baselines",
    }  # fmt: skip
    assert promised <= set(figures)
    assert set(figures["elbo"]) == {"mean", "se"}
    assert set(figures["nll"]) == {"mean", "se", "k", "rows"}
    assert figures["nll"]["k"] == 20
    assert figures["nll"]["mean"] <= -figures["elbo"]["mean"]
    assert figures["data"]["rows"] == 180
    assert ("prior", "the recipe's own prior") in rows_of(figures)
    assert figures["bits_per_dim"] == pytest.approx(figures["nll"]["mean"] / np.log(2) / 64)
    report = (digits_run / "report.html").read_text()
    assert "<script" not in report
    assert "http" not in report


def test_few_test_rows_judge_no_samples(
    table: np.ndarray, digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "few.npy", np.zeros((40, 8, 8)))
    out = ["--k", 5, "--out", tmp_path / "r.html"]
    figures = call_json(capsys, "evaluate", digits_run, tmp_path / "few.npy", *out)
    assert set(figures["samples"]) == {"note"}
    assert "40 test rows are too few" in (tmp_path / "r.html").read_text()
    assert call("evaluate", digits_run, tmp_path / "few.npy", *out) == 0
    assert "40 test rows are too few" in capsys.readouterr().out


def test_too_few_rows_are_refused_in_words(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for rows, verb, pattern in (
        (1, "evaluate", "at least 2 rows"),
        (2, "map", "at least 3 rows, and '.*few.npy' has 2"),
        (1, "interpolate", "two rows"),
    ):
        np.save(tmp_path / "few.npy", np.arange(rows * 64).reshape(rows, 8, 8) % 17)
        out = ["--out", tmp_path / "o.png"]
        code, message = refused(capsys, verb, digits_run, tmp_path / "few.npy", *out)
        assert code == 3
        assert re.search(pattern, message), message


def test_outputs_replace_neither_inputs_nor_files_of_a_run(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from variata import load

    before = (digits_run / "README.md").read_bytes()
    values = tmp_path / "x.npy"
    np.save(values, np.zeros((5, 8, 8)))
    for arguments in (
        ["encode", digits_run, values, "--out", values],
        ["score", digits_run, values, "--out", tmp_path / "." / "x.npy"],
        ["evaluate", digits_run, values, "--out", values],
        ["evaluate", digits_run, "--out", digits_run / "README.md"],
    ):
        code, message = refused(capsys, *arguments)
        assert (code, "write to another file" in message) == (2, True)
    assert np.load(values).shape == (5, 8, 8)
    assert (digits_run / "README.md").read_bytes() == before
    out = ["--out", tmp_path / "z.npy"]
    assert call("encode", digits_run, values, *out) == call("encode", digits_run, values, *out) == 0
    assert load(digits_run)


def test_the_line_that_is_best_has_the_lowest_loss(
    table_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--hidden", "8", "--latent", "2", "--epochs", "60", "--out", tmp_path / "r"]
    assert call("train", table_csv, *options) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "loss" in line]
    losses = [float(re.findall(r"loss (-?[\d.]+)", line)[0]) for line in lines]
    best = [loss for loss, line in zip(losses, lines, strict=True) if "* best" in line]
    assert len(losses) > len(best) > 0
    assert best == sorted(best, reverse=True)
    assert min(losses) == best[-1]


def test_doctor_reads_as_json_and_as_text(
    digits_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = call_json(capsys, "doctor", digits_run)["findings"]
    assert all({"name", "evidence", "cause", "command"} <= set(f) for f in findings)
    assert call("doctor", digits_run) == 0


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert {r["name"] for r in call_json(capsys, "recipes")} >= {"ae", "vae", "beta_vae"}
    assert "beta" in call_json(capsys, "recipes", "beta_vae")["page"]
    assert "digits" in {d["name"] for d in call_json(capsys, "data")}
    assert call("data", "mnist") == 0
    assert "28" in capsys.readouterr().out


def test_recipe_arguments_are_flags(
    table_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--recipe", "beta_vae", "--beta", "3.5", "--hidden", "12", "6", "--epochs", "1"]
    made = call_json(capsys, "train", table_csv, "--out", tmp_path / "r", "-q", *flags)
    assert made["arguments"]["beta"] == 3.5
    assert made["arguments"]["hidden"] == [12, 6]


def test_a_configuration_file_gives_defaults_that_options_override(
    table_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(f"data: {table_csv}\nrecipe: beta_vae\nbeta: 2\nhidden: [8]\nepochs: 1\n")
    made = call_json(
        capsys, "train", "--config", config, "--beta", "5", "--out", tmp_path / "r", "-q"
    )
    assert made["arguments"]["beta"] == 5.0
    assert made["arguments"]["hidden"] == [8]


def test_label_and_ignored_columns_never_reach_the_model(
    table_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--ignore", "b", "--out", tmp_path / "r", *TINY]
    made = call_json(capsys, "train", table_csv, *options)
    assert made["arguments"]["shape"] == [3]
    assert call("encode", tmp_path / "r", table_csv, "--out", tmp_path / "z.npy") == 0


def test_without_out_a_dated_folder_is_printed(
    table_csv: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("train", table_csv, *TINY) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert folder.parent == Path("runs")
    assert (folder / "manifest.json").is_file()


def test_usage_errors(
    digits_run: Path, table_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", tmp_path / "r", "-q"]
    config = tmp_path / "c.yaml"
    config.write_text("recipe: vae\nepoch: 3\n")
    cases: list[tuple[list[object], str]] = [
        (["train", table_csv, "--recipe", "vea", *out], "Did you mean 'vae'"),
        (["train", table_csv, "--latnt", "3", *out], "Did you mean 'latent'"),
        (["train", table_csv, "--budget", "soon", *out], "A budget is a duration such as 30s"),
        (["train", table_csv, "--epochs", "0", *out], "epochs"),
        (["train", table_csv, "--split", "0.5,0.5", *out], "three shares"),
        (["train", table_csv, "--split", "0.9,0.3,0.1", *out], "fractions"),
        (["train", table_csv, "--device", "gpu7", *out], "no device 'gpu7'"),
        (["train", table_csv, "--latent", "0", *out], "latent"),
        (["train", "--config", config, table_csv, *out], "unknown key 'epoch'.*'epochs'"),
        (["train", table_csv, "--config", tmp_path / "none.yaml", *out], "cannot be read"),
        (["train"], "needs DATA"),
        (["sample", digits_run, "--out", tmp_path / "a.txt"], r"must end in \.png"),
        (["sample", digits_run, "-n", "0", "--out", tmp_path / "a.npy"], "at least 1"),
        (["evaluate", digits_run, "--k", "0"], "at least 1"),
        (["recipes", "veq"], "Unknown recipe"),
        (["trian", "digits"], "No such command"),
    ]
    for arguments, pattern in cases:
        code, message = refused(capsys, *arguments)
        assert code == 2, arguments
        assert re.search(pattern, message), message
    assert not (tmp_path / "r").exists()


def test_data_errors(digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def array(name: str, value: Any) -> Path:
        np.save(tmp_path / name, value)
        return tmp_path / f"{name}.npy"

    values = np.random.default_rng(0).normal(size=(20, 3))
    holes, endless = values.copy(), values.copy()
    holes[7, 2], endless[3, 1] = np.nan, np.inf
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(4):
        Image.fromarray(np.full((9, 9), i * 20, np.uint8)).save(folder / f"{i}.png")
    content = (folder / "2.png").read_bytes()
    (folder / "2.png").write_bytes(content[: len(content) // 2])
    cases = [
        (array("holes", holes), "NaN.*row 7.*column 2|row 7.*column 2.*"),
        (array("endless", endless), "row 3"),
        (array("empty", np.zeros((0, 3))), "empty|0 rows|no rows|at least"),
        (array("one", values[:1]), "at least 2 rows"),
        (folder, r"2\.png"),
        (tmp_path / "nothing.npy", "nothing"),
        ("mnits", "Did you mean 'mnist'"),
    ]
    for data, pattern in cases:
        code, message = refused(capsys, "train", data, "--out", tmp_path / "r", *TINY)
        assert code == 3, message
        assert re.search(pattern, message), message
        assert not (tmp_path / "r").exists()
    code, message = refused(
        capsys, "encode", digits_run, array("wide", values), "--out", tmp_path / "z.npy"
    )
    assert code == 3
    assert "8, 8" in message
    assert not (tmp_path / "z.npy").exists()


def test_bernoulli_on_real_numbers_is_an_error_that_says_so(
    table_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", tmp_path / "r", *TINY]
    code, message = refused(capsys, "train", table_csv, "--likelihood", "bernoulli", *out)
    assert code == 3
    assert "Bernoulli" in message
    assert "gaussian" in message


def test_folders_in_use_and_damaged_runs(
    digits_run: Path, table_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    code, message = refused(capsys, "train", table_csv, "--out", tmp_path, *TINY)
    assert (code, "in use" in message) == (5, True)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    code, message = refused(capsys, "evaluate", tmp_path)
    assert (code, "no saved model" in message) == (5, True)
    code, message = refused(capsys, "train", "--resume", digits_run)
    assert (code, "has finished" in message) == (5, True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_right_to_write(table_csv: Path, tmp_path: Path, capsys: Any) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    code, message = refused(capsys, "train", table_csv, "--out", closed / "r", *TINY)
    assert (code, "Cannot" in message) == (5, True)


def test_a_file_where_a_folder_should_be(
    table_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        code, message = refused(capsys, "train", table_csv, "--out", out, *TINY)
        assert code == 5, message
    assert (tmp_path / "file").read_text() == "mine"


def test_an_interrupted_run_goes_on_to_the_same_weights(table_csv: Path, tmp_path: Path) -> None:
    options = ["--hidden", "8", "--latent", "2", "--epochs", "150", "--batch-size", "32", "-q"]
    assert call("train", table_csv, "--out", tmp_path / "whole", *options) == 0
    command = [sys.executable, "-m", "variata", "train", str(table_csv)]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "parts"), *options],
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    while not (tmp_path / "parts" / "training.json").exists():
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    if process.returncode == 0:
        pytest.fail("the training ended before it could be interrupted: give it more epochs")
    assert process.returncode == 143, said
    assert b"--resume" in said
    assert call("train", "--resume", tmp_path / "parts", "-q") == 0
    whole, parts = ((tmp_path / n / "model.safetensors").read_bytes() for n in ("whole", "parts"))
    assert whole == parts
    assert not (tmp_path / "parts" / "checkpoint").exists()


def test_points_that_are_all_alike_still_make_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "same.npy", np.full((60, 4), 3.3))
    assert (
        call("train", tmp_path / "same.npy", "--out", tmp_path / "r", *TINY, "--latent", "3") == 0
    )
    assert call("evaluate", tmp_path / "r") == 0
    assert (tmp_path / "r" / "report.html").is_file()


def test_columns_that_are_missing_are_named(
    table: np.ndarray, table_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("train", table_csv, "--out", tmp_path / "r", *TINY) == 0
    np.savetxt(tmp_path / "other.csv", table, delimiter=",", header="q,b,c,d", comments="")
    shuffled = table[:, [3, 2, 1, 0]]
    np.savetxt(tmp_path / "shuffled.csv", shuffled, delimiter=",", header="d,c,b,a", comments="")
    out = ["--out", tmp_path / "s.npy"]
    code, message = refused(capsys, "score", tmp_path / "r", tmp_path / "other.csv", *out)
    assert (code, "'a'" in message) == (3, True)
    assert call("score", tmp_path / "r", table_csv, *out) == 0
    expected = np.load(tmp_path / "s.npy")
    assert call("score", tmp_path / "r", tmp_path / "shuffled.csv", *out) == 0
    np.testing.assert_allclose(np.load(tmp_path / "s.npy"), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("lr: 1e-3", 0),
        ("split: [0.6, 0.2, 0.2]", 0),
        ("budget: 1s", 0),
        ("hidden: 8", 0),
        ("", 0),
        ("epochs: two", 2),
        ("batch_size: 1.5", 2),
        ("seed: x", 2),
        ("epochs: true", 2),
        ("- a list", 2),
        ("a: [", 2),
    ],
)
def test_configuration_values_are_read_like_options(
    line: str, code: int, table_csv: Path, tmp_path: Path
) -> None:
    (tmp_path / "c.yaml").write_text(line)
    config = ["--config", tmp_path / "c.yaml", "--out", tmp_path / "r", "-q"]
    flags = [] if "epochs" in line else ["--epochs", "1"]
    assert call("train", table_csv, *config, *flags) == code


def test_latents_that_are_not_finite_are_refused(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "z.npy", np.full((3, 8), np.nan))
    out = ["--out", tmp_path / "x.npy"]
    code, message = refused(capsys, "decode", digits_run, tmp_path / "z.npy", *out)
    assert (code, "row 0" in message) == (3, True)


def test_resume_takes_no_other_options(
    digits_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in (("--seed", "0"), ("--label", "a"), ("--size", "8x8")):
        assert refused(capsys, "train", "--resume", digits_run, *option)[0] == 2
    code, message = refused(capsys, "train", "--resume", digits_run, "--epochs", "3")
    assert (code, "epochs" in message) == (2, True)


def test_figures_while_training_are_in_own_units(table: np.ndarray, tmp_path: Path) -> None:
    from variata import fit

    last = [
        fit(table * scale, latent=2, hidden=(8,), epochs=2).history[-1]["valid"]["elbo"]
        for scale in (1.0, 1000.0)
    ]
    assert last[0] - last[1] == pytest.approx(4 * np.log(1000.0), abs=1e-3)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("callbacks", "3", "--callbacks can be given in Python alone"),
        ("settings", "3", "--settings can be given in Python alone"),
        ("labels", "abc", "labels='abc' does not suit"),
        ("fractions", "abc", "fractions='abc' does not suit"),
        ("device", "9", "device must be text"),
    ],
)
def test_what_does_not_suit_an_option_is_a_sentence(
    name: str, value: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["train", "digits", "--out", str(tmp_path / "run"), "--set", f"{name}={value}"]
    assert run(asked) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_device_may_stand_in_a_file_or_be_set(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("data: digits\ndevice: cpu\nepochs: 1\nlatent: 2\nhidden: 8\n")
    assert run(["train", "--config", str(tmp_path / "a.yaml"), "-o", str(tmp_path / "a")]) == 0
    asked = ["train", "digits", "--set", "device=cpu", "--epochs", "1", "--latent", "2"]
    assert run([*asked, "-o", str(tmp_path / "b")]) == 0
    about = load(tmp_path / "b").saved.about["training"]
    assert about["device"] == "cpu"
    assert {"threads", "precision", "compiled"} <= {*about["how"]}


def test_a_folder_with_an_interrupted_run_names_what_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "training.json").write_text("{}")
    assert run(["train", "digits", "--epochs", "1", "-o", str(tmp_path)]) != 0
    assert f"variata train --resume {tmp_path}" in capsys.readouterr().err


def test_every_process_has_the_accelerator_of_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "zeros", lambda *_, device: None)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert str(chosen_device("cuda")) == str(chosen_device("auto")) == "cuda:3"
    assert str(chosen_device("cuda:1")) == "cuda:1"


def test_every_process_tells_its_own_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "2")
    assert fail("no", 3) == 3
    assert capsys.readouterr().err == "[process 2] error: no\n"
