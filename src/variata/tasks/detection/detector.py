"""Anomaly detection with PyOD's names, as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from variata.data import Examples
from variata.errors import UsageError
from variata.tasks.collect import Array
from variata.tasks.detection.explain import Explanation, explained
from variata.tasks.detection.judge import Judge
from variata.tasks.detection.members import trained
from variata.tasks.detection.saved import FORMAT, Facts, read, write
from variata.tasks.scikit import seed_of, validated
from variata.tasks.source import DataOptions, opened


class Detector(BaseEstimator):
    """Finds unusual rows by a few small VAEs of the usual ones.

    Four models learn from three quarters of the rows each and are calibrated on the rest, so that
    every row is judged by a model that has not seen it. A score is the mean over models of
    what `variata.tasks.detection.parts` finds: how far a latent is from those of known rows, what
    the reconstruction leaves, and how improbable the row is. Scores are the same at every call, and
    do not depend on the other rows.

    Args:
        contamination: share of the rows to fit to that are to be called anomalies, above 0 and at
            most 0.5.
        latent: number of latent dimensions; None chooses by the data.
        epochs: of every model; None chooses by the number of rows.
        random_state: a number or a numpy RandomState; None draws one.
        device: "auto", "cpu", "cuda", "mps".

    Attributes:
        decision_scores_: of the rows that were fitted to, by the models that have not seen them.
        threshold_: the score above which a row is called an anomaly.
        labels_: 1 for the rows above it, 0 for the others.
        judges_: the models (`variata.tasks.detection.judge`).
        n_features_in_: number of columns, for tables.

    The names are those of PyOD (Zhao et al., 2019, arXiv:1901.01588).

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(60, 3)) * [1, 10, 100]
    >>> detector = Detector(epochs=2).fit(x)
    >>> detector.predict([[0, 0, 0], [9, 90, -900]])
    array([0, 1])

    `save` and `load` keep it in a folder, without pickle.
    """

    def __init__(
        self,
        contamination: float = 0.1,
        latent: int | None = None,
        epochs: int | None = None,
        random_state: Any = 0,
        device: str = "auto",
    ) -> None:
        self.contamination = contamination
        self.latent = latent
        self.epochs = epochs
        self.random_state = random_state
        self.device = device

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what is usual from rows of which most are; y is ignored.

        Args:
            X: a table, images, or whatever `variata.fit` takes.

        Raises:
            UsageError: a contamination that is no share of at most 0.5.
            DataError: (a ValueError) when the data cannot be used.
        """
        self.checked()
        source = opened(validated(self, X, reset=True), DataOptions())
        scores, judges = np.empty(len(source)), []
        asked = {"latent": self.latent, "epochs": self.epochs}
        given = {name: value for name, value in asked.items() if value is not None}
        for judge, held in trained(source, seed_of(self.random_state), self.device, **given):
            judges.append(judge)
            scores[held] = judge.held.numpy()
        return self.settle(judges, scores)

    def checked(self) -> Self:
        """The same, if its contamination is a share of at most 0.5; else a UsageError."""
        if not 0 < self.contamination <= 0.5:
            raise UsageError(
                f"contamination must be above 0 and at most 0.5, got {self.contamination!r}."
            )
        return self

    def settle(self, judges: Sequence[Judge], scores: Array) -> Self:
        """Take models that are calibrated already, and the scores of known rows, (N,)."""
        self.judges_, self.decision_scores_ = list(judges), scores
        self.threshold_ = float(np.quantile(scores, 1 - self.contamination))
        self.labels_ = self._labels(scores)
        return self

    def decision_function(self, X: Any) -> Array:
        """Scores, (N,), higher for less usual rows."""
        examples = self.examples(X)
        return np.mean([judge.score(examples).numpy() for judge in self.judges_], axis=0)

    def predict(self, X: Any) -> Array:
        """1 for anomalies, 0 for the others, (N,)."""
        return self._labels(self.decision_function(X))

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of being usual and of being an anomaly, (N, 2).

        Of the latter, the odds are `contamination` against the share of known rows that score at
        least as high, so that it is a half at the threshold.
        """
        known = np.sort(self._fitted().decision_scores_)
        above = len(known) - np.searchsorted(known, self.decision_function(X), side="left")
        share = (above + 1) / (len(known) + 1)
        anomaly = self.contamination / (self.contamination + share)
        return np.stack([1 - anomaly, anomaly], axis=1)

    def parts(self, X: Any) -> dict[str, Array]:
        """The parts of scores by name, (N,) each, on the scale of the scores."""
        examples = self.examples(X)
        found = [judge.parts(examples) for judge in self.judges_]
        return {name: np.mean([f[name].numpy() for f in found], axis=0) for name in found[0]}

    def explain(self, X: Any) -> Explanation:
        """Which columns or pixels of rows are surprising, given all the others."""
        return explained(self.judges_, self.examples(X))

    def save(self, folder: str | Path) -> None:
        """Write everything into an empty or new folder, from which `Detector.load` takes it.

        Raises:
            StoreError: the folder is in use or cannot be written.
            UsageError: models that were made with modules of your own, or take a condition.
        """
        seed, columns = self._fitted().random_state, getattr(self, "n_features_in_", None)
        names = getattr(self, "feature_names_in_", None)
        facts = Facts(
            format=FORMAT,
            contamination=float(self.contamination),
            latent=self.latent,
            epochs=self.epochs,
            random_state=int(seed) if isinstance(seed, int | np.integer) else None,
            columns=columns,
            names=None if names is None else [str(name) for name in names],
            calibrations=[judge.calibrations for judge in self.judges_],
        )
        write(facts, self.judges_, torch.from_numpy(self.decision_scores_), Path(folder))

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu") -> Detector:
        """A detector that was saved, with the same scores; nothing in the folder is executed.

        Raises:
            StoreError: there is none, or a file is missing, changed, damaged or from a newer
                version.
        """
        facts, judges, scores = read(Path(folder), device)
        made = cls(facts.contamination, facts.latent, facts.epochs, facts.random_state, device)
        names = None if facts.names is None else np.asarray(facts.names, dtype=object)
        known = {"n_features_in_": facts.columns, "feature_names_in_": names}
        vars(made).update({name: value for name, value in known.items() if value is not None})
        return made.settle(judges, scores.numpy())

    def examples(self, X: Any) -> Examples:
        """Rows as the models see them.

        Raises:
            DataError: (a ValueError) when they are not like those fitted to.
        """
        return self._fitted().judges_[0].model.examples(validated(self, X, reset=False))

    def _labels(self, scores: Array) -> Array:
        return (scores > self.threshold_).astype(int)

    def _fitted(self) -> Self:
        check_is_fitted(self, "judges_")
        return self
