"""Distances, rounding errors and phase portraits hold what the runs and exact arithmetic say."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import symopt
from symopt.errors import InputError
from symopt.execution.run import run
from symopt.presentation import plot
from symopt.presentation.plot.distances import distances, minima
from symopt.statement.library import objectives
from symopt.statement.objective import Objective


def test_the_distance_is_that_of_the_exact_minimum():
    made = run("gradient_descent", "elongated_bowl", ("-7", "2"), 25, eta="0.5")
    (line,) = plot.distance(made).lines
    assert np.allclose(line.get_ydata(), np.hypot(*made.x.T), rtol=1e-14)
    assert list(line.get_xdata()) == list(range(26))
    assert line.get_label() == "Gradient descent, to (0, 0)"


def test_a_distance_below_the_resolution_of_the_coordinates_is_no_noise():
    """Exact runs near (3, 1/2) come nearer than binary64 can say there: 2^-90."""
    made = run("gradient_descent", Objective("(x - 3)**2/2", "x"), ["4"], 90, "rational", eta="1/2")
    ((lane, _),) = distances(made)
    assert np.array_equal(lane, 0.5 ** np.arange(91))


def test_each_run_is_measured_from_the_minimum_where_it_ends():
    runs = [
        run("gradient_descent", "himmelblau", start, 200, eta="1/100")
        for start in (["3", "3"], ["-3", "3"])
    ]
    texts = [line.get_label() for line in plot.distance(runs).lines]
    assert [text.split("to ")[1] for text in texts] == ["(3, 2)", "(-2.80512, 3.13131)"]
    assert all(line.get_ydata()[-1] < 1e-10 for line in plot.distance(runs).lines)


def test_a_run_that_arrives_exactly_says_so_and_other_points_can_be_given():
    made = run("gradient_descent", "half_square", ["1"], 3, eta="1")
    assert "exactly there at step 1" in plot.distance(made).lines[0].get_label()
    (line,) = plot.distance(made, to=["1/2"]).lines
    assert line.get_ydata().tolist() == [0.5, 0.5, 0.5, 0.5]
    with pytest.raises(InputError, match="to= has 2 numbers"):
        plot.distance(made, to=[1, 2])


def test_a_diverging_run_leaves_the_picture_of_distances():
    made = run("gradient_descent", "cubic", steps=5, eta="1e300")
    (line,) = plot.distance(made).lines
    assert line.get_ydata()[0] == np.hypot(2, 3)
    assert np.isnan(line.get_ydata()[1:]).all()
    assert f"diverges at step {made.diverged_at}" in line.get_label()


def test_minima_that_literature_rounds_are_not_taken_for_exact():
    assert minima(objectives.ackley)[0] == (0, 0)
    with pytest.raises(InputError, match="give a point with to="):
        plot.distance(run("adam", "saddle", steps=3))


def test_the_error_is_the_worst_coordinate_of_the_comparison_with_the_exact_run():
    made = run("momentum", "beale", steps=40, eta="1/1000")
    measured = symopt.accuracy(made, one_step=False)
    (line,) = plot.error(made).lines
    assert np.array_equal(line.get_ydata(), measured.ulp.max(axis=1))
    assert np.array_equal(plot.error(measured).lines[0].get_ydata(), line.get_ydata())
    assert line.get_ydata().max() > 1
    zeros = int((measured.ulp.max(axis=1) == 0).sum())
    assert line.get_label() == f"Momentum (exact after {zeros} of 41)"


def test_exact_runs_have_no_error_to_draw():
    with pytest.raises(InputError, match="exact already"):
        plot.error(run("momentum", "beale", steps=2, arithmetic="rational"))
    with pytest.raises(InputError, match="at least one"):
        plot.error()


def test_a_phase_portrait_is_the_run_against_its_steps_or_its_velocity():
    made = run("momentum", "half_square", ["1"], 30, eta="1/10")
    line = plot.phase(made).lines[0]
    assert np.array_equal(line.get_xdata(), made.x[:-1, 0])
    assert np.array_equal(line.get_ydata(), np.diff(made.x[:, 0]))
    line = plot.phase(made, against="v").lines[0]
    assert np.array_equal(line.get_xdata(), made.x[:, 0])
    assert np.array_equal(line.get_ydata(), made.state["v"][:, 0])


def test_a_phase_portrait_of_a_batch_has_a_line_for_each_start():
    made = run("momentum", "half_square", np.array([[1.0], [-2.0], [0.5]]), 12)
    lines = [line for line in plot.phase(made).lines if len(line.get_xdata()) == 12]
    assert [line.get_xdata()[0] for line in lines] == [1.0, -2.0, 0.5]


def test_a_diverging_phase_portrait_is_cut():
    made = run("gradient_descent", "half_square", ["1"], 2000, eta="4")
    assert made.diverged_at is not None
    line = plot.phase(made).lines[0]
    assert np.abs(line.get_xdata()).max() < 1e5
    assert f"diverges at step {made.diverged_at}" in line.get_label()


def test_what_has_no_phase_portrait_is_refused():
    with pytest.raises(InputError, match="one variable"):
        plot.phase(run("adam", "beale", steps=2))
    with pytest.raises(InputError, match="no state 'w'"):
        plot.phase(run("momentum", "half_square", steps=2), against="w")
    with pytest.raises(InputError, match="record='all'"):
        plot.phase(run("momentum", "half_square", steps=4, record=2))


def test_distances_of_a_batch_are_those_of_its_lanes():
    starts = [[1.0, 2.0], [-3.0, 0.5]]
    made = run("momentum", "elongated_bowl", np.array(starts), 9)
    for (lane, _), start in zip(distances(made), starts, strict=True):
        alone = run("momentum", "elongated_bowl", [Fraction(value) for value in start], 9)
        assert np.array_equal(lane, distances(alone)[0][0])
