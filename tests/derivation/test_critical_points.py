"""Critical points: the known tables, the degenerate cases, and independent counts."""

from __future__ import annotations

import itertools
import pickle
import random
import time

import numpy as np
import pytest
import sympy
from flint import arb
from sympy import Abs, Max, Rational, S, cos, exp, pi, sin, sqrt

import symopt
from symopt import Objective
from symopt.derivation.algebraic import RealAlgebraic, enclosure, proved_sign, real_roots
from symopt.derivation.critical_points import CriticalPoint, CriticalPoints, critical_points
from symopt.errors import InexactError

x, y, z = sympy.symbols("x y z", real=True)
R = Rational

BEALE = (R(3, 2) - x + x * y) ** 2 + (R(9, 4) - x + x * y**2) ** 2 + (R(21, 8) - x + x * y**3) ** 2
CUBIC = x**2 + y**2 + y**3 + x * y
HIMMELBLAU = (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2
SIX_HUMP = (4 - R(21, 10) * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2
THREE_HUMP = 2 * x**2 - R(105, 100) * x**4 + x**6 / 6 + x * y + y**2
STYBLINSKI = (x**4 - 16 * x**2 + 5 * x + y**4 - 16 * y**2 + 5 * y) / 2
BOOTH = (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2
MATYAS = R(26, 100) * (x**2 + y**2) - R(48, 100) * x * y
ROSENBROCK = 100 * (y - x**2) ** 2 + (1 - x) ** 2
GOLDSTEIN = (1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)) * (
    30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
)

#: minima, saddles, maxima
COUNTS = {
    "beale": (BEALE, 1, 2, 0),
    "cubic": (CUBIC, 1, 1, 0),
    "himmelblau": (HIMMELBLAU, 4, 4, 1),
    "six-hump camel": (SIX_HUMP, 6, 7, 2),
    "three-hump camel": (THREE_HUMP, 3, 2, 0),
    "styblinski-tang": (STYBLINSKI, 4, 4, 1),
    "booth": (BOOTH, 1, 0, 0),
    "matyas": (MATYAS, 1, 0, 0),
    "rosenbrock": (ROSENBROCK, 1, 0, 0),
    "goldstein-price": (GOLDSTEIN, 4, 4, 1),
    "saddle": (-(x**2) / 2 + y**2, 0, 1, 0),
    "cap": (3 - x**2 - x * y - y**2, 0, 0, 1),
    "plane": (x + 2 * y, 0, 0, 0),
}


def found(expression: sympy.Expr, variables: tuple[sympy.Symbol, ...] = (x, y)) -> CriticalPoints:
    return critical_points(Objective(expression, variables=variables))


def by_point(points: CriticalPoints) -> dict[tuple[sympy.Expr, ...], CriticalPoint]:
    return {point.point: point for point in points}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_by_kind(name: str) -> None:
    expression, *expected = COUNTS[name]
    start = time.process_time()
    kinds = [point.kind for point in found(expression)]
    assert [kinds.count(kind) for kind in ("minimum", "saddle", "maximum")] == expected
    assert len(kinds) == sum(expected)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("name", COUNTS)
def test_points_values_and_kinds_agree_with_an_independent_evaluation(name: str) -> None:
    expression = COUNTS[name][0]
    first = [sympy.diff(expression, v) for v in (x, y)]
    second = sympy.lambdify((x, y), sympy.hessian(expression, (x, y)))
    for point in found(expression):
        at = dict(zip((x, y), (sympy.N(c, 60) for c in point.point), strict=True))
        for slope in first:  # SymPy's own evaluation of CRootOf, not ours
            assert abs(sympy.N(slope.xreplace(at), 60)) < R(1, 10**45)
        assert abs(sympy.N(expression.xreplace(at) - point.value, 50)) < R(1, 10**40)
        low, high = np.linalg.eigvalsh(np.array(second(*map(float, at.values())), dtype=float))
        assert point.kind == {(1, 1): "minimum", (-1, -1): "maximum"}.get(
            (np.sign(low), np.sign(high)), "saddle"
        )


def test_beale_has_one_minimum_and_two_saddles() -> None:
    points = by_point(found(BEALE))
    assert points[S(3), R(1, 2)] == CriticalPoint((S(3), R(1, 2)), S.Zero, "minimum")
    assert points[S(0), S(1)] == CriticalPoint((S(0), S(1)), R(909, 64), "saddle")
    (other,) = [point for point in points.values() if point.point[0] not in (3, 0)]
    assert other.kind == "saddle"
    second = other.point[1]
    assert isinstance(second, sympy.CRootOf)
    assert second.poly.monic().all_coeffs() == [1, R(11, 3), R(10, 3), R(5, 3)]
    assert other.approximate(7) == ("0.1005379", "-2.644514")
    assert str(sympy.N(other.value, 7)) == "9.864512"


def test_cubic_has_a_minimum_at_the_origin_and_a_saddle() -> None:
    assert found(CUBIC) == (
        CriticalPoint((S(0), S(0)), S.Zero, "minimum"),
        CriticalPoint((R(1, 4), R(-1, 2)), R(1, 16), "saddle"),
    )


def test_himmelblau_minima_are_exactly_zero() -> None:
    minima = [point for point in found(HIMMELBLAU) if point.kind == "minimum"]
    assert [point.value for point in minima] == [0, 0, 0, 0]
    assert (3, 2) in [point.point for point in minima]


def test_goldstein_price_is_rational_throughout() -> None:
    points = by_point(found(GOLDSTEIN))
    assert points[S(0), S(-1)].value == 3
    assert points[R(-3, 5), R(-2, 5)].value == 30
    assert points[R(9, 5), R(1, 5)].value == 84
    assert points[R(6, 5), R(4, 5)].value == 840


def test_three_hump_values_are_surds() -> None:
    values = {point.value for point in found(THREE_HUMP)}
    assert len(values) == 3
    assert all(not value.has(sympy.CRootOf) for value in values)


def test_quadratic_irrationalities_are_surds() -> None:
    points = found(x**3 - 6 * x + x * y + y**2)
    assert {point.kind for point in points} == {"minimum", "saddle"}
    for point in points:
        assert not any(c.has(sympy.CRootOf) for c in (*point.point, point.value))
        gradient = [sympy.diff(x**3 - 6 * x + x * y + y**2, v) for v in (x, y)]
        at = dict(zip((x, y), point.point, strict=True))
        assert [sympy.expand(g.subs(at)) for g in gradient] == [0, 0]


def test_every_known_point_of_the_catalogue_is_found() -> None:
    refused = set()
    for objective in symopt.objectives.values():
        try:
            points = critical_points(objective)
        except InexactError:
            refused.add(objective.name)
            continue
        for known in objective.known:
            close = R(1, 10 ** (known.digits or 40))
            near = [
                point
                for point in points
                if all(
                    abs(sympy.N(a - b, 50)) <= close
                    for a, b in zip(point.point, known.point, strict=True)
                )
            ]
            assert [point.kind for point in near] == [known.kind], (objective.name, known)
            if known.digits is None:
                assert near[0].point == known.point
                assert near[0].value == known.value
    assert refused == {"ackley", "mccormick", "rastrigin"}


# -- degenerate points ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "point"),
    [
        (x**4 + y**4, (S(0), S(0))),
        (x**3 + y**2, (S(0), S(0))),
        ((x**2 + y**2) ** 2, (S(0), S(0))),
        ((x - 1) ** 3 - (y + 2) ** 2, (S(1), S(-2))),
    ],
)
def test_a_zero_determinant_is_proved(expression: sympy.Expr, point: tuple[S, S]) -> None:
    assert [(p.point, p.kind) for p in found(expression)] == [(point, "degenerate")]


def test_degenerate_points_with_irrational_coordinates() -> None:
    points = found((x**3 - 2) ** 2 * (y - 1) ** 2 + (y**3 - 3) ** 4 + x**2 * (x**3 - 2) ** 2)
    assert sorted(point.kind for point in points) == [
        "degenerate", "degenerate", "minimum", "saddle"
    ]  # fmt: skip
    zero = [point for point in points if point.value == 0]
    assert [point.approximate(6) for point in zero] == [("1.25992", "1.44225")]
    assert zero[0].kind == "degenerate"


def test_nearly_degenerate_is_not_degenerate() -> None:
    tiny = R(1, 10**60)
    assert [p.kind for p in found(x**4 + tiny * x**2 + y**2)] == ["minimum"]
    (origin,) = [p for p in found(x**4 - tiny * x**2 + y**2) if p.point == (0, 0)]
    assert origin.kind == "saddle"


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "curve"),
    [
        ((x + y) ** 2, "x + y = 0"),
        ((x**2 + y**2 - 1) ** 2, "x**2 + y**2 - 1 = 0"),
        (x**2 * (y - 1) ** 2 * (x + y), "x = 0"),
        ((x**2 - y**3) ** 2 * (x**2 + 1), "x**2 - y**3 = 0"),
        (x**2, "does not depend on y"),
    ],
)
def test_critical_points_on_a_curve_are_refused(expression: sympy.Expr, curve: str) -> None:
    with pytest.raises(InexactError, match="not isolated") as caught:
        found(expression)
    assert curve in str(caught.value)


