"""A rule checks itself when it is stated; variants differ in what they name and in nothing else."""

import itertools
import pickle
from fractions import Fraction

import pytest
import sympy

import symopt
from symopt import Hyperparameter, InputError, Rule, Source, StatementError, UnknownNameError
from symopt.statement.symbols import (
    beta1,
    beta2,
    epsilon,
    eta,
    first_step,
    g,
    grad,
    lamda,
    m,
    m_hat,
    mu,
    norm,
    s,
    sqrt,
    t,
    v,
    v_hat,
    where,
    x,
)

SOURCE = Source("cauchy1847methode", "p. 537")


def rule(hyperparameters=None, state=None, update=(), **more):
    if hyperparameters is None:
        hyperparameters = {eta: "1/10"}
    arguments = {"title": "Test", "source": SOURCE, **more}
    return Rule(hyperparameters=hyperparameters, state=state or {}, update=update, **arguments)


DESCENT = [(g, grad(x)), (x, x - eta * g)]
p = sympy.Symbol("p", real=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"update": DESCENT, "title": " "}, "needs a title"),
        ({"update": DESCENT, "source": None}, "has no source"),
        ({"update": DESCENT, "source": "a paper"}, "has no source"),
        ({"update": [(g, grad(x)), (x, x - eta * p)]}, "unknown symbol 'p' in the line for x"),
        ({"update": [(g, grad(x)), (x, x - eta * v * g), (v, g)]},
         "v is used in the line for x before"),
        ({"update": DESCENT, "state": {m: 0}}, "the state m is never updated"),
        ({"update": DESCENT, "hyperparameters": {eta: 1, mu: 0}}, "mu is never used"),
        ({"update": [(g, grad(x)), (v, eta * g)]}, "x is never updated"),
        ({"update": [(x, x - eta * x)]}, "no line asks for a gradient"),
        ({"update": [*DESCENT, (v, g)]}, "v is assigned but never used"),
        ({"update": [(eta, eta / 2), *DESCENT]}, "eta is a constant of the rule"),
        ({"update": [(t, t + 1), *DESCENT]}, "t is a constant of the rule"),
        ({"update": DESCENT, "state": {eta: 0}}, "'eta' is both hyperparameter and state"),
        ({"update": DESCENT, "state": {x: 0}}, "x is not declared as state"),
        ({"update": DESCENT, "hyperparameters": {x: 1}}, "x cannot be a hyperparameter"),
        ({"update": DESCENT, "hyperparameters": {t: 1}}, "t cannot be a hyperparameter"),
        ({"update": DESCENT, "hyperparameters": {"eta": 1}}, "'eta' is not a symbol"),
        ({"update": DESCENT, "hyperparameters": {eta: -1}}, "eta = -1 is outside the domain"),
        ({"update": DESCENT, "hyperparameters": {eta: 1 / p}}, "the default of eta uses 'p'"),
        ({"update": [(m, m + grad(x)), (x, x - eta * m)], "state": {m: p}},
         "initial value of m uses 'p'"),
        ({"update": ["x"]}, "is not a pair"),
        ({"update": [(1, 2)]}, "cannot be assigned"),
        ({"update": [(g, grad(x)), (x, x - eta * sympy.gamma(g))]},
         "gamma in gamma\\(g\\) is not a function"),
        ({"update": [(g, grad(x)), (x, x - eta * sympy.Function("f")(g))]}, "f in f\\(g\\) is not"),
        ({"update": [(g, grad(x)), (x, sympy.true)]}, "is not an expression"),
    ],
)  # fmt: skip
def test_a_malformed_rule_names_the_culprit(arguments, message):
    with pytest.raises(StatementError, match=message):
        rule(**arguments)


@pytest.mark.parametrize("value", ["one tenth", float("nan"), float("inf"), None, [1]])
def test_a_default_that_is_no_number_is_refused(value):
    with pytest.raises((StatementError, InputError), match="eta"):
        rule({eta: value}, update=DESCENT)


def test_an_unknown_symbol_comes_with_the_nearest_name():
    with pytest.raises(StatementError, match=r"'bta1'.*Did you mean 'beta1'"):
        rule({eta: 1, beta1: 0}, {m: 0},
             [(g, grad(x)), (m, beta1 * m + g), (x, x - eta * m * sympy.Symbol("bta1"))]
             )  # fmt: skip


