"""variata over many rows: the verbs of a model, on the same weights."""

from __future__ import annotations

from bulk_task import DRAWS, IMAGES, ROWS, answer, given

from variata import Model
from variata.tasks.passes import log_likelihood


def main() -> None:
    from bulk_model import of_weights

    images, weights = given()
    model: Model = of_weights(images, weights)
    rows = model.examples(images[:ROWS])
    some = model.examples(images[:IMAGES])
    answer(
        {
            "encode": lambda _: model.encode(rows),
            "sample_means": lambda seed: model.sample(ROWS, seed=seed, mean=True),
            "sample_draws": lambda seed: model.sample(ROWS, seed=seed),
            "bound": lambda seed: float(log_likelihood(model.module, some, DRAWS, seed).mean()),
        }
    )


if __name__ == "__main__":
    main()