def test_a_common_factor_without_real_curve_is_no_obstacle() -> None:
    assert [(p.point, p.kind) for p in found((x**2 + y**2 + 1) ** 2)] == [((0, 0), "minimum")]
    points = found((x**2 + (y - 1) ** 2) ** 2)
    assert [(p.point, p.kind) for p in points] == [((0, 1), "degenerate")]


@pytest.mark.parametrize(
    ("expression", "culprit"),
    [
        (sin(x + y) + (x - y) ** 2 - R(3, 2) * x + R(5, 2) * y + 1, r"sin\(x \+ y\)"),
        (20 + x**2 - 10 * cos(2 * pi * x) + y**2 - 10 * cos(2 * pi * y), "transcendental"),
        (-20 * exp(-sqrt((x**2 + y**2) / 2) / 5) + sympy.E, "exp"),
        (pi * x**2 + y**2, "pi"),
        (Abs(x) + y**2, "Abs"),
        (Max(x, y) ** 2, "Max"),
        (sqrt(1 + x**2 + y**2), "sqrt"),
        ((x + y + 1) ** 100_000, "terms when expanded"),
        (x**500 + y**2, "degree 500"),
    ],
)
def test_what_has_no_exact_solution_is_refused_by_name(
    expression: sympy.Expr, culprit: str
) -> None:
    with pytest.raises(InexactError, match=culprit) as caught:
        found(expression)
    assert "search numerically" in str(caught.value)


