"""Rules read out of optax's transformations and of Keras's optimizers on JAX."""

import functools
import os

import pytest

import symopt
from symopt.derivation.opaque import is_elementwise, opaque_step
from symopt.errors import LiftError
from symopt.program.normal_form import proved_equal
from symopt.program.ranges import Range, range_of
from symopt.verification.lift.assemble import programs
from symopt.verification.lift.counts import lift_counts, tally
from symopt.verification.lift.jax_code import lift_jax, lift_optax, lift_optax_program

pytestmark = pytest.mark.frameworks
jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")
os.environ.setdefault("KERAS_BACKEND", "jax")


def proved(first, second):
    """By induction: equal starts, and equal steps from one arbitrary state at any t."""
    size = 1 if is_elementwise(first) and is_elementwise(second) else 2
    ranges = {("hyper", entry.name): range_of(entry.domain) for entry in second.parameters}
    ranges["t",] = Range.counter(1)
    ours, theirs = opaque_step(first, size), opaque_step(second, size)
    return (
        set(ours.program.outputs) == set(theirs.program.outputs)
        and proved_equal(ours.start, theirs.start)
        and proved_equal(ours.program, theirs.program, ranges=ranges)
    )


def made(name, **settings):
    return functools.partial(getattr(optax, name), **settings)


@pytest.mark.parametrize(
    ("transformation", "rule"),
    [
        (made("sgd"), "gradient_descent"),
        (made("sgd", momentum=0.9), "momentum_buffer"),
        (made("sgd", momentum=0.9, nesterov=True), "nesterov_buffer"),
        (made("adam"), "adam"),
        (made("adam", eps_root=1e-8), "adam_eps_root"),
        (made("adamw"), "adamw_optax"),
        (made("nadam"), "nadam_optax"),
        (made("rmsprop"), "rmsprop_epsilon_inside"),
        (made("rmsprop", eps_in_sqrt=False), "rmsprop"),
        (made("adadelta", learning_rate=0.5), "adadelta_pytorch"),
        (made("yogi"), "yogi_optax"),
        (made("lion", weight_decay=0.1), "lion"),
    ],
)
def test_lifted_transformation_is_proved_to_be_the_stated_rule(transformation, rule):
    assert proved(lift_optax(transformation), symopt.rules[rule])


def test_rmsprop_of_optax_is_not_the_rule_with_epsilon_outside():
    assert not proved(lift_optax(optax.rmsprop), symopt.rules["rmsprop"])


def test_hyperparameters_of_a_finished_transformation_are_numbers():
    rule = lift_optax(optax.sgd(0.25))
    assert not rule.parameters
    assert str(rule.update[-1].expression) == "-g/4 + x"


def test_a_schedule_becomes_an_expression_of_the_step():
    rate = optax.exponential_decay(0.5, transition_steps=1, decay_rate=0.5)
    rule = lift_optax(functools.partial(optax.sgd, learning_rate=rate))
    assert str(rule.update[-1].expression.subs(symopt.symbols.t, 3)) == "-g/8 + x"


def test_clipping_by_norm_becomes_two_cases_of_a_norm():
    rule = lift_optax(functools.partial(optax.clip_by_global_norm, max_norm=0.5))
    expression = str(rule.update[-1].expression)
    assert "Piecewise" in expression
    assert "norm(g)" in expression


def test_a_hyperparameter_whose_exact_value_decides_stays_a_number():
    rule = lift_optax(optax.scale_by_sm3)
    assert {entry.name for entry in rule.parameters} == {"beta1", "epsilon"}
    assert "beta2" in rule.note


def test_a_loop_of_known_length_is_unrolled():
    def update(gradient, state, params=None):
        return jax.lax.fori_loop(0, 3, lambda _, a: 0.5 * a, gradient), state

    rule = lift_optax(optax.GradientTransformation(lambda params: (), update))
    assert str(rule.update[-1].expression) == "g/8 + x"


class Hidden:
    calls = 0


def test_hidden_state_is_found_at_the_second_point():
    def update(gradient, state, params=None):
        Hidden.calls += 1
        return (-0.1 if Hidden.calls < 4 else -0.2) * gradient, state

    with pytest.raises(LiftError, match="not visible"):
        lift_optax(optax.GradientTransformation(lambda params: (), update))


def decomposing(gradient, state, params=None):
    return jax.numpy.linalg.svd(gradient[:, None], compute_uv=False) * gradient, state


def searching(gradient, state, params=None):
    return jax.lax.while_loop(lambda a: a.sum() > 1, lambda a: a / 2, gradient), state


@pytest.mark.parametrize(
    ("transformation", "culprit"),
    [
        (optax.GradientTransformation(lambda params: (), decomposing), "test_lift_jax.py:.*svd"),
        (optax.GradientTransformation(lambda params: (), searching), "depends on the data"),
        (made("lbfgs"), "value_fn"),
        (made("noisy_sgd", key=0), "random numbers"),
        (made("scale_by_lbfgs"), "scatter"),
    ],
)
def test_refusals_name_the_operation(transformation, culprit):
    with pytest.raises(LiftError, match=culprit):
        lift_optax(transformation)