def test_decimals_are_exact_wherever_they_stand():
    stated = rule({eta: 0.1}, {m: 0.5}, [(m, 0.9 * m + grad(x)), (x, x - eta * m)])
    assert stated.hyperparameters[eta] == sympy.Rational(1, 10)
    assert stated.state[m] == sympy.Rational(1, 2)
    assert stated.update[0].expression == sympy.Rational(9, 10) * m + grad(x)
    assert not any(e.atoms(sympy.Float) for _, e in stated.update)


def test_a_name_read_before_its_line_is_the_previous_value():
    """x - eta*m uses the old m where its line comes later: another rule."""
    before = rule({eta: "1/2"}, {m: 0}, [(x, x - eta * m), (m, grad(x))])
    after = rule({eta: "1/2"}, {m: 0}, [(m, grad(x)), (x, x - eta * m)])
    run = [symopt.run(r, "half_square", ("1",), 2, "rational").x[:, 0] for r in (before, after)]
    assert list(run[0]) == [1, 1, Fraction(1, 2)]  # then m = grad at the new x
    assert list(run[1]) == [1, Fraction(1, 2), Fraction(1, 4)]


def test_steps_are_counted_from_one():
    stated = rule({eta: 0}, {}, [(g, grad(x)), (x, first_step(10, t) - eta * g)])
    assert list(symopt.run(stated, "half_square", (5,), 3).x[:, 0]) == [5, 10, 2, 3]


def test_state_may_start_at_the_point_and_at_hyperparameters():
    stated = rule({eta: "1/2"}, {m: x - eta}, [(m, m + grad(x)), (x, x - eta * m)])
    result = symopt.run(stated, "weighted_squares", ("1", "2"), 1, "rational")
    assert list(result.state["m"][0]) == [Fraction(1, 2), Fraction(3, 2)]


class TestVariant:
    adam = symopt.rules.adam

    def lines(self, variant):
        return [(str(target), expression) for target, expression in variant.update]

    def test_a_changed_line_leaves_the_rest(self):
        inside = self.adam.variant("V", {x: x - eta * m_hat / sqrt(v_hat + epsilon)}, source=SOURCE)
        assert inside.update[:-1] == self.adam.update[:-1]
        assert inside.update[-1].expression == x - eta * m_hat / sqrt(v_hat + epsilon)
        assert inside.hyperparameters == self.adam.hyperparameters
        assert inside.family == "adam"

    def test_a_new_line_goes_before_the_next_that_is_named(self):
        variant = self.adam.variant(
            "V", {s: lamda * x, x: x - eta * (m_hat / (sqrt(v_hat) + epsilon) + s)},
            source=SOURCE, hyperparameters={lamda: "1/100"},
        )  # fmt: skip
        names = [name for name, _ in self.lines(variant)]
        assert names == ["g", "m", "v", "m_hat", "v_hat", "s", "x"]
        assert [entry.name for entry in variant.parameters][-1] == "lamda"

    def test_a_new_line_at_the_end_comes_last(self):
        variant = self.adam.variant("V", {s: x / 2}, source=SOURCE, state={s: 0},
                                    update=[*self.adam.update, (s, s + x)])  # fmt: skip
        assert variant.update[-1].target == s

    def test_none_drops_a_line_state_and_hyperparameter(self):
        variant = self.adam.variant(
            "V", {v: None, v_hat: None, x: x - eta * m_hat},
            source=SOURCE, state={v: None}, hyperparameters={beta2: None, epsilon: None},
        )  # fmt: skip
        assert [name for name, _ in self.lines(variant)] == ["g", "m", "m_hat", "x"]
        assert set(variant.state) == {m}
        assert [entry.name for entry in variant.parameters] == ["eta", "beta1"]

    def test_the_result_is_validated(self):
        with pytest.raises(StatementError, match="v is never updated"):
            self.adam.variant("V", {v: None, v_hat: v}, source=SOURCE)

    def test_a_target_that_is_assigned_twice_is_not_guessed(self):
        twice = rule({eta: 1}, {}, [(g, grad(x)), (g, 2 * g), (x, x - eta * g)])
        with pytest.raises(StatementError, match="assigns g 2 times; give the whole update="):
            twice.variant("V", {g: grad(x)}, source=SOURCE)

    def test_the_original_is_untouched(self):
        before = str(self.adam)
        self.adam.variant("V", {x: x - eta * m_hat}, source=SOURCE,
                          update=DESCENT, state={m: None, v: None},
                          hyperparameters={beta1: None, beta2: None, epsilon: None})  # fmt: skip
        assert str(self.adam) == before


