"""A configuration file: names and values that options would give, checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from variata.cli.opening import parsed_shares, parsed_size
from variata.durations import seconds_of
from variata.errors import DataError, UsageError, did_you_mean

DEEPEST = 10
PARSED = {"budget": seconds_of, "size": parsed_size, "split": parsed_shares}


def read_config(path: Path | None) -> dict[str, Any]:
    """The names and values of a YAML file; none for no file.

    Raises:
        UsageError: it cannot be read, is no YAML, or holds a key or value that has no use.
    """
    content = {} if path is None else _loaded(path)
    if content is None or path is None:
        return {}
    if not isinstance(content, dict):
        raise UsageError(f"{path} must hold names and values, such as `recipe: vae`.")
    _refuse_unknown(path, content)
    try:
        return parsed(content)
    except (DataError, UsageError) as error:
        raise UsageError(f"{path}: {error}") from error


def _loaded(path: Path) -> Any:
    import yaml

    try:
        text = path.read_text()
        _refuse_traps(path, yaml.parse(text, yaml.SafeLoader))
        return yaml.safe_load(text)
    except UsageError:
        raise
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())[:200]
        raise UsageError(f"{path} is no YAML that can be read: {why}.") from error


def _refuse_traps(path: Path, events: Iterator[Any]) -> None:
    """Refuse what a small file can make endless, as soon as it is met."""
    import yaml

    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise UsageError(f"{path} repeats a value by `*`: write it out.")
        if depth > DEEPEST:
            raise UsageError(f"{path} is no YAML of names and values: it is nested too deep.")


def _refuse_unknown(path: Path, content: dict[Any, Any]) -> None:
    from variata.recipes import get
    from variata.tasks.source import DataOptions
    from variata.training import Settings

    own = {"data", "init", "recipe", "out", "split", "device", *Settings.__dataclass_fields__}
    own |= {*DataOptions.__dataclass_fields__, *get(content.get("recipe", "vae")).arguments}
    for name in content:
        if name not in own:
            raise UsageError(f"{path} has an unknown key '{name}'.{did_you_mean(str(name), own)}")


def parsed(content: dict[str, Any]) -> dict[str, Any]:
    """Texts such as 30s and 64x48 as what they mean, and the options of the data checked.

    Raises:
        UsageError: a value does not fit.
    """
    from pydantic import TypeAdapter, ValidationError

    from variata.tasks.source import DataOptions

    found = {
        n: PARSED[n](v) if n in PARSED and isinstance(v, str) else v for n, v in content.items()
    }
    for name in ("data", "init", "out", "device"):
        if not isinstance(found.get(name, ""), str):
            raise UsageError(f"{name} must be text, got {found[name]!r:.60}.")
    if "split" in found:
        found["fractions"] = found.pop("split")
    if isinstance(found.get("ignore"), str):
        found["ignore"] = (found["ignore"],)
    if isinstance(found.get("condition"), str):
        found["condition"] = (found["condition"],)
    reading = {name: found[name] for name in DataOptions.__dataclass_fields__ if name in found}
    try:
        checked = TypeAdapter(DataOptions).validate_python(reading)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        called = "split" if name == "fractions" and "split" in content else name
        raise UsageError(
            f"{called}={reading.get(name)!r:.60} does not suit: {first['msg'].lower()}."
        ) from error
    return found | {name: getattr(checked, name) for name in reading}
