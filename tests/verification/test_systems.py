"""The source systems: reference numbers of the notes, held here independently."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy

from symopt.errors import StatementError, UndecidedError, UnknownNameError
from symopt.statement.library import objectives, rules
from symopt.statement.symbols import eta, g
from symopt.statement.system import (
    ExactValue,
    FirstDifference,
    Printed,
    SameTrajectory,
    System,
    SystemRun,
)
from symopt.verification.digits import bounds, decimal, within
from symopt.verification.systems import (
    AGREES,
    DIFFERS,
    UNRECORDED,
    Reproduction,
    reproduce,
    systems,
)

NAMES = ["N1", "N2", "N3a", "N3b", "N3c", "N3d", "N4", "N5"]


@pytest.fixture(scope="module")
def done() -> dict[str, Reproduction]:
    return {name: reproduce(name) for name in NAMES}


def rows(result: Reproduction, run: str, step: int) -> list[str]:
    return [row.exact for row in result.rows if row.run == run and row.step == step]


def end(result: Reproduction, label: str) -> tuple[float, ...]:
    (found,) = [entry for entry in result.ends if entry.run.label == label]
    return tuple(map(float, found.exact))


def test_the_systems_are_found_and_a_wrong_name_gets_a_hint():
    assert list(systems) == NAMES
    with pytest.raises(UnknownNameError, match="N3c"):
        systems["N3e"]


@pytest.mark.parametrize("name", NAMES)
def test_every_run_names_a_stated_rule_objective_and_hyperparameters(name):
    for run in systems[name].runs:
        rules[run.rule].bind(run.hyperparameters)
        named = isinstance(run.target, str)
        target = objectives[run.target] if named else run.target
        assert target.dimension == len(run.x0)


@pytest.mark.parametrize("name", NAMES)
def test_every_fit_names_a_stated_rule_model_and_hyperparameters(name):
    for fit in systems[name].fits:
        rules[fit.rule].bind(fit.hyperparameters)
        assert set(fit.on.start()) == {leaf.name for leaf in fit.on.objective.parameters}


# N2


def by_hand(X, y, parts):
    """Loss and gradient of the network, written out again in NumPy."""
    (W1, b1), (W2, b2), (W3, b3) = parts
    z1 = X @ W1 + b1
    a1 = np.maximum(z1, 0)
    a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
    p = np.exp(a2 @ W3 + b3)
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean()
    d3 = (p - np.eye(3)[y]) / len(y)
    d2 = d3 @ W3.T * a2 * (1 - a2)
    d1 = d2 @ W2.T * (z1 > 0)
    return loss, [(X.T @ d1, d1.sum(0)), (a1.T @ d2, d2.sum(0)), (a2.T @ d3, d3.sum(0))]


def test_n2_both_runs_are_those_of_the_network_written_out_in_numpy(done):
    fits = {found.fit.label: found for found in done["N2"].fits}
    data, start = systems["N2"].fits[1].on.data(), systems["N2"].fits[1].on.start()
    X, y = data["X"].astype(float), data["y"]
    assert (X.shape, X.min() >= 0, X.max() < 1, set(y)) == ((500, 20), True, True, {0, 1, 2})
    begin = [[start[f"{name}{i}"].astype(float) for name in "Wb"] for i in (1, 2, 3)]
    loss, gradient = by_hand(X, y, begin)
    moved = [[begin[0][0] - 10 * gradient[0][0], begin[0][1]], *begin[1:]]
    plain = [loss, by_hand(X, y, moved)[0]]
    parts, velocity, losses = begin, [[0.0, 0.0] for _ in begin], []
    for _ in range(3):
        loss, gradient = by_hand(X, y, parts)
        losses.append(loss)
        velocity = [
            [0.9 * v - 0.1 * g for v, g in zip(*pair, strict=True)]
            for pair in zip(velocity, gradient, strict=True)
        ]
        parts = [
            [p + v for p, v in zip(*pair, strict=True)]
            for pair in zip(parts, velocity, strict=True)
        ]
    for label, expected in (
        ("A, one plain step", plain),
        ("B, momentum", losses),
        ("B, velocity form", losses),
    ):
        found = fits[label].rows[: len(expected)]
        assert [float(row.exact) for row in found] == pytest.approx(expected, rel=1e-13)
        assert [row.float64 for row in found] == pytest.approx(expected, rel=1e-13)
        assert [row.float32 for row in found] == pytest.approx(expected, rel=1e-5)
        assert all(len(row.exact) >= 24 for row in found)


def test_n2_the_velocity_form_is_torchs_rule_and_each_first_step_lowers_the_loss(done):
    assert all(finding.holds for finding in done["N2"].findings)
    evidence = done["N2"].finding("new direction").evidence
    assert "proved by symopt.prove" in evidence
    assert "balls of all 412 parameters overlap up to step 2" in evidence


# N1


def test_n1_the_print_is_of_the_rule_that_was_run_not_of_the_one_stated(done):
    verdicts = {(row.run, row.step, row.quantity): row.verdict for row in done["N1"].rows}
    assert all(
        verdicts["momentum as run", t, q] == AGREES for t in (1, 2) for q in ("gradient", "w")
    )
    assert verdicts["momentum as stated", 1, "gradient"] == AGREES
    assert verdicts["momentum as stated", 1, "w"] == DIFFERS
    assert verdicts["momentum as stated", 2, "gradient"] == DIFFERS
    assert verdicts["momentum as stated", 2, "w"] == DIFFERS
    assert not done["N1"].finding("those of the stated momentum").holds


def test_n1_exact_values_of_both_momenta(done):
    assert rows(done["N1"], "momentum as stated", 2)[1] == "0.9971010000000000000000000"
    assert rows(done["N1"], "momentum as run", 2)[1] == "0.9711000000000000000000000"
    assert all(f.holds for f in done["N1"].findings if isinstance(f.claim, ExactValue))
    assert sum(isinstance(f.claim, ExactValue) for f in done["N1"].findings) == 4


def test_n1_the_momenta_are_one_rule_after_rescaling(done):
    finding = done["N1"].finding("divided by 1-β")
    assert finding.holds
    assert isinstance(finding.claim, SameTrajectory)


def test_n1_adagrad_to_25_digits_and_the_print_that_cannot_tell(done):
    result = done["N1"]
    assert rows(result, "AdaGrad as run", 1) == ["0.9900000000009999999999000"]
    assert rows(result, "AdaGrad as run", 2) == ["0.9829645540222953337634319"]
    assert rows(result, "AdaGrad as stated", 1) == ["0.9900000000004999999999625"]
    assert rows(result, "AdaGrad as stated", 2) == ["0.9829645540214748073024882"]
    assert {row.verdict for row in result.rows if "AdaGrad" in row.run} == {AGREES}
    assert result.finding("cannot tell").holds
    assert result.finding("ε inside and outside the root part").holds


def test_n1_native_column_is_float32(done):
    for row in done["N1"].rows:
        assert row.native == float(np.float32(row.native))
        assert f"{row.native:.6f}" == f"{float(row.exact):.6f}"


# N3a


def test_n3a_end_points_equal_closed_forms_of_gradient_descent(done):
    # x <- (1 - 0.4 w_i) x on each coordinate: 3 (23/25)^20 and 4 (1/5)^20.
    found = next(entry for entry in done["N3a"].ends if entry.run.label == "gradient descent")
    assert found.exact[0] == decimal(3 * Fraction(23, 25) ** 20)
    assert found.exact[1] == decimal(4 * Fraction(1, 5) ** 20)


def test_n3a_adam_after_70_steps_beats_adagrad_after_50_but_not_after_70(done):
    result = done["N3a"]
    assert not result.finding("AdaGrad with its 50").holds
    assert result.finding("AdaGrad with 70").holds
    value = {entry.run.label: float(entry.value) for entry in result.ends}
    assert value["AdaGrad, 70 steps"] < value["Adam, 70 steps"] < value["AdaGrad"]


def test_n3a_adam_agrees_with_a_loop_of_plain_floats(done):
    w, x, m, v = (0.2, 2.0), [3.0, 4.0], [0.0, 0.0], [0.0, 0.0]
    for t in range(1, 71):
        for i in range(2):
            slope = 2 * w[i] * x[i]
            m[i] = 0.9 * m[i] + 0.1 * slope
            v[i] = 0.99 * v[i] + 0.01 * slope**2
            x[i] -= 0.2 * (m[i] / (1 - 0.9**t)) / (v[i] / (1 - 0.99**t) + 1e-7) ** 0.5
    assert end(done["N3a"], "Adam, 70 steps") == pytest.approx(tuple(x), rel=1e-9)


# N3c


def test_n3c_the_class_departs_by_minus_mu_squared_eta_g_at_step_one(done):
    finding = done["N3c"].finding("departs from the cited equation")
    assert finding.holds
    # g = (x/10, 2y) at (-7, 2); -0.81 * 0.1 * g
    assert "(0.0567000, -0.324000)" in finding.evidence
    assert isinstance(finding.claim, FirstDifference)


def test_n3c_a_wrong_formula_for_the_difference_is_refuted():
    stated = systems["N3c"]
    claim = stated.claims[0]
    assert isinstance(claim, FirstDifference)
    wrong = FirstDifference("wrong", claim.left, claim.right, 1, -eta * g)
    result = reproduce(System("altered", "", stated.runs, claims=[wrong]))
    assert not result.findings[0].holds
    assert "not -eta*g" in result.findings[0].evidence


# N3d

POINTS = [
    ("gradient descent", 1, "1.93", "2.65"),
    ("gradient descent", 2, "1.8649", "2.367025"),
    ("gradient descent", 150, "0.0974734", "-0.0715999"),
    ("AdaGrad", 1, "1.5000000005102041", "2.5000000000204081"),
    ("AdaGrad", 2, "1.1910892247030043", "2.2074662628511708"),
    ("AdaGrad", 150, "-0.045952", "0.0756111"),
    ("RMSprop", 1, "1.6837722372099759", "2.6837722341122348"),
    ("RMSprop", 2, "1.4707801266766705", "2.4771492473519876"),
    ("Adam", 1, "1.9000000001020407", "2.9000000000040815"),
    ("Adam", 2, "1.8001282061502046", "2.8001914333929254"),
    ("Adam", 150, "-0.00186641", "0.0051925"),
]


@pytest.mark.parametrize(("label", "step", "first", "second"), POINTS)
def test_n3d_points_are_the_exact_ones_to_float64_rounding(done, label, step, first, second):
    exact = rows(done["N3d"], f"{label} on cubic", step)
    for got, printed in zip(exact, (first, second), strict=True):
        unit = Fraction(10) ** -Printed("", 1, "x", printed).digits
        # One ulp of float64 is up to 4.4 units of a 17-digit print near 2.
        assert abs(Fraction(got) - Fraction(printed)) <= (5 * unit if unit < 1e-12 else unit / 2)


def test_n3d_where_seventeen_digits_differ_rounding_explains_it(done):
    for row in done["N3d"].rows:
        if row.verdict == DIFFERS and row.step < 150:
            assert "float64 gives the printed digits" in row.detail


def test_n3d_rmsprop_at_step_150_is_decided_by_rounding(done):
    # Three correct float64 loops end at three different points, none near the exact one.
    late = [row for row in done["N3d"].rows if row.run == "RMSprop on cubic" and row.step == 150]
    assert [row.verdict for row in late] == [DIFFERS, DIFFERS]
    assert all("rounding decides these digits" in row.detail for row in late)
    assert [row.exact[:18] for row in late] == ["-0.048027680480896", "-0.060581665637475"]


def test_n3d_the_origin_is_a_minimum_the_saddle_is_elsewhere(done):
    result = done["N3d"]
    assert not result.finding("(0, 0) is a saddle").holds
    assert result.finding("(0, 0) is a strict minimum").holds
    assert result.finding("the saddle is (1/4, -1/2)").holds
    assert "1/16" in result.finding("the saddle is (1/4, -1/2)").evidence
    assert result.finding("one saddle").holds
    assert result.finding("unbounded below").holds


def test_n3d_momentum_diverges(done):
    result = done["N3d"]
    momentum = [row for row in result.rows if row.run == "momentum on cubic"]
    assert [(row.step, row.verdict) for row in momentum] == [(10, AGREES), (20, AGREES)]
    assert result.finding("it diverges").holds
    (found,) = [entry for entry in result.ends if entry.run.label == "momentum on cubic"]
    assert not found.exact
    assert "diverges" in found.detail


def test_n3d_gradient_descent_on_the_saddle_follows_its_closed_form(done):
    # x0 grows by 1 + eta, x1 shrinks by 1 - 2 eta, a hundred times.
    (found,) = [e for e in done["N3d"].ends if e.run.label == "gradient descent on saddle"]
    assert found.exact[0] == decimal(Fraction(1, 10**5) * Fraction(21, 20) ** 100)
    assert found.exact[1] == decimal(Fraction(1, 2) * Fraction(9, 10) ** 100)


# N5


def test_n5_beale_has_one_minimum_and_two_saddles(done):
    result = done["N5"]
    assert not result.finding("several local minima").holds
    for text in ("one minimum and no other", "two saddles", "(3, 1/2) is", "(0, 1) is"):
        assert result.finding(text).holds, text
    found = {entry.point: entry for entry in objectives.beale.critical_points()}
    values = sorted(float(entry.value) for entry in found.values())
    assert values == pytest.approx([0, 9.864512, 14.203125], abs=1e-6)
    assert sympy.Rational(909, 64) in [entry.value for entry in found.values()]


def test_n5_the_printed_look_ahead_is_another_rule_from_step_two(done):
    assert done["N5"].finding("from step 2").holds


def test_n5_momentum_agrees_with_a_loop_of_plain_floats(done):
    x, y, p, q = 1.0, 1.5, 0.0, 0.0
    for _ in range(1000):
        a, b, c = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
        dx = 2 * a * (y - 1) + 2 * b * (y**2 - 1) + 2 * c * (y**3 - 1)
        dy = 2 * a * x + 4 * b * x * y + 6 * c * x * y**2
        p, q = 0.9 * p - 0.001 * dx, 0.9 * q - 0.001 * dy
        x, y = x + p, y + q
    assert end(done["N5"], "momentum") == pytest.approx((x, y), rel=1e-10)


# The machinery


def _system(**changes) -> System:
    run = SystemRun("a", "gradient_descent", "half_square", ("1",), 2, {"eta": "0.1"})
    return System(**{"title": "t", "note": "", "runs": [run], **changes})


def test_a_changed_digit_of_a_print_is_seen_and_not_blamed_on_rounding():
    right, wrong = Printed("a", 2, "x", "0.8100"), Printed("a", 2, "x", "0.8101")
    result = reproduce(_system(printed=[right, wrong]))
    assert [row.verdict for row in result.rows] == [AGREES, DIFFERS]
    assert "not by rounding" in result.rows[1].detail


def test_prints_of_values_and_with_exponents():
    result = reproduce(
        _system(printed=[Printed("a", 1, "f", "4.05e-1"), Printed("a", 2, "g", "9E-1")])
    )
    assert [row.verdict for row in result.rows] == [AGREES, AGREES]


def test_false_claims_do_not_hold():
    other = SystemRun("b", "gradient_descent", "half_square", ("1",), 2, {"eta": "0.2"})
    claims = [
        ExactValue("wrong", "a", 1, "91/100"),
        SameTrajectory("wrong", "a", "b"),
        FirstDifference("wrong step", "a", "b", 2),
    ]
    result = reproduce(_system(runs=[*_system().runs, other], claims=claims))
    assert [finding.holds for finding in result.findings] == [False, False, False]


def test_unsound_systems_are_refused():
    with pytest.raises(StatementError, match="no run 'b'"):
        _system(printed=[Printed("b", 1, "x", "1")])
    with pytest.raises(StatementError, match="no step 3"):
        _system(printed=[Printed("a", 3, "x", "1")])
    with pytest.raises(StatementError, match="not a printed number"):
        Printed("a", 1, "x", "about 1")


def test_decimals_are_rounded_correctly_or_shortened():
    import flint

    assert decimal(Fraction(1, 8), 2) == "0.12"
    assert decimal(Fraction(-2, 3), 4) == "-0.6667"
    assert decimal(Fraction(0)) == "0"
    assert decimal(flint.arb(1, 0.001), 25) == "1.0"
    assert decimal(flint.arb(0, 1), 25).startswith("[")
    low, high = bounds(flint.arb(1, 0.25))
    assert low <= Fraction(3, 4) < Fraction(5, 4) <= high
    with pytest.raises(UndecidedError):
        within(flint.arb(1, 0.25), Fraction(1), Fraction(1, 10))


# N3b, N4: fits of data


def test_n3b_the_backward_pass_is_half_the_gradient_of_the_printed_loss(done):
    whole = done["N3b"].finding("is the gradient of the printed loss")
    half = done["N3b"].finding("it is half of that gradient")
    assert not whole.holds
    assert half.holds
    assert "(1/2 for w, 1/2 for b)" in half.evidence
    assert "all 3 entries are equal for all inputs" in half.evidence
    assert "3 of 3 entries are not proved equal" in whole.evidence


def test_n3b_five_rules_by_independent_loops(done):
    """The note's classes once more, in plain NumPy, on the same data."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1000, 2))
    y = X @ np.array([0.5, 0.8]) + 0.01 * rng.random(1000)
    start = np.append(np.random.default_rng(1).standard_normal(2), 0.0)
    rules = {
        "gradient descent": lambda g, s, t: -0.01 * g,
        "AdaGrad": lambda g, s, t: -0.1 * g / np.sqrt(kept(s, "G", 1, 1, g * g) + 1e-7),
        "RMSprop": lambda g, s, t: -0.1 * g / np.sqrt(kept(s, "G", 0.9, 0.1, g * g) + 1e-7),
        "momentum": lambda g, s, t: kept(s, "v", 0.9, -0.01, g),
        "Adam": lambda g, s, t: -0.1 * (kept(s, "M", 0.9, 0.1, g) / (1 - 0.9**t))
        / np.sqrt(kept(s, "G", 0.99, 0.01, g * g) / (1 - 0.99**t) + 1e-7),
    }  # fmt: skip
    for label, step in rules.items():
        w, state, t, losses = start.copy(), {}, 0, {}
        for epoch in range(1, 31):
            for k in range(0, 1000, 64):
                t += 1
                A, target = X[k : k + 64], y[k : k + 64]
                error = A @ w[:2] + w[2] - target
                g = np.append(A.T @ error, error.sum()) / len(target)
                w = w + step(g, state, t)
            losses[16 * epoch] = np.mean((X @ w[:2] + w[2] - y) ** 2)
        assert np.allclose(end(done["N3b"], label), w, rtol=1e-8)
        for row in done["N3b"].rows:
            if row.run == label:
                assert np.isclose(float(row.exact), losses[row.step], rtol=1e-5)


