"""Rules read out of NumPy-style code: what lifts, what is refused, what cannot deceive."""

import inspect
import sys
from pathlib import Path

import pytest
import sympy

import symopt
from symopt.errors import LiftError
from symopt.statement.symbols import norm

sys.path.insert(0, str(Path(__file__).parent))
import chainer_like
import numpy_classes
import numpy_hostile
import numpy_loops
import numpy_more
import numpy_refused
import numpy_steps

sys.path.pop(0)


def cases(*modules):
    """Everything that the case files define, by name, but what makes no step."""
    return {
        f"{module.__name__}.{name}": found
        for module in modules
        for name, found in vars(module).items()
        if getattr(found, "__module__", "") == module.__name__
        and not name.startswith("_")
        and name not in ("Optimizer", "State")
        and (inspect.isclass(found) or inspect.isfunction(found))
    }


LIFTED = cases(chainer_like, numpy_classes, numpy_loops, numpy_more, numpy_steps)
REFUSED = {
    "Orthogonal": r"numpy_refused\.py:8: np\.linalg\.svd",
    "Newton": r"numpy_refused\.py:14: np\.linalg\.solve",
    "Sorts": r"numpy_refused\.py:19: np\.sort",
    "Cumulative": r"numpy_refused\.py:24: np\.cumsum",
    "Chosen": r"numpy_refused\.py:29: np\.argmax",
    "Dropout": r"numpy_refused\.py:35: numpy\.random\.rand",
    "Modulo": r"the remainder \(numpy_refused\.py:47\)",
    "Rounded": r"numpy_refused\.py:52: np\.round",
    "Searches": r"numpy_refused\.py:60: a loop whose length",
    "cosine": r"cos",
    "no_gradient": r"gradient",
    "line_search": r"line_search|length depends|objective",
}
#: Code that hides something and is refused: a counter, a clock, a generator, a table.
HIDDEN = [
    "CountsCalls", "Iterator", "Clock", "Noise", "Chance", "Generator", "Table", "Swallows",
    "Cached", "InASet", "MeanOfHistory", "InText", "InABool", "InAClosure", "DefaultArgument",
    "OneCoordinate", "HalfSum", "Integers", "Bits", "View", "Formats", "FarAway",
]  # fmt: skip


def update(rule):
    """The lines of a rule by the names of their targets."""
    return {target.name: expression for target, expression in rule.update}


def test_there_are_at_least_45_shapes_of_code():
    assert len(LIFTED) >= 45


@pytest.mark.parametrize("name", LIFTED)
def test_code_lifts_to_a_rule_that_its_floats_follow(name):
    rule = symopt.lift(LIFTED[name])  # refuses what the real code does not follow
    assert rule.update[-1].target.name == "x" or "x" in update(rule)
    assert Path(LIFTED[name].__code__.co_filename if inspect.isfunction(LIFTED[name]) else
                inspect.getsourcefile(LIFTED[name])).name in rule.source.text  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_operation_and_line(name):
    with pytest.raises(LiftError, match=REFUSED[name]):
        symopt.lift(getattr(numpy_refused, name))


@pytest.mark.parametrize("name", HIDDEN)
def test_what_hides_something_never_lifts(name):
    with pytest.raises(LiftError):
        symopt.lift(getattr(numpy_hostile, name))


def test_the_exact_value_of_a_gradient_becomes_a_case():
    rule = symopt.lift(numpy_hostile.ExactValue)
    conditions = update(rule)["x"].atoms(sympy.Eq)
    assert [set(c.args) & {sympy.Rational(7361, 10000)} for c in conditions]


def test_a_late_change_of_the_rate_is_a_case_of_that_step():
    rule = symopt.lift(numpy_hostile.LateDecay)
    t = symopt.symbols.t
    assert any(c.free_symbols == {t} and 100 in c.args for c in update(rule)["x"].atoms(sympy.Eq))


def test_the_length_of_a_history_is_the_step():
    rule = symopt.lift(numpy_hostile.ByLength)
    t = symopt.symbols.t
    assert update(rule)["x"].atoms(sympy.StrictLessThan) == {
        sympy.StrictLessThan(t, 50, evaluate=False)
    }


def test_state_is_found_where_it_is_and_not_where_it_is_said_to_be():
    rule = symopt.lift(numpy_hostile.Lies)
    assert [symbol.name for symbol in rule.state] == ["v"]


def test_asking_for_types_makes_no_difference():
    rule = symopt.lift(numpy_hostile.AsksForType)
    g, x = symopt.symbols.g, symopt.symbols.x
    assert update(rule)["x"] == x - sympy.Rational(3, 10) * g


def test_hyperparameters_keep_their_names_and_exact_defaults():
    rule = symopt.lift(numpy_classes.Adam)
    assert {p.name: p.default for p in rule.parameters} == {
        "lr": sympy.Rational(1, 1000),
        "beta1": sympy.Rational(9, 10),
        "beta2": sympy.Rational(999, 1000),
    }


def test_literals_are_the_decimals_as_written():
    rule = symopt.lift(numpy_classes.AdaGrad)
    assert sympy.Rational(1, 10**7) in update(rule)["x"].atoms(sympy.Rational)


def test_an_argument_changes_the_default():
    rule = symopt.lift(numpy_classes.SGD, lr=0.25)
    assert rule.parameter("lr").default == sympy.Rational(1, 4)


def test_an_object_is_lifted_with_its_own_settings():
    rule = symopt.lift(numpy_classes.Momentum(lr=0.5, momentum=0.25))
    assert rule.parameter("momentum").default == sympy.Rational(1, 4)


