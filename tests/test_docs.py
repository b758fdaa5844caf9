"""The README and the pages of docs/: their code runs, in order, in one folder.

Long trainings are shortened: `epochs=20` becomes `epochs=1`, and `--epochs 20` likewise. Enlarged
digits stand in for MNIST. What the pages claim in figures comes from benchmarks, not from this.
"""

from __future__ import annotations

import gzip
import re
import shlex
import struct
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from variata.cli.app import run

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LONG = re.compile(r"(epochs[= ])\d+")


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with idx files like MNIST's, of 11,000 and 300 enlarged digits."""
    folder = tmp_path_factory.mktemp("catalogue")
    (folder / "mnist").mkdir()
    digits = load_digits()
    images = np.zeros((len(digits.images), 28, 28), np.uint8)
    images[:, 2:26, 2:26] = (digits.images * 15).repeat(3, 1).repeat(3, 2)
    for name, rows in (("train", 11_000), ("t10k", 300)):
        chosen = np.arange(rows) % len(images)
        labels = digits.target[chosen].astype(np.uint8)
        header = struct.pack(">IIII", 0x803, rows, 28, 28)
        files = {
            f"{name}-images-idx3-ubyte.gz": header + images[chosen].tobytes(),
            f"{name}-labels-idx1-ubyte.gz": struct.pack(">II", 0x801, rows) + labels.tobytes(),
        }
        for file, content in files.items():
            (folder / "mnist" / file).write_bytes(gzip.compress(content, 1))
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page: Path, stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VARIATA_DATA", str(stand_in))
    blocks = BLOCK.findall(page.read_text())
    assert blocks or page.name not in {"README.md", "tutorial.md"}
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": page.stem}
    for kind, text in blocks:
        short = LONG.sub(r"\g<1>1", text)
        if kind == "python":
            exec(compile(short, str(page), "exec"), names)
        else:
            _shell(short)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = [link.partition("#")[0] for link in LINK.findall(page.read_text())]
    missing = [link for link in links if link and not (page.parent / link).exists()]
    assert not missing


def _shell(text: str) -> None:
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == "variata":
            assert run(words[1:]) == 0, line