def kept(state, name, old, new, value):
    state[name] = old * state.get(name, 0.0) + new * value
    return state[name]


def test_n4_ends_at_the_least_squares_solution_in_both_arithmetics(done):
    finding = done["N4"].finding("least-squares solution")
    assert finding.holds
    rng = np.random.RandomState(0)
    X = 2 * rng.rand(100, 1)
    y = 4 + 3 * X + rng.randn(100, 1)
    lapack = np.linalg.lstsq(np.hstack([X, np.ones((100, 1))]), y, rcond=None)[0][:, 0]
    assert np.allclose(end(done["N4"], "SGD with momentum"), lapack, rtol=1e-14)
    rows = [row for row in done["N4"].rows if row.quantity == "loss"]
    assert [row.step for row in rows] == list(range(100, 1001, 100))
    assert all(row.verdict == UNRECORDED for row in rows)
    assert all(abs(row.float64 - float(row.exact)) < 1e-14 for row in rows)
    assert all(row.native == float(np.float32(row.native)) for row in rows)


def test_a_run_that_is_not_there_yet_does_not_end_at_the_minimizer():
    n4 = systems["N4"]
    early = replace(n4, runs=[replace(n4.runs[0], steps=50)], printed=[], claims=n4.claims[:1])
    (finding,) = reproduce(early).findings
    assert not finding.holds
