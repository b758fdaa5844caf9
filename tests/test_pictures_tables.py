"""Pictures of tables: which columns are drawn, in which units, and when lines are drawn instead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from variata import fit
from variata.data import infer_schema
from variata.errors import DataError, ShapeError
from variata.pictures import (
    changes,
    column_changes,
    column_histograms,
    column_paths,
    column_scatter,
    number,
    plus_minus,
    tables,
)
from variata.tasks.show import (
    is_table,
    reconstruction_picture,
    sample_picture,
)
from variata.tasks.show_paths import interpolation_picture, interpolation_values

RANDOM = np.random.default_rng(0)
WIDE = RANDOM.normal(size=(40, 30)) * np.logspace(-3, 4, 30)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were drawn."""
    figures: list[Figure] = []

    def keep(figure: Figure) -> bytes:
        figures.append(figure)
        return b""

    for module in (tables, changes):
        monkeypatch.setattr(module, "to_png", keep)
    return figures


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc="left") for axes in figure.axes]


def heights(figure: Figure) -> list[float]:
    patches = figure.axes[0].patches
    return [patch.get_height() for patch in patches if isinstance(patch, Rectangle)]


def over(figure: Figure) -> str:
    return figure.get_suptitle()


def test_at_most_twelve_columns_that_vary_and_the_title_says_so(drawn: list[Figure]) -> None:
    rows = WIDE.copy()
    rows[:, 0] = 5.0
    column_histograms(rows, [f"c{i}" for i in range(30)], title="40 samples")
    assert over(drawn[0]) == "40 samples, 12 of 30 columns"
    assert titles(drawn[0]) == [f"c{i}" for i in range(1, 13)]


def test_every_column_has_a_scale_of_its_own(drawn: list[Figure]) -> None:
    rows = np.column_stack([np.linspace(0, 1, 50), np.linspace(0, 5_000, 50)])
    column_histograms(rows, data=rows)
    column_scatter(rows, rows)
    for figure in drawn:
        small, large = (axes.get_xlim()[1] for axes in figure.axes)
        assert small < 1.2
        assert large > 4_500


def test_bars_are_shares_of_rows_however_many_there_are(drawn: list[Figure]) -> None:
    column_histograms(RANDOM.normal(size=(64, 1)), data=RANDOM.normal(size=(1_000, 1)))
    assert 0.95 < sum(heights(drawn[0])) <= 1.0


def test_whole_numbers_get_a_bar_each(drawn: list[Figure]) -> None:
    column_histograms(np.repeat([[0], [1], [3]], 10, axis=0))
    assert heights(drawn[0]) == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3])


def test_a_few_rows_are_marks(drawn: list[Figure]) -> None:
    column_histograms([[1.0, 2.0], [4.0, 5.0]])
    assert [len(axes.lines) for axes in drawn[0].axes] == [1, 1]
    assert not drawn[0].axes[0].patches


def test_the_identity_is_drawn_through_reconstructions(drawn: list[Figure]) -> None:
    column_scatter(WIDE[:, :2], WIDE[:, :2] * 0.5)
    for axes in drawn[0].axes:
        x, y = axes.lines[0].get_data()
        assert np.array_equal(x, y)
        assert axes.get_xlim() == axes.get_ylim()


def test_paths_show_the_columns_that_change_most_beside_their_scale(drawn: list[Figure]) -> None:
    paths = np.zeros((2, 5, 14))
    paths[0, :, 1:] = np.linspace(0, 1, 5)[:, None]
    paths[1, :, 0] = np.linspace(0, 900, 5)  # much, but little beside its scale
    column_paths(paths, scale=[1e6, *[1.0] * 13], title="2 paths")
    assert over(drawn[0]) == "2 paths, 12 of 14 columns (those that change most)"
    assert "column 0" not in titles(drawn[0])
    assert all(len(axes.lines) == 2 for axes in drawn[0].axes)


def test_changes_are_in_standard_deviations_and_the_largest_come_first(
    drawn: list[Figure],
) -> None:
    moved = np.zeros((2, 3, 8))
    moved[0, :, 2] = [7, 10, 14]
    moved[0, :, 5] = [-300, 0, 200]
    scale = np.ones(8)
    scale[5] = 1_000
    column_changes(moved, [4, 9], [0.5, 2.0], [-3, 0, 3], list("abcdefgh"), scale)
    figure = drawn[0]
    assert titles(figure) == ["z9  2.0 nats", "z4  0.5 nats"]
    second = figure.axes[1]
    assert [label.get_text() for label in second.get_yticklabels()][:2] == ["c", "f"]
    dots = [np.asarray(d.get_xdata())[:2] for d in second.lines if d.get_marker() == "o"]
    np.testing.assert_allclose(dots, [[-3, -0.3], [0, 0], [4, 0.2]])
    assert figure.axes[0].get_xlim() == second.get_xlim()


def test_tables_refuse_what_does_not_fit() -> None:
    with pytest.raises(ShapeError, match="2 column names"):
        column_histograms([[1.0, 2.0]], ["a"])
    with pytest.raises(ShapeError, match="rows"):
        column_histograms([[1.0, 2.0]], data=[[1.0]])
    with pytest.raises(DataError):
        column_scatter([[np.nan]], [[1.0]])
    with pytest.raises(ShapeError):
        column_scatter([[1.0]], [[1.0, 2.0]])
    with pytest.raises(ShapeError):
        column_paths(np.zeros((2, 3)))
    with pytest.raises(ShapeError):
        column_changes(np.zeros((1, 2, 3)), [0], [1.0], [0.0])


def test_lines_are_for_many_unnamed_columns_of_one_scale() -> None:
    series = np.sin(np.linspace(0, 6, 60) + RANDOM.normal(size=(50, 1)))
    numbers = [str(400 + 5 * i) for i in range(60)]
    names = [f"gene{i}" for i in range(60)]
    assert not is_table(infer_schema(series))
    assert not is_table(infer_schema(series, columns=numbers))
    assert is_table(infer_schema(series, columns=names))
    assert is_table(infer_schema(series[:, :24]))
    assert is_table(infer_schema(series * np.logspace(0, 3, 60)))
    assert not is_table(infer_schema(RANDOM.integers(0, 9, (50, 3, 8, 8))))
    assert not is_table(replace(infer_schema(series, columns=names), kind="levels"))


def test_a_table_says_what_it_summarises(drawn: list[Figure], table: np.ndarray) -> None:
    model = fit(table, latent=2, hidden=(8,), epochs=1)
    rows = model.examples(table)
    sample_picture(model, model.sample(64), data=rows)
    reconstruction_picture(model, rows)
    interpolation_picture(model, interpolation_values(model, rows, 3, 5))
    assert [over(figure) for figure in drawn] == [
        "64 samples beside 400 rows of data, 4 columns",
        "400 rows, 4 columns",
        "3 paths, 4 columns",
    ]


def test_figures_of_any_size_are_readable() -> None:
    assert number(0.0) == "0"
    assert number(float("nan")) == "n/a"
    assert number(123456789012.1234) == "1.235e11"
    assert plus_minus(0.000012, 0.0000011) == "1.200e-5 ± 1.1e-6"
    assert plus_minus(7.45, 1.0003) == "7.45 ± 1.00"
    assert plus_minus(5.0, None) == "5.000"
    assert plus_minus(0.0, 0.0) == "0 ± 0"
