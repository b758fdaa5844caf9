"""The command line: `variata VERB ...`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from variata.cli import (
    augment,
    classify,
    cluster,
    compare,
    compress,
    decode,
    decompress,
    denoise,
    detect,
    doctor,
    edit,
    encode,
    evaluate,
    export,
    goodness_of_fit,
    interpolate,
    map,
    probe,
    recipes,
    reconstruct,
    refit_prior,
    sample,
    score,
    sweep,
    train,
    traverse,
)
from variata.cli import data as data_verb
from variata.cli.arguments import repeated, rewritten
from variata.cli.console import fail, warn
from variata.cli.cores import cores_are_idle
from variata.errors import VariataError
from variata.version import __version__

EPILOG = (
    "Start with: variata train digits, then: variata evaluate RUN. Every verb has --help and "
    "--json. Exit codes: 0 done, 2 usage, 3 data, 4 diverged, 5 files, 128 + n stopped by signal n."
)
QUESTIONS = {"-h", "--help", "--version"}
app = typer.Typer(
    help="Variational autoencoders on your own data: train, evaluate, sample, encode, score.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (
    train.train,
    evaluate.evaluate,
    compare.compare,
    sweep.sweep,
    doctor.doctor,
    sample.sample,
    reconstruct.reconstruct,
    denoise.denoise,
    edit.edit,
    interpolate.interpolate,
    traverse.traverse,
    map.map_,
    encode.encode,
    decode.decode,
    score.score,
    goodness_of_fit.goodness_of_fit,
    probe.probe,
    augment.augment,
    export.export,
    detect.detect,
    classify.classify,
    cluster.cluster,
    compress.compress,
    decompress.decompress,
    refit_prior.refit_prior,
    recipes.recipes,
    data_verb.data,
):
    app.command(verb.__name__.rstrip("_").replace("_", "-"))(verb)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"variata {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Variational autoencoders on your own data: train, evaluate, sample, encode, score."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; errors end in one sentence and an exit code, never in a traceback."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    asks = bool(QUESTIONS & set(given)) or not given
    if not asks and not cores_are_idle():  # threads that sleep while they wait suit busy machines
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sys.exit(run(given))


LOST = ("closed by peer", "reset by peer", "nccl", "gloo")  # signs in what torch says


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    command = typer.main.get_command(app)
    try:
        given = repeated(rewritten(arguments, _options_of(command, "train")), "--vary")
        result = command.main(given, "variata", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except typer.Exit as ending:
        return ending.exit_code
    except VariataError as error:
        return fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return fail("Stopped.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except MemoryError:
        return fail("Out of memory: use a smaller --batch-size, fewer rows, or smaller images.", 6)
    except Exception as error:
        message = getattr(error, "format_message", None)
        if message is not None:  # typer's own errors, whose class differs between its versions
            return fail(message(), 2) if message() else 2
        if os.environ.get("VARIATA_DEBUG"):
            raise
        if _of_another(error):
            return fail("Another of the processes has ended: see what it said.", 75)
        warn("This is a fault in variata; VARIATA_DEBUG=1 shows where. Please report it.")
        return fail(f"{type(error).__name__}: {error}", 70)


def _of_another(error: Exception) -> bool:
    """Whether one of several processes lost another, which says itself why it ended."""
    several = int(os.environ.get("WORLD_SIZE") or 1) > 1
    return (
        several and isinstance(error, RuntimeError) and any(s in str(error).lower() for s in LOST)
    )


def _options_of(command: Any, verb: str) -> set[str]:
    parameters = command.commands[verb].params
    names = {name for p in parameters for name in (*p.opts, *p.secondary_opts)}
    return names | {"--help", "-h"}


if __name__ == "__main__":
    main()
