"""Arguments of recipes as options: `--beta 4 --hidden 512 512` before typer sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

VERB = "train"
NAMED = re.compile(r"\w+=")
FLAG = re.compile(r"--([a-z][a-z0-9-]*)(?:=(.*))?$", re.DOTALL)


def rewritten(arguments: Sequence[str], known: set[str]) -> list[str]:
    """Turn options that `train` does not know itself into `--set name=value`.

    Several values may follow one option, as in `--hidden 512 256`: those that are numbers.

    Args:
        arguments: of the command line.
        known: the options of `train`, such as "--epochs".

    >>> rewritten(["train", "digits", "--beta", "4", "--epochs", "3"], {"--epochs"})
    ['train', 'digits', '--set', 'beta=4', '--epochs', '3']
    """
    if VERB not in arguments:
        return list(arguments)
    at = list(arguments).index(VERB)
    return [*arguments[: at + 1], *_recipe_options(list(arguments[at + 1 :]), known)]


def repeated(arguments: Sequence[str], flag: str) -> list[str]:
    """Give an option that several words NAME=VALUE may follow to each of them.

    >>> repeated(["sweep", "digits", "--vary", "latent=4,8", "beta=1,4", "--json"], "--vary")
    ['sweep', 'digits', '--vary', 'latent=4,8', '--vary', 'beta=1,4', '--json']
    """
    made: list[str] = []
    for word in arguments:
        more = len(made) > 1 and made[-2] == flag and NAMED.match(word)
        made += [flag, word] if more else [word]
    return made


def _recipe_options(arguments: list[str], known: set[str]) -> Iterator[str]:
    while arguments:
        flag = FLAG.match(arguments[0])
        if flag is None or f"--{flag[1]}" in known:
            yield arguments.pop(0)
            continue
        arguments.pop(0)
        values = [flag[2]] if flag[2] is not None else _values(arguments)
        yield from ("--set", f"{flag[1].replace('-', '_')}={','.join(values)}")


def _values(arguments: list[str]) -> list[str]:
    values: list[str] = []
    while arguments and (not values or _is_number(values[0])):
        if arguments[0].startswith("--") or (values and not _is_number(arguments[0])):
            break
        values.append(arguments.pop(0))
    return values


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d*)?", text) is not None
