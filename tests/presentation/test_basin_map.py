"""Basins: what the batch says of a start is what a run from that start alone does."""

from __future__ import annotations

import math

import numpy as np
import pytest

from symopt.errors import InputError
from symopt.execution.run import run
from symopt.presentation import plot
from symopt.presentation.plot.basin_map import ESCAPED, UNDECIDED
from symopt.statement.objective import Objective


@pytest.fixture(scope="module")
def himmelblau():
    return plot.basin_map("gradient_descent", "himmelblau", 300, mesh=21, eta="1/100")


def test_basins_agree_with_individual_runs(himmelblau):
    for row, column in ((0, 0), (3, 17), (10, 10), (20, 20), (18, 2)):
        start = himmelblau.starts[row, column]
        alone = run("gradient_descent", "himmelblau", start, 300, eta="1/100").x[-1]
        away = [math.dist(alone, point) for point in himmelblau.points]
        assert min(away) < 0.01
        assert himmelblau.reached[row, column] == int(np.argmin(away))


def test_the_four_minima_share_the_window_and_a_start_at_a_minimum_reaches_it(himmelblau):
    kinds = {himmelblau.kinds[number] for number in np.unique(himmelblau.reached)}
    assert kinds == {"minimum"}
    assert len(np.unique(himmelblau.reached)) == 4
    (own,) = [i for i, p in enumerate(himmelblau.points) if p.tolist() == [3, 2]]
    row, column = np.argwhere((himmelblau.starts == [3, 2]).all(axis=-1))[0]
    assert himmelblau.reached[row, column] == own


def test_the_cubic_lets_runs_escape():
    found = plot.basin_map("momentum", "cubic", 600, mesh=13, eta="1/20")
    at = {tuple(start): number for start, number in zip(
        found.starts.reshape(-1, 2).tolist(), found.reached.ravel(), strict=True
    )}  # fmt: skip
    assert at[0, 0] == found.kinds.index("minimum")
    assert at[2, -3] == ESCAPED
    assert run("momentum", "cubic", ["2", "-3"], 600, eta="1/20").diverged_at is not None
    assert "escaped" in found.caption


def test_too_few_steps_leave_starts_undecided_and_the_legend_says_so():
    found = plot.basin_map("gradient_descent", "elongated_bowl", 1, mesh=5, eta="1/100")
    assert (found.reached == UNDECIDED).sum() == 24
    texts = [text.get_text() for text in plot.basins(found).get_legend().get_texts()]
    assert texts == [
        "1: minimum (0, 0), 4.0% of the starts",
        "at no critical point after 1 steps, 96.0% of the starts",
    ]
    assert found.caption.endswith("try more steps, or other hyperparameters.")


def test_runs_that_are_nowhere_yet_are_made_longer_and_the_others_are_not():
    few = plot.basin_map("gradient_descent", "elongated_bowl", 40, mesh=9, eta="1/4")
    more = plot.basin_map("gradient_descent", "elongated_bowl", 40, mesh=9, eta="1/4", at_most=300)
    settled = few.reached != UNDECIDED
    assert 0 < settled.sum() < settled.size
    assert np.array_equal(more.ends[settled], few.ends[settled])
    assert (more.reached == 0).all()
    assert more.steps == 300
    assert "40 to 300 steps" in more.caption
    assert "more steps" not in more.caption
    row, column = np.argwhere(~settled)[0]
    alone = run("gradient_descent", "elongated_bowl", more.starts[row, column], 300, eta="1/4")
    ends = [alone.x[count].tolist() for count in (80, 160, 300)]
    assert more.ends[row, column].tolist() in ends


def test_what_only_passes_a_saddle_ends_elsewhere():
    """From x = 0 the saddle at 0 is reached for ever; from beside it, it is left again."""
    well = Objective("x**4/4 - x**2/2 + y**2", "x y", title="Well")
    window = [(-0.06, 0.06), (-0.05, 0.05)]
    few, more = (
        plot.basin_map(
            "gradient_descent", well, 5, mesh=3, eta="1/10", window=window, within=0.1, at_most=most
        )
        for most in (None, 500)
    )
    saddle = few.kinds.index("saddle")
    assert (few.reached == saddle).all()
    assert (more.reached[:, 1] == saddle).all()
    ends = more.reached[:, ::2]
    assert (ends >= 0).all()
    assert {more.kinds[number] for number in ends.flat} == {"minimum"}
    assert (ends[:, 0] != ends[:, 1]).all()


def test_critical_points_that_are_not_algebraic_are_those_of_the_literature():
    found = plot.basin_map("gradient_descent", "ackley", 50, mesh=4)
    assert "literature" in found.caption
    assert found.points.tolist() == [[0, 0]]


def test_what_has_no_basins_is_refused():
    with pytest.raises(InputError, match="two variables"):
        plot.basins("adam", "half_square")
    with pytest.raises(InputError, match="no critical point"):
        plot.basins("adam", Objective("x + y", "x y"))
    with pytest.raises(InputError, match="mesh"):
        plot.basins("adam", "beale", mesh=1)
    with pytest.raises(InputError, match="within"):
        plot.basins("adam", "beale", within=0)
    with pytest.raises(InputError, match="needs an objective"):
        plot.basins("adam")
