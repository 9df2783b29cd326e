"""Tuning: the best of what was tried, exactly said, and what is not known said too."""

import json
import math
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from click.testing import CliRunner

import symopt
from symopt.cli import main
from symopt.errors import BudgetError, InputError
from symopt.execution.sweep import plan as planning
from symopt.verification.tuning.search import lines_of, search, significant

STARTS = np.array([[-1.0, -1], [0, 0], [1, 1], [1, 0]])


def test_on_a_quadratic_the_best_learning_rate_is_the_derived_one():
    """Half square: eta = 1 ends at 0 in one step, and nothing else does."""
    found = symopt.tune("gradient_descent", "half_square", [[1]], 3, eta="1/10..19/10:19")
    assert found.hyperparameters == {"eta": 1}
    assert found.best.score == 0
    assert found.certificate.value == "0"
    assert found.certificate.agrees == math.inf
    assert found.ties == found.at_the_edge == ()


def test_the_best_rate_for_two_curvatures_is_two_over_their_sum():
    """After many steps the worst factor decides, and it is least where 1 - m h = L h - 1."""
    bowl = symopt.Objective("x**2/2 + 4*y**2", "x y", title="Bowl")
    found = symopt.tune("gradient_descent", bowl, [[1, 1]], 400, eta="1/50..6/25:12")
    assert abs(found.hyperparameters["eta"] / Fraction(2, 9) - 1) < Fraction(1, 100)
    assert found.rounds > 1
    factor = abs(1 - found.hyperparameters["eta"])
    f = factor**800 / 2
    assert float(f) <= found.best.score < 3 * float(f)


class TestCriteria:
    def call(self, **more):
        return symopt.tune("adam", "beale", STARTS, 60,
                           eta=["1/50", "1/10", "1/2"], budget=3, **more)  # fmt: skip

    def history(self, eta):
        return symopt.run("adam", "beale", STARTS, 60, eta=eta).values

    @pytest.mark.parametrize(("over", "join"), [("worst", np.max), ("median", np.median),
                                                ("mean", np.mean)])  # fmt: skip
    def test_scores_are_those_of_the_runs(self, over, join):
        for criterion, reduced in (("final", lambda f: f[-1]), ("best", lambda f: f.min(axis=0))):
            found = self.call(criterion=criterion, over=over)
            expected = [join(reduced(self.history(e))) for e in ("1/50", "1/10", "1/2")]
            assert [trial.score for trial in found.trials] == expected
            assert found.best.score == min(expected)
        assert "budget of 3 settings" in found.stopped

    def test_steps_to_a_threshold_count_from_the_start_and_unreached_is_infinite(self):
        found = self.call(criterion="steps", threshold="3", over="worst")
        expected = []
        for eta in ("1/50", "1/10", "1/2"):
            below = self.history(eta) <= 3
            first = np.where(below.any(axis=0), below.argmax(axis=0), np.inf)
            expected.append(first.max())
        assert [trial.score for trial in found.trials] == expected
        assert math.inf in expected
        assert min(expected) < math.inf
        assert found.certificate.holds is True
        assert found.certificate.step == found.best.score

    def test_a_step_that_is_not_the_first_is_not_certified(self):
        from symopt.verification.tuning.certificate import certify

        start, hyper = np.array([[1.0, 1.0]]), {"eta": Fraction(1, 2)}
        beale = symopt.objectives.beale
        f = symopt.run("adam", beale, start, 20, **hyper).values[:, 0]
        late = next(t for t in range(1, 20) if f[t] < min(f[:t]) and f[t + 1] < f[t])
        threshold = Fraction(float(f[late]))
        for step, holds in ((late, True), (late + 1, False), (late - 1, False)):
            found = certify(symopt.rules.adam, beale, start, step, threshold * 2**40 // 1 / 2**40
                            + Fraction(1, 2**30), hyper)  # fmt: skip
            assert found.holds is holds


def test_the_certified_value_is_that_of_the_exact_statement():
    found = symopt.tune("momentum", "beale", [["1", "3/2"]], 3, eta=["1/1000", "1/100"])
    exact = symopt.run("momentum", "beale", ["1", "3/2"], 3, "rational",
                       eta=found.hyperparameters["eta"]).values[-1]  # fmt: skip
    assert abs(Fraction(found.certificate.value) / exact - 1) < Fraction(1, 10**14)
    assert 12 < found.certificate.agrees < 20


def test_the_result_hangs_on_the_statement_alone(monkeypatch):
    call = ("nesterov", "rosenbrock", [[0, 0], [-1, 1]], 50)
    hyper = {"eta": "1e-4..1e-2:7:log", "mu": ["1/2", "9/10"]}
    alone = symopt.tune(*call, **hyper)
    monkeypatch.setattr(planning, "_WORK", 500)
    told = []
    with ThreadPoolExecutor(2) as threads:
        found = symopt.tune(*call, **hyper, executor=threads, watch=lambda *a: told.append(a))
    assert found == alone
    assert {what for what, _, _ in told} == {f"grid {i + 1}" for i in range(alone.rounds)}
    assert all(significant(v) <= 4 for trial in alone.trials
               for v in trial.hyperparameters.values())  # fmt: skip