# -- other dimensions, rational functions, separable sums -----------------------------------------


def test_one_variable() -> None:
    points = found(x**4 - 2 * x**2, (x,))
    assert [(p.point[0], p.value, p.kind) for p in points] == [
        (-1, -1, "minimum"), (1, -1, "minimum"), (0, 0, "maximum")
    ]  # fmt: skip


def test_quadratics_in_many_variables_are_solved_exactly() -> None:
    variables = sympy.symbols("a:12", real=True)
    generator = random.Random(3)
    matrix = sympy.Matrix(12, 12, lambda i, j: generator.randint(-4, 4))
    vector, shift = sympy.Matrix(variables), sympy.Matrix([R(i, 7) for i in range(12)])
    bowl = matrix.T * matrix + sympy.eye(12)
    expression = sympy.expand(((vector - shift).T * bowl * (vector - shift))[0])
    assert [(p.point, p.value, p.kind) for p in found(expression, variables)] == [
        (tuple(shift), 0, "minimum")
    ]
    (point,) = found(expression - 5000 * variables[3] ** 2, variables)
    assert point.kind == "saddle"


@pytest.mark.parametrize(
    ("signs", "kind"),
    [((1, 1, 1), "minimum"), ((-1, -1, -1), "maximum"), ((1, 1, -1), "saddle"),
     ((1, -1, -1), "saddle")],
)  # fmt: skip
def test_inertia_in_three_variables(signs: tuple[int, ...], kind: str) -> None:
    form = signs[0] * (x + y) ** 2 + signs[1] * (y - 2 * z) ** 2 + signs[2] * (z + x) ** 2
    assert [p.kind for p in found(form, (x, y, z))] == [kind]


