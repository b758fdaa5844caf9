"""The README and the pages of docs/: their code runs, in order, in one folder.

Long trainings are shortened here: `epochs=20` becomes `epochs=1`, and `--epochs 20` likewise. What
the pages claim in figures comes from benchmarks, not from this.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from variata.cli.app import run

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LONG = re.compile(r"(epochs[= ])\d+")
NEEDS_DATA = re.compile(r"\b(binarized_mnist|mnist|fashion_mnist|frey_faces|cifar10_cats)\b")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = BLOCK.findall(page.read_text())
    if any(NEEDS_DATA.search(text) for _, text in blocks):
        import os

        if not os.environ.get("VARIATA_DATA"):
            pytest.skip("VARIATA_DATA is not set, so the page's data is not at hand")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": page.stem}
    for kind, text in blocks:
        short = LONG.sub(r"\g<1>1", text)
        if kind == "python":
            exec(compile(short, str(page), "exec"), names)
        else:
            _shell(short)


def _shell(text: str) -> None:
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == "variata":
            assert run(words[1:]) == 0, line
