"""What the catalogue claims of its objectives is checked: exactly, or in certified balls."""

from __future__ import annotations

from fractions import Fraction

import flint
import pytest
import sympy

from symopt.errors import InputError
from symopt.statement.library import objectives
from symopt.statement.objective import KnownPoint, Objective

EXPECTED = {
    "half_square", "weighted_squares", "elongated_bowl", "saddle", "cubic", "beale", "rosenbrock",
    "himmelblau", "booth", "matyas", "three_hump_camel", "six_hump_camel", "mccormick",
    "styblinski_tang", "rastrigin", "ackley", "goldstein_price",
}  # fmt: skip

#: Independent values: f at a point, computed by hand or taken from the literature.
VALUES = {
    "half_square": [((3,), "9/2")],
    "weighted_squares": [((3, 4), "169/5")],
    "elongated_bowl": [((-7, 2), "129/20")],
    "saddle": [((2, 3), 7)],
    "cubic": [((2, 3), 46)],
    "beale": [((0, 0), "909/64"), ((1, "3/2"), "165/4")],
    "rosenbrock": [(("-6/5", 1), "121/5")],
    "himmelblau": [((0, 0), 170)],
    "booth": [((0, 0), 74)],
    "matyas": [((1, 1), "1/25"), ((1, -1), 1)],
    "three_hump_camel": [((2, 1), "73/15")],
    "six_hump_camel": [((1, 1), "97/30")],
    "mccormick": [((0, 0), 1)],
    "styblinski_tang": [((1, 1), -10)],
    "rastrigin": [((1, 2), 5), (("1/2", 0), "81/4")],
    "ackley": [((1, 1), 20 - 20 * sympy.exp(-sympy.Rational(1, 5)))],
    "goldstein_price": [((0, 0), 600), ((1, 1), 1876)],
}

NAMES = sorted(EXPECTED)
POINTS = [
    pytest.param(name, point, id=f"{name}-{point.kind}-{index}")
    for name in NAMES
    if name != "ackley"  # not differentiable at its minimum; checked on its own
    for index, point in enumerate(objectives[name].known)
]


def ball(expression: sympy.Expr, at: dict[sympy.Symbol, flint.arb]) -> flint.arb:
    """The value in ball arithmetic, with an evaluator of this file's own."""
    if expression.is_Rational:
        return flint.arb(flint.fmpq(int(expression.p), int(expression.q)))
    if expression is sympy.pi:
        return flint.arb.pi()
    if expression is sympy.E:
        return flint.arb(1).exp()
    if expression.is_Symbol:
        return at[expression]
    values = [ball(argument, at) for argument in expression.args]
    if expression.is_Add:
        return sum(values, flint.arb(0))
    if expression.is_Mul:
        product = flint.arb(1)
        for value in values:
            product *= value
        return product
    if expression.is_Pow:
        exponent = expression.args[1]
        if exponent.is_Integer:
            power = flint.arb(1)
            for _ in range(abs(int(exponent))):
                power *= values[0]
            return power if exponent > 0 else 1 / power
        assert exponent == sympy.Rational(1, 2)
        return values[0].sqrt()
    return {sympy.sin: flint.arb.sin, sympy.cos: flint.arb.cos, sympy.exp: flint.arb.exp}[
        expression.func
    ](values[0])


def certified_root(objective: Objective, point: KnownPoint) -> list[flint.arb]:
    """Balls that hold one zero of the gradient, by Krawczyk's operator, near the given decimals."""
    variables = objective.variables
    gradient = sympy.Matrix([sympy.diff(objective.expression, name) for name in variables])
    hessian = gradient.jacobian(variables)
    center = [flint.arb(flint.fmpq(int(c.p), int(c.q))) for c in point.point]

    def matrix(entries: sympy.Matrix, where: list[flint.arb]) -> flint.arb_mat:
        at = dict(zip(variables, where, strict=True))
        return flint.arb_mat(entries.rows, entries.cols, [ball(entry, at) for entry in entries])

    for _ in range(8):
        step = matrix(hessian, center).solve(matrix(gradient, center))
        center = [(c - step[i, 0]).mid() for i, c in enumerate(center)]
    radius = flint.arb(0, flint.arb(10) ** -40)
    box = [c + radius for c in center]
    inverse = matrix(hessian, center).inv()
    identity = flint.arb_mat(
        len(box), len(box), [int(i == j) for i in range(len(box)) for j in range(len(box))]
    )
    spread = flint.arb_mat(len(box), 1, [radius] * len(box))
    newton = inverse * matrix(gradient, center)
    image = (identity - inverse * matrix(hessian, box)) * spread
    for i in range(len(box)):
        assert box[i].contains_interior(center[i] - newton[i, 0] + image[i, 0])
    return box


def rounds_to(value: flint.arb, printed: sympy.Rational, digits: int) -> bool:
    distance = abs(value - flint.arb(flint.fmpq(int(printed.p), int(printed.q))))
    return bool(distance <= flint.arb(flint.fmpq(1, 2 * 10**digits)))


@pytest.fixture(autouse=True)
def _precision():
    before, flint.ctx.prec = flint.ctx.prec, 300
    yield
    flint.ctx.prec = before


def test_the_catalogue_states_every_objective_that_it_should():
    assert set(objectives) >= EXPECTED


