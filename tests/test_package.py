"""The package: what it imports, when, and that its promises on paper hold."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_loads_nothing_heavy() -> None:
    heavy = ("torch", "sklearn", "pandas", "matplotlib", "pydantic", "PIL")
    code = f"import variata, sys; print([m for m in {heavy!r} if m in sys.modules])"
    assert python(code) == "[]"


def test_the_command_line_answers_without_torch() -> None:
    code = (
        "import sys; from variata.cli.app import run; run(['--help']); "
        "print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "False"


def test_public_names_are_there() -> None:
    import variata

    for name in variata.__all__:
        assert getattr(variata, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        variata.nothing  # noqa: B018


@pytest.mark.parametrize(
    "verb", ["train", "evaluate", "doctor", "sample", "map", "score", "export", "data"]
)
def test_every_verb_of_the_readme_has_help(verb: str) -> None:
    command = [sys.executable, "-m", "variata", verb, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--json" in done.stdout
    assert f"variata {verb}" in (ROOT / "README.md").read_text()


def test_versions_agree() -> None:
    import variata

    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"## {variata.__version__}" in changelog


def test_storeys_named_in_the_architecture_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    block = text.split("```")[1]
    for name in re.findall(r"\b([a-z]+)/ ", block):
        assert (ROOT / "src" / "variata" / name).is_dir(), name
