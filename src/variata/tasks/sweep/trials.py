"""The trials of a sweep in Optuna's storage: which are left, and what came of the others."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from variata.errors import MissingExtraError
from variata.tasks.comparison.job import LASTING, Outcome
from variata.tasks.sweep.space import Varied, grid

STATUS, WHERE = "status", "where"  # of a trial
BEAT = 60  # seconds between signs of life of a trial that others wait for
Try = Callable[[dict[str, Any]], Outcome]


class FailedError(Exception):
    """A trial that came to nothing."""


def opened(url: str, name: str, seed: int) -> Any:
    """The study of this name, new or as it was left.

    Raises:
        MissingExtraError: Optuna is not installed.
    """
    optuna = _optuna()
    with quiet():
        storage = optuna.storages.RDBStorage(url, heartbeat_interval=BEAT)
        study = optuna.create_study(
            study_name=name,
            storage=storage,
            directions=["minimize", "minimize"],
            load_if_exists=True,
        )
        study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))  # no draw twice
        return study


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, Optuna speaks of errors alone, and not of what it may change some day."""
    optuna = _optuna()
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def run(study: Any, varied: list[Varied], most: int, folder: Path, attempt: Try) -> None:
    """Try what is left of a grid, or of so many trials.

    Trials that were killed are tried again, once; several machines may share a study.
    """
    where = f"{platform.node()}:{folder.resolve()}"
    wanted = grid(varied)
    _give_up(study, where)
    _queue(study, wanted)
    tries = max(0, most - len(_settled(study))) if wanted is None else len(wanted)

    def objective(trial: Any) -> tuple[float, float]:
        trial.set_user_attr(WHERE, where)
        outcome = attempt({one.name: one.suggested(trial) for one in varied})
        trial.set_user_attr(STATUS, outcome.status)
        if not outcome.done:
            raise FailedError(outcome.reason)
        figures = outcome.found["figures"]
        return figures["rate"]["mean"], figures["distortion"]["mean"]

    with quiet():
        for _ in range(tries):
            others = _in_state(study, "RUNNING")  # elsewhere
            if wanted is None and len(_settled(study)) + len(others) >= most:
                break
            if wanted is not None and not _in_state(study, "WAITING"):
                break  # others have taken the rest
            study.optimize(objective, n_trials=1, catch=(FailedError,))


def _queue(study: Any, wanted: list[dict[str, Any]] | None) -> None:
    """Queue what has no result and is not at hand elsewhere."""
    settled = _settled(study)
    taken = [_params(t) for t in (*settled, *_in_state(study, "WAITING", "RUNNING"))]
    again = [t.params for t in _in_state(study, "FAIL") if t not in settled and t.params]
    for params in again if wanted is None else wanted:
        if params not in taken:
            study.enqueue_trial(params)
            taken.append(params)


def _settled(study: Any) -> list[Any]:
    """Trials that would come out the same again."""
    return [t for t in study.trials if t.user_attrs.get(STATUS) in LASTING]


def _params(trial: Any) -> dict[str, Any]:
    return trial.params or trial.system_attrs.get("fixed_params", {})


def _give_up(study: Any, where: str) -> None:
    """Trials at hand in a folder that is ours alone were left by a process that died."""
    for trial in _in_state(study, "RUNNING"):
        if trial.user_attrs.get(WHERE) == where:
            study.tell(trial.number, state=_optuna().trial.TrialState.FAIL)


def _in_state(study: Any, *names: str) -> list[Any]:
    return [trial for trial in study.trials if trial.state.name in names]


def _optuna() -> Any:
    try:
        return import_module("optuna")
    except ImportError as error:
        raise MissingExtraError(
            "sweep needs Optuna; install it with: pip install 'variata[sweep]'"
        ) from error