def test_rosenbrock_in_more_variables() -> None:
    def chain(*v: sympy.Symbol) -> sympy.Expr:
        return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(v))

    assert [(p.point, p.kind) for p in found(chain(x, y, z), (x, y, z))] == [((1, 1, 1), "minimum")]
    four = sympy.symbols("a:4", real=True)
    points = found(chain(*four), four)
    assert [point.kind for point in points] == ["minimum", "minimum", "saddle"]
    assert points[1].approximate(6) == ("-0.775659", "0.613093", "0.382063", "0.145972")


def test_three_variables_without_elimination_by_hand() -> None:
    points = found((x**2 + y**2 + z**2 - 1) ** 2 + x * y * z + x, (x, y, z))
    assert len(points) == 5
    for point in points:
        at = dict(zip((x, y, z), (sympy.N(c, 40) for c in point.point), strict=True))
        for v in (x, y, z):
            slope = sympy.diff((x**2 + y**2 + z**2 - 1) ** 2 + x * y * z + x, v)
            assert abs(slope.xreplace(at)) < R(1, 10**30)


def test_surfaces_and_planes_of_critical_points_are_refused() -> None:
    with pytest.raises(InexactError, match=r"x\*\*2 \+ y\*\*2 \+ z\*\*2 - 1 = 0"):
        found((x**2 + y**2 + z**2 - 1) ** 2, (x, y, z))
    with pytest.raises(InexactError, match=r"x \+ y \+ z = 0"):
        found((x + y + z) ** 2, (x, y, z))


def test_separable_sums_combine_freely() -> None:
    points = found((x**2 - 2) ** 2 + y**3 - 3 * y + z**2, (x, y, z))
    assert len(points) == 3 * 2
    assert [p.kind for p in points].count("minimum") == 2
    assert [p.kind for p in points].count("maximum") == 0
    assert (sqrt(2), S(1), S(0)) in by_point(points)
    five = sympy.symbols("a:5", real=True)
    assert len(found(sum(v**4 - 16 * v**2 + 5 * v for v in five) / 2, five)) == 3**5


def test_rational_functions() -> None:
    points = found((x - y) / (1 + x**2 + y**2))
    assert [(p.point, p.value, p.kind) for p in points] == [
        ((-sqrt(2) / 2, sqrt(2) / 2), -sqrt(2) / 2, "minimum"),
        ((sqrt(2) / 2, -sqrt(2) / 2), sqrt(2) / 2, "maximum"),
    ]
    points = found(1 / x + x + y**2)
    assert [(p.point, p.kind) for p in points] == [((1, 0), "minimum"), ((-1, 0), "saddle")]
    assert found(1 / x + y**2) == ()  # 1/x**2 has no zero; the pole is not one
    assert [p.kind for p in found(-1 / (1 + x**2 + y**2) ** 3)] == ["minimum"]


# -- independent counts ---------------------------------------------------------------------------


def random_polynomial(generator: random.Random, degree: int) -> sympy.Expr:
    return sympy.Add(
        *(
            generator.randint(-5, 5) * x**i * y**j
            for i in range(degree + 1)
            for j in range(degree + 1 - i)
        )
    ) + x**degree + 2 * y**degree  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_count_agrees_with_a_groebner_basis_and_sturm_sequences(seed: int) -> None:
    generator = random.Random(seed)
    expression = random_polynomial(generator, 3 + seed % 2)
    system = [sympy.diff(expression, v) for v in (x, y)]
    basis = sympy.groebner(system, x, y, order="lex")
    last = sympy.Poly(basis.exprs[-1], y)
    assert sympy.Poly(basis.exprs[0], x).degree() == 1, "each y belongs to one x"
    assert len(found(expression)) == last.count_roots()