class TestHonesty:
    def test_ties_are_told_and_the_shortest_number_is_chosen(self):
        flat = symopt.Objective("x*0 + 1", "x", title="Flat")
        found = symopt.tune("gradient_descent", flat, [[1]], 2, eta=["11/100", "3/10", "7/20"])
        assert found.hyperparameters == {"eta": Fraction(1, 5)}
        assert len(found.ties) == len(found.trials) - 1
        assert "the same score: eta = 0.11" in str(found)

    def test_the_end_of_a_range_is_told_but_not_that_of_the_domain(self):
        found = symopt.tune("gradient_descent", "half_square", [[1]], 5, eta=["1/20", "1/10"])
        assert found.hyperparameters == {"eta": Fraction(1, 10)}
        assert found.at_the_edge == ("eta",)
        assert "eta is at the end of its range" in str(found)
        average = symopt.tune("momentum_ema", "half_square", [[1]], 9, eta=1, beta="0..9/10:4")
        assert average.hyperparameters == {"beta": 0}
        assert average.at_the_edge == ()

    def test_a_start_that_diverges_fails_the_worst_case_and_not_the_median(self):
        starts = [[0, 0], [1, 1], [40, 40]]
        worst = symopt.tune("gradient_descent", "beale", starts, 20, eta=["1/1000", "1e-30"])
        assert worst.hyperparameters == {"eta": Fraction(1, 10**30)}
        assert [trial.failed for trial in worst.trials][:2] == [0, 1]
        assert math.isinf(worst.trials[1].score)
        median = symopt.tune("gradient_descent", "beale", starts, 20, over="median",
                             eta=["1/1000", "1e-30"])  # fmt: skip
        assert median.best.score < worst.best.score

    @pytest.mark.parametrize(
        ("more", "error", "message"),
        [
            ({"eta": [100, 1000]}, InputError, "every setting fails.*eta from 100 to 1000"),
            ({"criterion": "steps", "threshold": "-1"}, InputError, "f is above -1 for all of 20"),
            ({"criterion": "steps"}, InputError, "needs a threshold"),
            ({"threshold": 1}, InputError, "threshold is for criterion='steps'"),
            ({"criterion": "last"}, InputError, "no criterion 'last'"),
            ({"budget": 4, "eta": "1/100..1:5"}, BudgetError, "first grid has 5 settings"),
            ({"eta": ["1/t"]}, InputError, "not a number"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_tuned_is_refused(self, more, error, message):
        with pytest.raises(error, match=message):
            symopt.tune("gradient_descent", "beale", [[1, 1]], 20, **more)

    def test_floats_that_have_lost_every_digit_are_told_to_have(self):
        """Gradient descent that is the logistic map 4 x (1 - x): a bit is lost at every step."""
        logistic = symopt.Objective("4*x**3/3 - 3*x**2/2", "x", title="Logistic")
        found = symopt.tune("gradient_descent", logistic, [["1/3"]], 200, eta=[1], budget=1)
        assert found.certificate.reason == ""
        assert found.certificate.agrees < 1
        assert float(found.certificate.value) != found.best.score
        few = symopt.tune("gradient_descent", logistic, [["1/3"]], 10, eta=[1], budget=1)
        assert 11 < few.certificate.agrees < 16


def test_a_narrow_valley_next_to_the_best_grid_point_is_found_to_two_hundredths():
    (line,) = lines_of({"eta": [Fraction(k, 10) for k in range(1, 11)]})
    target = Fraction(4321, 10000)
    found = search([line], lambda grid: {(v,): float(abs(v - target)) for v in grid[0]}, 1000)
    assert abs(found.best[0] / target - 1) < Fraction(2, 100)
    assert len(found.scores) < 30


def test_defaults_that_never_get_there_are_said_to():
    found = symopt.tune(
        "adam", "half_square", [[1]], 20, eta="1/100..1:3:log", criterion="steps", threshold="1e-6"
    )
    assert "with the defaults f is above 1e-06 for all of 20 steps" in str(found)
    assert "inf" not in str(found)


def test_the_command_prints_what_the_function_finds():
    call = ["tune", "adam", "beale", "--steps", "40", "--set", "eta=1/10,1/2", "--set", "beta1=1/2",
            "--x0", "1", "1", "--x0", "0", "1/2"]  # fmt: skip
    here = symopt.tune("adam", "beale", [[1, 1], [0, "1/2"]], 40, eta=["1/10", "1/2"], beta1="1/2")
    result = CliRunner().invoke(main, [*call, "--rows", "3"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(str(here))
    assert len(result.stdout.splitlines()) == len(str(here).splitlines()) + 4
    data = json.loads(CliRunner().invoke(main, [*call, "--json"]).stdout)
    assert data["best"]["hyperparameters"] == {"eta": str(here.hyperparameters["eta"])}
    assert data["best"]["score"] == here.best.score
    assert len(data["trials"]) == len(here.trials)
    refused = CliRunner().invoke(main, ["tune", "adam", "beale", "--criterion", "steps"])
    assert refused.exit_code == 2
    assert "needs a threshold" in refused.stderr
