"""variata over many rows: the verbs of a model, on the same weights."""

from __future__ import annotations

from bulk_task import DRAWS, IMAGES, ROWS, Task, answer, given

from variata import Model
from variata.data import Examples
from variata.tasks.passes import log_likelihood


def main() -> None:
    from bulk_model import of_weights

    images, weights = given()
    model: Model = of_weights(images, weights)
    rows = model.examples(images[:ROWS])
    some = model.examples(images[:IMAGES])
    answer({**tasks(model, rows, some), **tasks(model, rows, some, "bf16", "_bf16")})


def tasks(
    model: Model, rows: Examples, some: Examples, precision: str = "fp32", name: str = ""
) -> dict[str, Task]:
    """Every task in one precision, the default one or another."""

    def bound(seed: int) -> float:
        return float(log_likelihood(model.module, some, DRAWS, seed, precision).mean())

    return {
        f"encode{name}": lambda _: model.encode(rows, precision=precision),
        f"sample_means{name}": lambda seed: model.sample(
            ROWS, seed=seed, mean=True, precision=precision
        ),
        f"sample_draws{name}": lambda seed: model.sample(ROWS, seed=seed, precision=precision),
        f"bound{name}": bound,
    }


if __name__ == "__main__":
    main()