class TestBind:
    adam = symopt.rules.adam

    def test_defaults_and_given_values(self):
        bound = self.adam.bind({"eta": "0.5"})
        assert bound[eta] == sympy.Rational(1, 2)
        assert bound[beta1] == sympy.Rational(9, 10)

    @pytest.mark.parametrize(
        ("name", "value"),
        [("beta1", 1), ("beta1", "-1/10"), ("beta2", "1"), ("epsilon", -1), ("eta", "-1e-300")],
    )
    def test_the_domain_is_enforced(self, name, value):
        with pytest.raises(InputError, match=f"{name} = {value} is outside its domain"):
            self.adam.bind({name: value})

    @pytest.mark.parametrize(
        ("name", "value"), [("beta1", 0), ("beta2", "0"), ("eta", 0), ("epsilon", 0)]
    )
    def test_closed_ends_belong_to_the_domain(self, name, value):
        assert 0 in self.adam.bind({name: value}).values()

    def test_domains_of_every_kind_are_enforced_as_sympy_has_them(self):
        ends = [-sympy.oo, -1, 0, sympy.Rational(1, 3), sympy.sqrt(2), sympy.oo]
        domains = [
            sympy.Interval(low, high, *open_)
            for low, high in itertools.combinations(ends, 2)
            for open_ in itertools.product([False, True], repeat=2)
        ]
        domains += [sympy.Reals, sympy.FiniteSet(0, 1), sympy.Union(domains[0], domains[-1])]
        values = [sympy.Rational(p, 3) for p in range(-4, 6)]
        for domain in domains:
            stated = rule({eta: Hyperparameter(eta, sympy.Rational(1, 3), domain)}, update=DESCENT)
            for value in values:
                try:
                    inside = stated.bind({"eta": value})[eta] == value
                except InputError:
                    inside = False
                assert inside is bool(domain.contains(value)), (domain, value)

    def test_a_domain_of_ones_own(self):
        own = Hyperparameter(eta, sympy.Rational(1, 10), sympy.Interval(0, 1))
        stated = rule({eta: own}, update=DESCENT)
        with pytest.raises(InputError, match="outside its domain"):
            stated.bind({"eta": 2})

    @pytest.mark.parametrize(
        ("given", "meant"),
        [("lr", "eta"), ("eps", "epsilon"), ("b1", "beta1"), ("weight_decay", None),
         ("bta2", "beta2")],
    )  # fmt: skip
    def test_other_names_get_a_hint(self, given, meant):
        with pytest.raises(UnknownNameError, match=f"no hyperparameter '{given}'") as caught:
            self.adam.bind({given: 1})
        assert "learning rate" in str(caught.value)
        if meant:
            assert f"Did you mean {meant!r}" in str(caught.value)

    def test_schedules_become_exact_and_use_the_rules_own_t(self):
        bound = self.adam.bind({"eta": 0.5 / sympy.Symbol("t")})
        assert bound[eta] == sympy.Rational(1, 2) / t


@pytest.mark.parametrize("name", symopt.rules)
def test_rules_are_values(name):
    stated = symopt.rules[name]
    assert pickle.loads(pickle.dumps(stated)) == stated
    assert hash(stated.named(name)) == hash(stated)
    assert stated.named("other") != stated
    with pytest.raises(TypeError):
        stated.state[x] = 1
    with pytest.raises(AttributeError):
        stated.title = "another"


def test_where_needs_a_condition_on_symbols():
    with pytest.raises(StatementError, match="needs a condition"):
        where(True, 1, 0)
    stated = rule({eta: 1}, {}, [(g, grad(x)), (x, where(norm(g) > 1, x - eta * g / norm(g), x))])
    assert list(symopt.run(stated, "half_square", (2.0,), 3).x[:, 0]) == [2.0, 1.0, 1.0, 1.0]
