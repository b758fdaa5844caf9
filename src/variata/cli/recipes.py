"""`variata recipes`."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from variata.cli.console import emit_json, emit_table
from variata.cli.opening import JsonOption


def recipes(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One recipe.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the recipes, or print the page of one: what it is, its arguments and its paper."""
    from variata.recipes import get, names

    if name is None:
        rows = [(known, summary(get(known))) for known in names()]
        emit_json([{"name": n, "summary": s} for n, s in rows]) if as_json else emit_table(rows)
        return
    recipe = get(name)
    text, arguments = inspect.getdoc(recipe.function) or "", _arguments(recipe)
    if as_json:
        emit_json({"name": name, "page": text, "arguments": arguments})
        return
    print(f"{name}\n\n{text}\n\nAll arguments, with their defaults:")
    emit_table([(f"  --{a['name'].replace('_', '-')}", str(a["default"])) for a in arguments])


def summary(recipe: Any) -> str:
    """The first line of a recipe's page."""
    return (inspect.getdoc(recipe.function) or "").splitlines()[0]


def _arguments(recipe: Any) -> list[dict[str, Any]]:
    from variata.recipes.catalogue import OWN_MODULES

    hidden = {"shape", "levels", "floor", *OWN_MODULES}
    return [
        {"name": name, "default": "chosen by the data" if p.default is None else p.default}
        for name, p in recipe.arguments.items()
        if name not in hidden
    ]