def test_matrix_rules_lift_as_programs():
    contrib = pytest.importorskip("optax.contrib")
    step = lift_optax_program(contrib.scale_by_muon, shape=(2, 3))
    assert step.size == 6


def test_a_start_that_reduces_the_point_is_refused_as_a_rule():
    with pytest.raises(LiftError, match=r"starts at .*norm"):
        lift_optax(optax.scale_by_distance_over_gradients)


def test_aliases_and_factories_lift_but_for_named_refusals():
    rows = {row.configuration: row for row in lift_counts("optax")}
    refused = {name for name, row in rows.items() if not row.lifted}
    assert {name for name in refused if rows[name].kind == "alias"} == {"lbfgs"}
    counts = {count.kind: count for count in tally(rows.values())}
    assert counts["alias"].names_lifted >= 30
    factories = [counts[kind] for kind in ("transformation", "schedule", "combinator")]
    assert sum(count.lifted for count in factories) >= 78
    assert counts["contrib"].names_lifted >= 29
    assert all(rows[name].reason for name in refused)


def test_what_needs_a_line_search_says_so():
    with pytest.raises(LiftError, match=r"value_fn.*line search"):
        lift_optax(optax.lbfgs)


@pytest.mark.parametrize(
    ("transformation", "culprit"),
    [
        (functools.partial(optax.noisy_sgd, key=0), "random numbers"),
        (optax.polyak_sgd, "value of the objective"),
    ],
)
def test_noise_and_the_objectives_value_are_opaque_in_a_program(transformation, culprit):
    with pytest.raises(LiftError, match=culprit):
        lift_optax(transformation)
    step = lift_optax_program(transformation)
    labels = programs(step)[0].inputs
    assert any(label[0] == "opaque" and culprit in label[-1] for label in labels)


def test_a_program_with_noise_is_compared_with_the_same_noise(monkeypatch):
    from symopt.verification.lift import jax_code

    honest = jax_code.drawn

    def other(*args):
        outputs, draws = honest(*args)
        return outputs, [[result + 1e-3 if result.dtype == "float64" else result
                          for result in results] for results in draws]  # fmt: skip

    monkeypatch.setattr(jax_code, "drawn", other)
    with pytest.raises(LiftError, match="escaped"):
        lift_optax_program(functools.partial(optax.noisy_sgd, key=0))


def test_every_second_step_is_a_state_that_goes_round():
    rule = lift_optax(functools.partial(optax.apply_every, 2))
    run = symopt.run(rule, "booth",
                     x0=["1", "2"], steps=6, arithmetic="rational")  # fmt: skip
    moved = [bool((run.x[k + 1] != run.x[k]).any()) for k in range(6)]
    assert moved == [False, True] * 3


def test_a_remainder_of_what_is_no_counter_is_refused():
    def update(updates, state, params=None):
        return updates, {"k": (state["k"] + 3) % 5}

    tx = optax.GradientTransformation(lambda params: {"k": jax.numpy.zeros([], int)}, update)
    with pytest.raises(LiftError, match="remainder"):
        lift_optax(tx)


def test_schedule_free_starts_its_second_sequence_at_the_point():
    contrib = pytest.importorskip("optax.contrib")
    rule = lift_optax(contrib.schedule_free_sgd)
    x = symopt.symbols.x
    assert x in rule.state.values()


@pytest.mark.parametrize(
    ("name", "settings", "rule"),
    [
        ("Adam", {}, "adam_epsilon_hat"),
        ("SGD", {}, "gradient_descent"),
        ("Adagrad", {}, "adagrad_keras"),
        ("RMSprop", {}, "rmsprop_epsilon_inside"),
    ],
)
def test_lifted_keras_optimizer_is_proved_to_be_the_stated_rule(name, settings, rule):
    keras = pytest.importorskip("keras")
    if keras.config.backend() != "jax":
        pytest.skip("Keras was imported on another backend")
    lifted = lift_jax(functools.partial(getattr(keras.optimizers, name), **settings))
    assert proved(lifted, symopt.rules[rule])


def test_momentum_of_keras_stays_symbolic_though_it_steers_the_code():
    keras = pytest.importorskip("keras")
    if keras.config.backend() != "jax":
        pytest.skip("Keras was imported on another backend")
    rule = lift_jax(functools.partial(keras.optimizers.SGD, momentum=0.9))
    assert {entry.name for entry in rule.parameters} == {"eta", "mu"}
    assert "mu" in rule.note


def test_every_keras_optimizer_lifts():
    keras = pytest.importorskip("keras")
    if keras.config.backend() != "jax":
        pytest.skip("Keras was imported on another backend")
    rows = lift_counts("keras")
    assert {row.configuration for row in rows if not row.lifted} <= {"MultiOptimizer()"}
    assert len({row.configuration.partition("(")[0] for row in rows if row.rule}) >= 14
