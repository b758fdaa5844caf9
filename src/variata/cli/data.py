"""`variata data`."""

from __future__ import annotations

from typing import Annotated

import typer

from variata.cli.console import emit_json, emit_table
from variata.cli.opening import JsonOption


def data(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One data set.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the data sets of the catalogue, or print what is known of one."""
    from dataclasses import asdict

    from variata.data import catalog

    if name is None:
        entries = [catalog.entry(known) for known in catalog.names()]
        if as_json:
            emit_json([{"name": e.name, "title": e.title} for e in entries])
        else:
            emit_table([(e.name, e.title) for e in entries])
        return
    entry = asdict(catalog.entry(name))
    shown = {
        key: value for key, value in entry.items() if isinstance(value, str | int | bool | tuple)
    }
    emit_json(shown) if as_json else emit_table([(k, v) for k, v in shown.items() if v])