def test_morse_count_of_a_coercive_polynomial() -> None:
    """Minima minus saddles plus maxima is 1 for a function that grows in all directions."""
    for seed in range(12):
        expression = random_polynomial(random.Random(100 + seed), 3) + x**4 + x**2 * y**2 + y**4
        kinds = [point.kind for point in found(expression)]
        assert kinds.count("minimum") - kinds.count("saddle") + kinds.count("maximum") == 1
        assert "degenerate" not in kinds


# -- algebraic numbers ----------------------------------------------------------------------------


def test_roots_are_numbered_as_sympy_numbers_them() -> None:
    for coefficients in ([-1, -3, 0, 1], [5, -32, 0, 4], [1, 0, -52, -104, 0, 32], [-7, 0, 3]):
        for root in real_roots(coefficients):
            theirs = sympy.N(root.expression, 40)
            assert abs(theirs - sympy.Float(root.ball(160).mid().str(45, radius=False), 45)) < (
                R(1, 10**35)
            )
            assert enclosure(root.expression, 200).overlaps(root.ball(100))


def test_sign_of_zero_and_of_almost_zero() -> None:
    from flint import fmpz_mpoly_ctx

    context = fmpz_mpoly_ctx.get(("a", "b"), "lex")
    a, b = context.gens()
    two, three = RealAlgebraic((-2, 0, 1), 1), RealAlgebraic((-3, 0, 0, 1), 0)
    assert proved_sign(a**2 - 2, (two, three)) == 0
    assert proved_sign((a**2 - 2) * b + (b**3 - 3) * a, (two, three)) == 0
    assert proved_sign(10**80 * (a**2 - 2) + 1, (two, three)) == 1
    digits = int((arb(2).sqrt() * 10**14).floor().unique_fmpz())
    assert proved_sign(10**14 * a - digits, (two, three)) == 1
    assert proved_sign(10**14 * a - digits - 1, (two, three)) == -1
    assert proved_sign(a * b - 2, (RealAlgebraic((-2, 0, 1), 0), three)) == -1


# -- display --------------------------------------------------------------------------------------


def test_the_table_reads_well() -> None:
    assert str(found(CUBIC)).splitlines() == [
        "kind     x    y     f",
        "minimum  0    0     0",
        "saddle   1/4  -1/2  1/16",
    ]
    assert "-2.644513585" in str(found(BEALE))
    assert str(found(x + y)) == "no real critical points"
    assert str(found(CUBIC)[1]) == "saddle at (1/4, -1/2), f = 1/16"


def test_approximations_are_within_one_unit_of_the_last_digit() -> None:
    for point in found(SIX_HUMP):
        for text, number in zip(point.approximate(12), point.point, strict=True):
            digits = len(text.split(".")[1]) if "." in text else 0
            assert abs(sympy.Rational(text) - sympy.N(number, 40)) <= R(1, 10**digits)


def test_results_survive_pickling() -> None:
    points = found(BEALE)
    again = pickle.loads(pickle.dumps(points))
    assert again == points
    assert again.variables == points.variables


def test_candidates_that_nearly_solve_are_told_apart() -> None:
    from flint import fmpz_mpoly_ctx

    from symopt.derivation.candidates import among

    context = fmpz_mpoly_ctx.get(("a", "b"), "lex")
    a, b = context.gens()
    exact, one = RealAlgebraic((-2, 0, 1), 1), RealAlgebraic((-1, 1))
    near = RealAlgebraic((1 - 2 * 10**60, 0, 10**60), 1)  # off by about 4e-61
    roots = [[near, exact], [one]]
    assert among([a**2 - 2, b - 1], roots, (0, 1)) == [(exact, one)]
    assert among([10**60 * (a**2 - 2) + 1, b - 1], roots, (0, 1)) == [(near, one)]
    double = [(a**2 - 2) ** 3, (b - 1) * (a**2 - 2)]  # singular: proved by the bound for zeros
    assert among(double, roots, (0, 1)) == [(exact, one)]