def test_a_switch_is_a_fixed_argument():
    plain = symopt.lift(numpy_classes.TorchLike)
    nesterov = symopt.lift(numpy_classes.TorchLike, nesterov=True)
    assert update(plain)["x"] != update(nesterov)["x"]


def test_clipping_by_the_norm_is_two_cases():
    rule = symopt.lift(numpy_classes.ClippedSGD)
    assert update(rule)["x"].has(sympy.Piecewise)
    assert update(rule)["x"].has(norm)


def test_lookahead_asks_where_the_code_asks():
    rule = symopt.lift(numpy_loops.nesterov)
    asked = update(rule)["g"].args[0]
    assert {symbol.name for symbol in asked.free_symbols} == {"x", "v", "momentum"}


def test_a_stopping_test_is_noted():
    assert "ends early" in symopt.lift(numpy_loops.gradient_descent).note


def test_a_lifted_rule_runs_like_the_stated_one():
    lifted = symopt.lift(numpy_loops.gd_momentum)
    ours = symopt.run(lifted, "quadratic" if "quadratic" in symopt.objectives else "booth",
                      x0=["1", "2"], steps=5, arithmetic="rational")  # fmt: skip
    stated = symopt.run("momentum", ours.objective, x0=["1", "2"], steps=5,
                        arithmetic="rational", eta="1/1000", mu="7/10")  # fmt: skip
    assert (ours.x == stated.x).all()


def test_a_lifted_rule_typesets():
    document = symopt.derive(symopt.lift(numpy_classes.Adam), "booth", steps=1)
    assert r"\hat" in document.latex() or r"\beta" in document.latex()


def test_settings_in_a_parent_are_hyperparameters():
    rule = symopt.lift(chainer_like.MomentumSGDRule)
    assert {p.name: p.default for p in rule.parameters} == {
        "lr": sympy.Rational(1, 100), "momentum": sympy.Rational(9, 10),
    }  # fmt: skip
    own = symopt.lift(chainer_like.MomentumSGDRule, lr=0.25)
    assert own.parameter("lr").default == sympy.Rational(1, 4)


@pytest.mark.parametrize(
    ("name", "rule", "status"),
    [
        ("SGDRule", "gradient_descent", "proved"),
        ("MomentumSGDRule", "momentum", "proved"),
        ("NesterovAGRule", "nesterov_new_velocity", "proved"),
        ("NesterovAGRule", "nesterov_bengio", "refuted"),
        ("AdaGradRule", "adagrad", "proved"),
        ("RMSpropRule", "rmsprop", "proved"),
        ("AdaDeltaRule", "adadelta", "proved"),
    ],
)
def test_update_rules_of_chainers_shape_are_proved_or_refuted(name, rule, status):
    assert symopt.prove(symopt.lift(getattr(chainer_like, name)), rule).status == status


def test_a_state_that_the_first_step_makes_starts_where_it_was_made():
    rule = symopt.lift(chainer_like.SMORMS3Rule)
    assert {s.name: v for s, v in rule.state.items()} == {"mem": 1, "state_g": 0, "g2": 0}
    assert not any(line.expression.has(symopt.symbols.t) for line in rule.update)


def test_scikit_learn():
    module = pytest.importorskip("sklearn.neural_network._stochastic_optimizers")
    sgd = symopt.lift(module.SGDOptimizer, nesterov=False)
    assert [p.name for p in sgd.parameters] == ["learning_rate_init", "momentum"]
    assert len(symopt.lift(module.AdamOptimizer).state) == 2


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adam"])
def test_autograd(name):
    module = pytest.importorskip("autograd.misc.optimizers")
    rule = symopt.lift(getattr(module, name))
    assert rule.parameter("step_size")


def test_code_without_source_is_refused():
    namespace = {}
    exec("def step(x, g, lr=0.1):\n    return x - lr * g\n", namespace)
    with pytest.raises(LiftError, match=r"source|file|module"):
        symopt.lift(namespace["step"])


def test_the_command_line_lifts_a_file(tmp_path):
    from click.testing import CliRunner

    from symopt.cli import main

    file = tmp_path / "mine.py"
    file.write_text("def step(x, g, lr=0.1):\n    return x - lr * g\n")
    shown = CliRunner().invoke(main, ["lift", f"{file}:step"])
    assert shown.exit_code == 0, shown.output
    assert "x <- -g*lr + x" in shown.output
    told = CliRunner().invoke(main, ["lift", "--help"]).output
    assert "executed" in told


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.subs(sympy.Rational(1, 10**7), 0),
        lambda line: line.subs(symopt.symbols.t, symopt.symbols.t + 1),
        lambda line: line + sympy.Rational(1, 10**9) * symopt.symbols.x,
        lambda line: line.subs(sympy.Rational(1, 10**7), sympy.Rational(2, 10**7)),
    ],
)
def test_the_check_refuses_what_the_code_does_not_do(monkeypatch, change):
    from symopt.verification.lift import numpy_code

    honest = numpy_code.to_rule

    def altered(*args, **options):
        rule = honest(*args, **options)
        x = symopt.symbols.x
        line = change(update(rule)["x"])
        assert line != update(rule)["x"]
        return rule.variant("altered", {x: line}, source=rule.source)

    monkeypatch.setattr(numpy_code, "to_rule", altered)
    with pytest.raises(LiftError, match="step"):
        symopt.lift(numpy_classes.Adam)
