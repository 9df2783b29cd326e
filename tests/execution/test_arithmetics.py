"""Every arithmetic against every other: each rule on the objectives of the source systems.

Nothing here has a tolerance. Exact runs must agree exactly or be enclosed; float results must lie
within the rounding bound of a running error analysis of the very program (``running_error``).
"""

import math
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from flint import arb, fmpq
from running_error import analyze

import symopt
from symopt import Rule, Source
from symopt.derivation.step import step_program
from symopt.execution.arithmetic import array, precision
from symopt.statement.symbols import eta, grad, sign, sqrt, t, where, x

#: The objectives of the source systems: in two variables, one in one variable, and one with
#: transcendental functions.
OBJECTIVES = ("beale", "cubic", "elongated_bowl", "weighted_squares", "saddle", "half_square",
              "ackley")  # fmt: skip
STEPS = 3
#: What NumPy and the C library may round differently; everything else is the same operation of
#: IEEE 754 in both. Integer powers of the decay rates (``beta1**t``) go to the same C function.
LIBRARY = ("exp", "log", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh")


@cache
def run(rule, objective, arithmetic="float64", backend="auto"):
    return symopt.run(rule, objective, None, STEPS, arithmetic, backend=backend)


def program_of(rule, objective):
    the_rule = symopt.rules[rule]
    schedules = {e.symbol: e.default for e in the_rule.parameters if e.is_schedule}
    return step_program(
        the_rule, symopt.objectives[objective], tuple(sorted(schedules.items(), key=str))
    )


@pytest.mark.parametrize("rule", symopt.rules)
def test_python_and_numpy_kernels_agree_to_the_bit(rule):
    for objective in OBJECTIVES:
        if program_of(rule, objective).program.has(*LIBRARY):
            continue
        python, numpy = run(rule, objective), run(rule, objective, backend="numpy")
        for name in ("x", *python.state):
            ours = python.x if name == "x" else python.state[name]
            theirs = numpy.x if name == "x" else numpy.state[name]
            assert np.array_equal(ours.view(np.int64), theirs.view(np.int64)), (objective, name)
        assert np.array_equal(python.values, numpy.values), objective


@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
@pytest.mark.parametrize("rule", symopt.rules)
def test_a_float_step_differs_from_the_exact_one_by_rounding_alone(rule, arithmetic):
    bounded = 0
    for objective in OBJECTIVES:
        trajectory = run(rule, objective, arithmetic)
        bounded += bounded_steps(trajectory, rule, objective)
    assert bounded >= 2 * STEPS * (len(OBJECTIVES) - 1), "most bounds must say something"


def bounded_steps(trajectory, rule, objective, times=1):
    """Each step restarted exactly from the run's own numbers, for the point and all state."""
    assert trajectory.diverged_at is None
    step = program_of(rule, objective)
    hyper = {("hyper", n): trajectory.hyperparameters[n] for n in step.hyper}
    bounded = 0
    for row in range(STEPS):
        before = {slot: _number(trajectory, slot, row) for slot in step.slots}
        given = {**before, **hyper, ("t",): row + 1}
        after = analyze(step.program, given, trajectory.arithmetic)
        for slot, (exact, bound) in after.items():
            got = _number(trajectory, slot, row + 1)
            with precision(300):
                distance = abs(exact - arb(fmpq(got.numerator, got.denominator)))
                assert distance <= times * bound, (objective, row + 1, slot, float(distance), bound)
            bounded += math.isfinite(bound) and slot[0] == "x"
    return bounded


@pytest.mark.frameworks
@pytest.mark.parametrize("arithmetic", ["float64", "float32"])
def test_compiled_functions_of_the_c_library_are_within_their_bound(arithmetic):
    """What NumPy computes by code of its own: balls decide, not NumPy."""
    pytest.importorskip("llvmlite")
    for rule in ("adam", "momentum", "adamax", "ftrl_keras", "lion"):
        compiled = run(rule, "ackley", arithmetic, "llvm")
        assert compiled.backend == "llvm"
        assert bounded_steps(compiled, rule, "ackley") >= STEPS


@pytest.mark.frameworks
@pytest.mark.parametrize("objective", ["beale", "ackley"])
def test_a_fast_step_is_a_few_roundings_away(objective):
    """In another order a sum of few terms may round a few times as badly, and no worse."""
    pytest.importorskip("llvmlite")
    strict = symopt.run("adam", objective, None, STEPS, backend="llvm")
    fast = symopt.run("adam", objective, None, STEPS, fast=True)
    assert fast.fast
    assert not strict.fast
    assert ", fast" in fast.caption
    assert "fast=True" in repr(fast)
    assert bounded_steps(fast, "adam", objective, times=8) >= STEPS
    same = [np.array_equal(fast.state[name], strict.state[name]) for name in strict.state]
    assert not all(same), "it must contract something"


def _number(trajectory, slot, row):
    name, index = slot
    values = trajectory.x if name == "x" else trajectory.state[name]
    return Fraction(float(values[row] if index is None else values[row, index]))


def _is_inside(value, enclosure):
    return enclosure.contains(arb(fmpq(value.numerator, value.denominator)))


@pytest.mark.parametrize("rule", symopt.rules)
def test_rational_runs_lie_inside_ball_runs(rule):
    for objective in OBJECTIVES:
        try:
            exact = run(rule, objective, "rational")
        except symopt.InexactError:
            continue
        balls = run(rule, objective, "ball")
        with precision(2 * balls.precision):
            for name in ("x", *exact.state):
                ours = exact.x if name == "x" else exact.state[name]
                theirs = balls.x if name == "x" else balls.state[name]
                assert all(map(_is_inside, ours.flat, theirs.flat)), (objective, name)
            assert all(map(_is_inside, exact.values, balls.values)), objective
            assert all(map(_is_inside, exact.gradients.flat, balls.gradients.flat)), objective


@pytest.mark.parametrize("rule", symopt.rules)
def test_the_unrolled_program_is_the_run(rule):
    """Exactly in rationals; within the rounding bound as a vectorized NumPy function."""
    for objective in ("beale", "cubic", "half_square"):
        start = symopt.objectives[objective].start
        unrolled = symopt.unroll(rule, objective, STEPS)
        the_rule = symopt.rules[rule]
        given = dict(zip([f"{v}_0" for v in unrolled.variables], map(_fraction, start),
                         strict=True))  # fmt: skip
        given |= {e.name: _fraction(e.default) for e in the_rule.parameters if not e.is_schedule}
        values = [given[symbol.name] for symbol in unrolled.arguments]
        try:
            exact = run(rule, objective, "rational")
        except symopt.InexactError:
            balls = run(rule, objective, "ball")
            points = unrolled.evaluate(*values, arithmetic="ball")
            assert all(p.overlaps(q) for p, q in zip(points[-1], balls.x[-1], strict=True))
        else:
            assert unrolled.evaluate(*values) == [tuple(row) for row in exact.x], objective
        floats = [float(value) for value in values]
        inputs = {s: Fraction(f) for s, f in zip(unrolled.arguments, floats, strict=True)}
        labels = unrolled.labels("x", STEPS)
        found = unrolled.lambdify()(*floats)
        bounds = analyze(unrolled.program, inputs)
        for label, got in zip(labels, found, strict=True):
            value, bound = bounds[label]
            with precision(300):
                assert abs(value - arb(float(got))) <= bound, (objective, label)


def _fraction(value):
    return Fraction(int(value.p), int(value.q))


@pytest.mark.parametrize("rule", symopt.rules)
def test_float32_runs_are_float32_throughout(rule):
    """No literal, root of a literal, or choice between two makes binary64 on the way."""
    for objective in ("beale", "ackley"):
        kernel = symopt.kernel(rule, objective, backend="numpy")
        hyper = [np.float32(symopt.rules[rule].parameter(n).default) for n in kernel.step.hyper]
        rows = []
        with np.errstate(all="ignore"):
            kernel.bind(array(np.float32))(np.float32(1), np.float32(1.5), *hyper, 3, rows.append)
        for row in rows[1:]:
            for name, value in zip(kernel.slots, row, strict=True):
                assert getattr(value, "dtype", None) == np.float32, (objective, name)


def test_float32_roots_of_literals_are_float32():
    own = Rule("Scaled", Source("cauchy1847methode", "p. 537"), {eta: "1/3"}, {},
               [(x, x - eta * sqrt(2) * sign(grad(x)) * where(t > 1, sqrt(3), sqrt(5)))]
               )  # fmt: skip
    found = symopt.run(own, "half_square", (10,), 2, "float32").x[:, 0]
    single = np.float32
    expected = [single(10)]
    for root in (5, 3):
        step = single(1 / 3) * (np.sqrt(single(2)) * np.sqrt(single(root)))
        expected.append(expected[-1] - step)
    assert np.abs(found - expected).max() <= 2 * np.spacing(single(10))
    kernel = symopt.kernel(own, "half_square", backend="numpy")
    rows = []
    kernel.bind(array(np.float32))(single(10), single(1 / 3), 2, rows.append)
    assert all(row[0].dtype == np.float32 for row in rows)


@pytest.mark.parametrize("rule", symopt.rules)
def test_a_batch_is_its_single_runs(rule):
    starts = np.array([[1.0, 1.5], [-0.75, 2.25], [3.0, 0.5], [0.1, -0.2]])
    for objective in ("beale", "cubic"):
        together = symopt.run(rule, objective, starts, STEPS)
        for lane, start in enumerate(starts):
            alone = symopt.run(rule, objective, tuple(start), STEPS)
            assert np.array_equal(together.x[:, lane], alone.x, equal_nan=True), objective
            assert np.array_equal(together.values[:, lane], alone.values, equal_nan=True)
