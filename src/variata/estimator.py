"""The scikit-learn face of variata."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from variata import recipes
from variata.errors import UsageError, did_you_mean
from variata.store import Saved
from variata.tasks.model import SCORE_DRAWS, Array, Model, load
from variata.tasks.scikit import in_double_precision, seed_of, validated
from variata.tasks.source import DataOptions
from variata.tasks.train import fit
from variata.training import Settings

NAMED = ("recipe", "latent", "epochs", "batch_size", "random_state", "device")


class VAE(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A variational autoencoder (or any other recipe) as a scikit-learn estimator.

    Works in `clone`, `Pipeline` and `GridSearchCV`, over the arguments of recipes too:
    `GridSearchCV(VAE(recipe="beta_vae"), {"beta": [1, 4]})`.

    Args:
        recipe: name of a recipe.
        latent: number of latent dimensions; None chooses by the data.
        epochs: passes over the data; None chooses by its size.
        batch_size: examples for each step; None chooses by the size of the data.
        random_state: a number or a numpy RandomState; None draws one.
        device: "auto", "cpu", "cuda", "mps".
        recipe_arguments: any other argument of the recipe, of the settings of training, or of the
            reading of data, by name, such as `beta=4.0`, `hidden=(128,)`, `likelihood="poisson"`.

    Attributes:
        model_: the trained `variata.Model`, with verbs beyond those here.
        n_features_in_: number of columns, for tables.
        n_iter_: epochs that were trained.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 4))
    >>> VAE(latent=2, hidden=(8,), epochs=2, random_state=0).fit_transform(x).shape
    (100, 2)
    """

    def __init__(
        self,
        recipe: str = "vae",
        latent: int | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        random_state: Any = None,
        device: str = "auto",
        **recipe_arguments: Any,
    ) -> None:
        self.recipe = recipe
        self.latent = latent
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state
        self.device = device
        self._recipe_arguments = recipe_arguments

    @classmethod
    def _get_param_names(cls) -> list[str]:
        return list(NAMED)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All arguments by name, those of the recipe too."""
        return {name: getattr(self, name) for name in NAMED} | self._recipe_arguments

    def set_params(self, **params: Any) -> Self:
        """Set arguments; those of the recipe may be new ones."""
        for name, value in params.items():
            if name in NAMED:
                setattr(self, name, value)
            else:
                self._recipe_arguments = self._recipe_arguments | {name: value}
        return self

    def __getattr__(self, name: str) -> Any:
        arguments = self.__dict__.get("_recipe_arguments", {})
        if name in arguments:
            return arguments[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on rows, images or whatever `variata.fit` takes.

        y is ignored, but for recipes that learn from labels (m2): -1 or "" is unknown there.

        Raises:
            UsageError: for an unknown argument or recipe.
            DataError: (a ValueError) when the data cannot be used.
        """
        _refuse_unknown(self._recipe_arguments)
        data = self._validated(X, reset=True)
        arguments = self.get_params()
        for name in ("recipe", "random_state", "device"):
            arguments.pop(name)
        optional = ("latent", "epochs", "batch_size")
        given = {k: v for k, v in arguments.items() if k not in optional or v is not None}
        if y is not None and "classes" in recipes.get(self.recipe).own:
            given["label"] = np.asarray(y)
        seed = seed_of(self.random_state)
        self.model_ = fit(data, self.recipe, device=self.device, seed=seed, **given)
        self.n_iter_ = max(1, round(self.model_.saved.about["training"]["epochs"]))
        self._exact_ = in_double_precision(self.model_)
        return self

    def transform(self, X: Any) -> Array:
        """Posterior means, (N, latent)."""
        return self._exact().encode(self._validated(X)).astype(np.float64)

    def inverse_transform(self, Z: Any) -> Array:
        """Means of p(x | z) in the data's own units."""
        return self._exact().decode(Z)

    def reconstruct(self, X: Any) -> Array:
        """Means of p(x | z) at the posterior means, in the data's own units."""
        return self._exact().reconstruct(self._validated(X))

    def sample(self, n_samples: int = 1, random_state: Any = None, mean: bool = False) -> Array:
        """New examples in the data's own units."""
        seed = 0 if random_state is None else seed_of(random_state)
        return self._fitted().sample(n_samples, seed=seed, mean=mean)

    def score_samples(self, X: Any, k: int = SCORE_DRAWS) -> Array:
        """A lower bound of log p(x) of every row, (N,), in nats; higher is more usual."""
        return self._exact().score(self._validated(X), k=k)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`, in nats per row."""
        return float(self.score_samples(X).mean())

    def save(self, folder: str | Path) -> None:
        """Save into a new folder."""
        from dataclasses import replace

        saved: Saved = self._fitted().saved
        parameters = {k: v for k, v in self.get_params().items() if _plain(v)}
        about = saved.about | {"estimator": parameters}
        Model(replace(saved, about=about)).save(folder)

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu") -> VAE:
        """Load what `save`, `variata.fit` or `variata train` saved."""
        model = load(folder, device)
        parameters = model.saved.about.get("estimator", {"recipe": model.recipe})
        made = cls().set_params(
            **{k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()}
        )
        made.model_, made._exact_ = model, in_double_precision(model)
        if model.schema.layout == "vector":
            setattr(made, "n_features_in_", model.schema.shape[0])  # noqa: B010
        if model.schema.columns is not None:
            names = np.asarray(model.schema.columns, dtype=object)
            setattr(made, "feature_names_in_", names)  # noqa: B010
        epochs = model.saved.about.get("training", {}).get("epochs", 1)
        made.n_iter_ = max(1, round(epochs))
        return made

    @property
    def _n_features_out(self) -> int:
        return self._fitted().latent

    def _fitted(self) -> Model:
        check_is_fitted(self, "model_")
        return self.model_

    def _exact(self) -> Model:
        check_is_fitted(self, "model_")
        return self._exact_

    def _validated(self, X: Any, reset: bool = False) -> Any:
        if not reset:
            check_is_fitted(self, "model_")
        return validated(self, X, reset)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = False
        return tags


def _all_arguments() -> set[str]:
    own = {name for known in recipes.names() for name in recipes.get(known).arguments}
    return own | {*Settings.__dataclass_fields__, *DataOptions.__dataclass_fields__}


def _refuse_unknown(names: Iterable[str]) -> None:
    known = _all_arguments()
    for name in names:
        if name not in known:
            raise UsageError(
                f"VAE takes no '{name}'.{did_you_mean(name, known)} "
                "`variata recipes NAME` lists the arguments of a recipe."
            )


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str | tuple | list)


__all__ = ["VAE"]