@pytest.mark.parametrize("name", NAMES)
def test_every_objective_has_a_source_a_window_a_start_and_known_points(name):
    objective = objectives[name]
    assert objective.source is not None
    assert objective.source.locator
    assert objective.window
    assert objective.start
    assert objective.known


@pytest.mark.parametrize("name", NAMES)
def test_values_agree_with_independent_ones(name):
    objective = objectives[name]
    for point, value in VALUES[name]:
        at = dict(zip(objective.variables, map(sympy.Rational, point), strict=True))
        assert sympy.simplify(objective.expression.subs(at) - sympy.sympify(value)) == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_window_holds_the_start_and_every_known_point(name):
    objective = objectives[name]
    for point in [objective.start, *(known.point for known in objective.known)]:
        for coordinate, (low, high) in zip(point, objective.window, strict=True):
            assert low <= coordinate
            assert coordinate <= high


@pytest.mark.parametrize(("name", "point"), POINTS)
def test_known_points_are_critical_of_the_stated_kind_and_value(name, point):
    objective = objectives[name]
    variables, f = objective.variables, objective.expression
    if point.digits is None:
        at = dict(zip(variables, point.point, strict=True))
        for symbol in variables:
            assert sympy.simplify(sympy.diff(f, symbol).subs(at)) == 0
        assert sympy.simplify(f.subs(at) - point.value) == 0
        where = {symbol: ball(value, {}) for symbol, value in at.items()}
    else:
        box = certified_root(objective, point)
        where = dict(zip(variables, box, strict=True))
        for enclosure, printed in zip(box, point.point, strict=True):
            assert rounds_to(enclosure, printed, point.digits)
        assert rounds_to(ball(f, where), point.value, point.digits)
    hessian = sympy.hessian(f, variables)
    if point.kind == "minimum":
        for size in range(1, len(variables) + 1):
            assert ball(hessian[:size, :size].det(), where) > 0
    else:
        assert point.kind == "saddle"
        assert ball(hessian.det(), where) < 0


def test_ackley_is_zero_at_the_origin_and_rises_in_every_direction():
    ackley = objectives.ackley
    x1, x2 = ackley.variables
    assert ackley.expression.subs({x1: 0, x2: 0}) == 0
    h = sympy.Symbol("h", positive=True)
    for direction in [(1, 0), (0, 1), (1, 1), (-1, 0), (3, -4)]:
        along = ackley.expression.subs({x1: direction[0] * h, x2: direction[1] * h})
        length = sympy.sqrt(direction[0] ** 2 + direction[1] ** 2)
        slope = sympy.limit(along / h, h, 0)
        assert sympy.simplify(slope - 2 * sympy.sqrt(2) * length) == 0


@pytest.mark.parametrize("name", ["rosenbrock", "styblinski_tang", "rastrigin", "ackley"])
def test_family_members_agree_with_the_member_of_two_variables(name):
    two = objectives[name]
    assert two.of_dimension is not None
    expression, variables = two.of_dimension(2)
    assert (expression, tuple(variables)) == (two.expression, two.variables)
    assert objectives.resolve(f"{name}[5]").dimension == 5


@pytest.mark.parametrize("name", ["styblinski_tang", "rastrigin"])
def test_separable_families_split_into_their_coordinates(name):
    one = objectives[name].in_dimension(1)
    three = objectives[name].in_dimension(3)
    parts = [one.expression.subs(one.variables[0], symbol) for symbol in three.variables]
    assert sympy.expand(three.expression - sum(parts)) == 0


def test_ackley_of_equal_coordinates_does_not_depend_on_the_dimension():
    z = sympy.Symbol("z", positive=True)
    members = [objectives.ackley.in_dimension(n) for n in (1, 2, 4)]
    values = {
        sympy.simplify(member.expression.subs(dict.fromkeys(member.variables, z)))
        for member in members
    }
    assert len(values) == 1


def test_rosenbrock_chains_its_two_variable_term():
    two, four = objectives.rosenbrock, objectives.rosenbrock.in_dimension(4)
    chain = sum(
        two.expression.subs(dict(zip(two.variables, pair, strict=True)), simultaneous=True)
        for pair in zip(four.variables, four.variables[1:], strict=False)
    )
    assert sympy.expand(four.expression - chain) == 0
    with pytest.raises(InputError, match="at least 2"):
        objectives.rosenbrock.in_dimension(1)


def test_a_wrong_claim_would_be_caught():
    beale = objectives.beale
    off = KnownPoint(("0.100539", "-2.644514"), "9.864512", "saddle", digits=6)
    box = certified_root(beale, off)
    assert not rounds_to(box[0], off.point[0], 6)
    assert rounds_to(box[0], sympy.Rational("0.100538"), 6)


def test_global_minima_are_below_every_grid_value_of_the_window():
    for name in NAMES:
        objective = objectives[name]
        if name in {"cubic", "saddle"} or objective.dimension != 2:
            continue
        lowest = min(point.value for point in objective.known)
        f = sympy.lambdify(objective.variables, objective.expression, "math")
        (a, b), (c, d) = [[Fraction(str(end)) for end in pair] for pair in objective.window]
        for i in range(41):
            for j in range(41):
                value = f(float(a + (b - a) * i / 40), float(c + (d - c) * j / 40))
                assert value >= float(lowest) - 1e-5, name
