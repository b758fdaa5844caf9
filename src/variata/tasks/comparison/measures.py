"""What is measured: names, units, and which way is better. Tables, answers and pages read this."""

from __future__ import annotations

from dataclasses import dataclass

LOW, HIGH, NEITHER = "low", "high", ""
LIKELIHOODS = ("nll", "bits_per_dim")
SIGNS = {"bound": "≤ ", "estimated": "≈ "}  # before a likelihood that is not exact
WORDS = {"bound": ", at most", "estimated": ", estimated"}  # after it
ONE_SEED = (
    "There is one seed: errors are over rows, where there are any, and differences between "
    "recipes may be chance."
)


@dataclass(frozen=True)
class Measure:
    """One column of a table.

    Attributes:
        name: of the figure, in JSON.
        title: over the column, with the unit.
        better: "low", "high", or neither.
        meaning: one sentence.
    """

    name: str
    title: str
    better: str
    meaning: str


GROUPS: dict[str, tuple[Measure, ...]] = {
    "Likelihood and samples": (
        Measure("nll", "NLL, nats", LOW, "-log p(x) of test rows, in own units."),
        Measure("bits_per_dim", "bits/dim", LOW, "The same for each value of a row, in bits."),
        Measure("frechet", "Frechet", LOW, "Frechet distance of samples to test rows."),
        Measure("precision", "precision", HIGH, "Samples inside the data's neighbourhoods."),
        Measure("recall", "recall", HIGH, "Test rows inside the samples' neighbourhoods."),
        Measure("density", "density", HIGH, "Neighbourhoods of data that a sample is in, over k."),
        Measure("coverage", "coverage", HIGH, "The data's neighbourhoods that hold a sample."),
        Measure(
            "told_apart", "told apart", LOW,
            "AUC of a classifier that tells samples from data; 1/2 is ideal.",
        ),
    ),
    "Variety, latents and tasks": (
        Measure("classes_covered", "classes", HIGH, "Classes of the data that samples show."),
        Measure("class_distance", "class shares", LOW, "How far their shares are from the data's."),
        Measure(
            "nearer_to_training_rows", "near training", NEITHER,
            "Samples nearer to some training rows than to as many test rows; 1/2 where none is "
            "remembered.",
        ),
        Measure(
            "closer_than_test_rows", "too close", NEITHER,
            "Pairs of a sample and a test row in which the sample is closer to its nearest "
            "training row: near 1 for copies, and below 1/2 for samples off the data.",
        ),
        Measure("reconstruction", "reconstruction", LOW, "RMS error, own units."),
        Measure("probe", "probe", HIGH, "Accuracy of a linear classifier on latents."),
        Measure(
            "detection", "detection", HIGH,
            "Area under the ROC curve of test rows against chimeras, by -log p(x).",
        ),
        Measure(
            "detection_by_error", "by error", HIGH,
            "The same by the squared error of reconstructions.",
        ),
        Measure("bits_in_file", "file, bits/dim", LOW, "What `compress` writes for test rows."),
    ),
    "Costs": (
        Measure("seconds", "training, s", NEITHER, "Seconds that training took."),
        Measure("seconds_per_epoch", "s/epoch", LOW, "Seconds for a pass over the data."),
        Measure("seconds_to_final", "s to 2 %", LOW, "Until a validation within 2 % of the best."),
        Measure("ms_per_sample", "ms/sample", LOW, "Milliseconds for a sample, all at once."),
        Measure("memory", "memory, MB", LOW, "The most that training took."),
        Measure("parameters", "parameters", NEITHER, "Numbers that training moves."),
        Measure("restarts", "restarts", LOW, "Returns to the best weights after divergence."),
    ),
}  # fmt: skip
MEASURES = {measure.name: measure for group in GROUPS.values() for measure in group}
