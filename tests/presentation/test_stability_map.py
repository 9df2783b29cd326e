"""Maps over hyperparameters: their boundaries are exact, and runs on both sides agree."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy
from sympy import Poly

import symopt
from symopt.errors import InputError
from symopt.presentation import plot
from symopt.presentation.plot.stability_map import spectral_radius
from symopt.presentation.plot.stable_set import stable_intervals

LIMITS = {
    "momentum": lambda mu: 2 * (1 + mu),
    "nesterov": lambda mu: 2 * (1 + mu) / (1 + 2 * mu),
    "nesterov_new_velocity": lambda mu: 2 * (1 + mu) / (1 + 2 * mu + 2 * mu**2),
}


@pytest.mark.parametrize("name", LIMITS)
def test_boundary_points_satisfy_the_exact_condition(name):
    found = plot.stability_map(name, curvature=3)
    eta, mu = found.boundary.T
    assert len(eta) >= 97
    assert np.allclose(3 * eta, LIMITS[name](mu), rtol=1e-13)


@pytest.mark.parametrize("name", LIMITS)
def test_the_drawn_line_is_the_boundary(name):
    axes = plot.stability(name)
    points = np.concatenate([line.get_xydata() for line in axes.lines])
    inner = points[(points[:, 0] > 0) & (points[:, 1] < 1)]
    assert len(inner) > 90
    assert np.allclose(inner[:, 0], LIMITS[name](inner[:, 1]), rtol=1e-13)


@pytest.mark.parametrize("name", LIMITS)
def test_exact_fates_change_at_the_boundary(name):
    found = plot.stability_map(name)
    for end, height in found.boundary[10::30]:
        eta, mu = Fraction(float(end)), Fraction(float(height))
        fates = [
            found.stability.fate(eta=eta * factor, mu=mu, curvature=1)
            for factor in (Fraction(999, 1000), Fraction(1001, 1000))
        ]
        assert fates == ["converges", "diverges"]


def test_the_top_of_the_heavy_balls_region_is_a_row_of_its_own():
    (edge,) = [row for row in plot.stability_map("momentum").rows if row.edge]
    assert edge.height == 1
    assert edge.intervals == ((0.0, 4.0),)


def test_every_curvature_must_be_stable():
    both = plot.stability_map("momentum", curvature=("1", "10"))
    assert np.allclose(both.boundary[:, 0], 2 * (1 + both.boundary[:, 1]) / 10, rtol=1e-13)
    assert both.curvatures == (1, 10)


def test_without_a_momentum_the_curvature_is_the_other_axis():
    found = plot.stability_map("gradient_descent")
    assert [symbol.name for symbol in found.over] == ["eta", "lamda"]
    assert np.allclose(found.boundary.prod(axis=1), 2, rtol=1e-13)


def test_a_rule_that_is_not_linear_is_mapped_where_it_is_linearized():
    found = plot.stability_map("adam", epsilon="1/100")
    eta, beta1 = found.boundary.T
    assert np.allclose(eta, 2 * 0.01 * (1 + beta1) / (1 - beta1), rtol=1e-12)
    assert "linearized at its fixed point" in found.caption
    assert "ε = 1/100" in found.caption


def test_intervals_with_a_hole_are_two():
    x = sympy.Symbol("x")
    holed = [Poly((x - 1) * (x - 2), x), Poly(3 - x, x)]
    assert stable_intervals(holed, Fraction(0), Fraction(5)) == ((0.0, 1.0), (2.0, 3.0))


def test_the_rate_is_the_spectral_radius():
    found = plot.stability_map("nesterov", curvature=(1, 4))
    first, second, values = found.rates()
    for row, column in ((30, 40), (120, 100), (200, 10)):
        eta, mu = (Fraction(float(part[row, column])) for part in (first, second))
        exact = max(
            float(found.stability.rate_at(eta=eta, mu=mu, curvature=curvature))
            for curvature in (1, 4)
        )
        assert values[row, column] == pytest.approx(exact, rel=1e-9)


def test_the_rate_is_below_one_exactly_inside():
    found = plot.stability_map("nesterov_new_velocity")
    first, second, values = found.rates()
    inside = first < LIMITS["nesterov_new_velocity"](second)
    away = (np.abs(values - 1) > 1e-9) & (first > 0)
    assert ((values < 1) == inside)[away].all()


def test_the_star_is_the_derived_optimum():
    axes = plot.rate("momentum", curvature=(1, 9))
    (star,) = [line for line in axes.lines if line.get_marker() == "*"]
    # Polyak: eta = 4/(1 + 3)^2, mu = ((3 - 1)/(3 + 1))^2, rate (3 - 1)/(3 + 1).
    assert star.get_xydata().tolist() == [[0.25, 0.25]]
    assert star.get_label() == "optimum, rate 0.5"


def test_an_optimum_at_a_fixed_learning_rate_is_not_that_of_the_map():
    """Nesterov's is derived at eta = 1/L; with eta free the rate on [1, 10] is 1 - 2/sqrt(31)."""
    assert plot.stability_map("nesterov", curvature=(1, 10)).best is None
    axes = plot.rate("nesterov", curvature=(1, 10))
    (star,) = [line for line in axes.lines if line.get_marker() == "*"]
    assert star.get_label().startswith("fastest on the mesh")
    assert float(star.get_label().split()[-1]) == pytest.approx(1 - 2 / 31**0.5, abs=0.01)


def test_roots_of_companions_of_every_degree():
    assert spectral_radius(np.array([-0.5])) == 0.5
    assert spectral_radius(np.array([0.25, -1.0])) == pytest.approx(0.5)
    assert spectral_radius(np.array([-6.0, 11.0, -6.0])) == pytest.approx(3)


def test_the_root_locus_holds_the_roots_and_rings_where_they_cross_the_circle():
    axes = plot.root_locus("momentum", mu="1/2")
    offsets = axes.collections[0].get_offsets()
    values = axes.collections[0].get_array()
    roots = np.array([complex(*point) for point in offsets])
    assert np.allclose(roots**2 - (1.5 - values) * roots + 0.5, 0, atol=1e-9)
    (ring,) = [
        line for line in axes.lines if "circle" in line.get_label() and line.get_marker() == "o"
    ]
    assert ring.get_label() == "η = 3: on the circle"
    assert sorted(ring.get_xdata()) == pytest.approx([-1, -0.5])


def test_what_cannot_be_mapped_is_refused_by_name():
    with pytest.raises(InputError, match="schedule_free_sgd"):
        plot.stability("schedule_free_sgd")
    with pytest.raises(InputError, match="not two hyperparameters of momentum"):
        plot.stability_map("momentum", over=("eta", "beta"))
    with pytest.raises(InputError, match="drawn along an axis"):
        plot.stability_map("momentum", mu="1/2")
    with pytest.raises(InputError, match="one pair of axes"):
        plot.stability("momentum", "gradient_descent")
    with pytest.raises(InputError, match="at least one rule"):
        plot.stability()
    with pytest.raises(InputError, match="has no 'beta'"):
        plot.root_locus("momentum", along="beta")
    with pytest.raises(symopt.UnknownNameError):
        plot.rate("momentun")
    for draw in (plot.stability, plot.rate, plot.root_locus):
        with pytest.raises(InputError, match="positive number"):
            draw("momentum", curvature=0)
    for draw in (plot.stability, plot.rate):
        with pytest.raises(InputError, match="momentum converges nowhere in the window"):
            draw("momentum", window=[(5, 9), (0, 1)])
    with pytest.raises(InputError, match="an interval is empty"):
        plot.stability_map("momentum", window=[(1, 0), (0, 1)])
