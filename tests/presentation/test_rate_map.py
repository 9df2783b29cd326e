"""Maps of learning rates: scores are those of runs, and limits are exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import symopt
from symopt.errors import InputError, UnknownNameError
from symopt.presentation import plot
from symopt.statement.objective import Objective


@pytest.fixture(scope="module")
def bowl():
    """Gradient descent and momentum where the steeper curvature is 2."""
    return plot.rate_map(
        ["gradient_descent", "momentum"], "elongated_bowl", 60, eta="1/100..4:80", mu="1/2"
    )


def test_scores_are_those_of_single_runs(bowl):
    start = np.array([symopt.objectives.elongated_bowl.start], float)
    for rule, scores in zip(bowl.rules, bowl.scores, strict=True):
        for place in (0, 11, 40, 79):
            eta = symopt.spaced("1/100", 4, 80)[place]
            more = {"mu": "1/2"} if rule.name == "momentum" else {}
            alone = symopt.run(rule, "elongated_bowl", start, 60, eta=eta, **more)
            assert scores[place] == alone.values[-1, 0]
    assert bowl.begin == alone.values[0, 0]


def test_the_limits_are_the_exact_ones_and_runs_beyond_them_end_above_their_start(bowl):
    """Curvatures 2 and 1/10: eta < 2/2, and with momentum eta < 2 (1 + mu)/2."""
    assert bowl.stable == (((0.0, 1.0),), ((0.0, 1.5),))
    etas = bowl.values[0]
    for failed, ((_, limit),) in zip(bowl.failed, bowl.stable, strict=True):
        assert failed[etas > limit * 1.1].all()
        assert not failed[etas < limit * 0.98].any()
    assert "converges exactly for 0 < eta < 1.5" in bowl.caption


def test_the_picture_has_lines_limits_and_strips(bowl):
    axes = plot.learning_rates(bowl)
    ends = {line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1}
    assert {1.0, 1.5} <= ends
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    best = [min(scores[np.isfinite(scores)]) for scores in bowl.scores]
    stars = [line for line in axes.lines if line.get_marker() == "*"]
    assert [float(star.get_ydata()[0]) for star in stars] == best
    assert texts[-1] == "diverges, or ends above its start"
    assert "exact limit of stability 1.5" in texts
    strips = [path.get_extents() for one in axes.collections for path in one.get_paths()]
    assert [strip.x1 for strip in strips] == [4, 4]
    assert all(abs(strip.x0 - limit) < 0.1 for strip, limit in zip(strips, (1, 1.5), strict=True))


def test_over_two_hyperparameters_runs_fail_outside_the_exact_region():
    found = plot.rate_map("momentum", "half_square", 400, over=("eta", "mu"), eta="1/10..4:27",
                          mu=["0", "1/4", "1/2", "3/4"])  # fmt: skip
    assert found.scores[0].shape == (27, 4)
    for column, mu in enumerate((0, 0.25, 0.5, 0.75)):
        limit = 2 * (1 + mu)
        etas = found.values[0]
        assert found.failed[0][etas > limit * 1.02, column].all()
        assert not found.failed[0][etas < limit * 0.98, column].any()
    assert found.region is not None
    assert np.allclose(found.region.boundary[:, 0], 2 * (1 + found.region.boundary[:, 1]))
    axes = plot.learning_rates(found)
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert "exact boundary of convergence" in texts
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("η", "μ")
    turned = plot.rate_map("momentum", "half_square", 400, over=("mu", "eta"), eta="1/10..4:27",
                           mu=["0", "1/4", "1/2", "3/4"])  # fmt: skip
    assert np.array_equal(turned.scores[0], found.scores[0].T)


def test_irrational_curvatures_have_a_limit_too():
    """The steepest curvature of x^2 + x y + 2 y^2 is 3 + sqrt 2."""
    tilted = Objective("x**2 + x*y + 2*y**2", "x y", start=("1", "1"), title="Tilted")
    found = plot.rate_map("gradient_descent", tilted, 5, mesh=5)
    ((_, limit),) = found.stable[0]
    assert limit == pytest.approx(2 / (3 + 2**0.5), rel=1e-15)


@pytest.mark.parametrize(
    ("rule", "objective"),
    [
        ("gradient_descent", "beale"),  # no quadratic
        ("gradient_descent", "saddle"),  # a direction without minimum
        ("adam", "half_square"),  # not linear
    ],
)
def test_no_limit_is_drawn_where_none_is_known(rule, objective):
    assert plot.rate_map(rule, objective, 5, mesh=5, starts=None).stable == ((),)


def test_steps_to_a_threshold_and_what_never_reaches_it():
    found = plot.rate_map("gradient_descent", "half_square", 20, show="steps", threshold="1/200",
                          starts=[[1]], eta=["1/100", "1/2", "9/10"])  # fmt: skip
    assert found.scores[0].tolist() == [np.inf, 4, 1]
    assert found.best[0].hyperparameters == {"eta": Fraction(9, 10)}
    texts = [t.get_text() for t in plot.learning_rates(found).get_legend().get_texts()]
    assert texts[-1] == "not reached in 20 steps"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"over": "etaa"}, UnknownNameError, "no hyperparameter 'etaa'"),
        ({"over": ("eta", "eta")}, InputError, "one or two hyperparameters"),
        ({"mu": [0, "1/2"]}, InputError, "mu has several values, but is not an axis"),
        ({"eta": "1/2"}, InputError, "eta is an axis; give at least two values"),
        ({"rules": ["momentum", "adam"], "over": ("eta", "mu")}, InputError, "has one rule"),
    ],
)
def test_what_is_no_map_is_refused(arguments, error, message):
    rules = arguments.pop("rules", "momentum")
    with pytest.raises(error, match=message):
        plot.rate_map(rules, "half_square", 5, **arguments)


def test_a_picture_of_failures_alone_is_refused():
    with pytest.raises(InputError, match="nothing to draw"):
        plot.learning_rates("gradient_descent", "beale", 100, eta=[10, 20])
    with pytest.raises(InputError, match="needs an objective"):
        plot.learning_rates("adam")
