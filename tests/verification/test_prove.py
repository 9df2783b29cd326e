"""Which rules are proved to be one, with which map and relation, and how others differ."""

from fractions import Fraction
from itertools import combinations

import pytest
import sympy

import symopt
from symopt.errors import SymoptError
from symopt.statement.symbols import (
    amax,
    beta,
    beta2,
    epsilon,
    eta,
    first_step,
    g,
    grad,
    lamda,
    m,
    mu,
    sqrt,
    t,
    v,
    where,
    x,
)  # fmt: skip
from symopt.verification import prove as prove_module
from symopt.verification.comparison import Comparison, Difference, compare
from symopt.verification.prove import prove

SOURCE = symopt.Source("kingma2015adam", "changed for a test")


# Equal


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("momentum", "momentum_buffer"),
        ("momentum", "momentum_positive_velocity"),
        ("momentum", "momentum_negative_buffer"),
        ("momentum", "heavy_ball"),
        ("momentum_buffer", "heavy_ball"),
        ("momentum_ema", "momentum_ema_negative"),
        ("nesterov_bengio", "nesterov_keras"),
        ("nesterov_bengio", "nesterov_pytorch"),
        ("nesterov_keras", "nesterov_buffer"),
        ("nesterov_pytorch", "nesterov_buffer"),
        ("adamw", "adamw_optax"),
        ("gradient_descent_l2", "gradient_descent_decoupled"),
        ("adagrad_keras", "adagrad_optax"),
    ],
)
def test_forms_of_one_rule_are_proved_equal_without_a_map(first, second):
    for one, other in ((first, second), (second, first)):
        verdict = prove(one, other)
        assert verdict.status == "proved", str(verdict)
        assert not verdict.map
        assert verdict


def test_velocity_is_minus_eta_times_buffer():
    assert prove("momentum", "momentum_buffer").relation == (
        "v of momentum = -b*eta of momentum_buffer",
    )


def test_the_previous_point_is_the_point_less_the_velocity():
    assert prove("momentum", "heavy_ball").relation == (
        "x_previous of heavy_ball = -v + x of momentum",
    )


@pytest.mark.parametrize(
    ("first", "second", "mapping"),
    [
        ("momentum_buffer", "momentum_ema",
         {"momentum_ema.eta": eta / (1 - mu), "momentum_ema.beta": mu}),
        ("momentum_ema", "momentum_buffer",
         {"momentum_buffer.eta": eta * (1 - beta), "momentum_buffer.mu": beta}),
        ("momentum", "momentum_pytorch", {"momentum_pytorch.tau": 0}),
        ("momentum_pytorch", "momentum", {"momentum_pytorch.tau": 0}),
        ("adam", "adam_epsilon_hat",
         {"adam_epsilon_hat.epsilon": epsilon * sqrt(1 - beta2**t)}),
        ("adam", "adam_eps_root", {"adam_eps_root.epsilon_root": 0}),
        ("amsgrad_pytorch", "amsgrad_keras",
         {"amsgrad_keras.epsilon": epsilon * sqrt(1 - beta2**t)}),
        ("sgdw_timm", "gradient_descent_decoupled", None),
    ],
)  # fmt: skip
def test_maps_of_hyperparameters_are_found_and_proved(first, second, mapping):
    verdict = prove(first, second)
    if mapping is None:
        assert verdict.status == "refuted"
        return
    assert verdict.status == "proved", str(verdict)
    assert dict(verdict.map) == mapping


def test_without_maps_the_same_names_mean_the_same_values():
    verdict = prove("adam", "adam_epsilon_hat", maps=False)
    assert verdict.status == "refuted"
    assert verdict.step == 1


def test_a_divisor_in_the_map_is_named():
    verdict = prove("sgdw", "sgdw_timm")
    assert verdict.map["sgdw_timm.lamda"] == lamda / eta
    assert "eta is not zero" in verdict.assumed


def test_a_rule_is_itself():
    for name in ("lamb", "nadam", "radam", "adafactor", "rprop", "gradient_descent_clipped"):
        assert prove(name, name).status == "proved"


def test_dampening_is_one_rule_from_the_second_step_on_and_differs_in_the_first():
    verdict = prove("momentum_pytorch", "momentum_dampening_documented", maps=False)
    assert verdict.status == "refuted"
    assert verdict.step == 1


def test_a_scheduled_power_that_is_stored_is_the_power():
    p = sympy.Symbol("p", real=True)
    stored = symopt.rules.adam.variant(
        "Adam with stored powers", source=SOURCE, state={p: 1},
        update=[
            (g, grad(x)),
            (m, symopt.rules.adam.update[1].expression),
            (v, symopt.rules.adam.update[2].expression),
            (p, p * beta2),
            (x, x - eta * m / (1 - p) / (sqrt(v) + epsilon)),
        ],
    )  # fmt: skip
    closed = stored.variant(
        "Adam with powers", {p: None, x: x - eta * m / (1 - beta2**t) / (sqrt(v) + epsilon)},
        source=SOURCE, state={p: None},
    )  # fmt: skip
    verdict = prove(closed, stored)
    assert verdict.status == "proved", str(verdict)
    assert any("beta2**t" in line for line in verdict.relation)


# Different


def test_decoupled_decay_is_not_coupled_decay():
    verdict = prove("adamw", "adam_l2")
    assert verdict.status == "refuted"
    assert verdict.step == 1
    assert "lamda" in str(verdict.difference)
    assert not verdict


def test_adam_and_adamw_differ_by_the_decay_and_are_one_without():
    verdict = prove("adam", "adamw")
    assert verdict.difference == eta * lamda * sympy.Symbol("x0", real=True)
    assert "adamw.lamda = 0" in verdict.reason


def test_the_early_velocity_of_n3c_is_refuted_by_a_formula():
    verdict = prove("nesterov_new_velocity", "nesterov_bengio")
    gradient = sympy.Symbol("g1", real=True)
    assert (verdict.status, verdict.step) == ("refuted", 1)
    assert sympy.expand(verdict.difference + mu**2 * eta * gradient) == 0


def test_the_whole_velocity_of_n5_is_refuted_by_a_formula():
    verdict = prove("nesterov_full_velocity", "nesterov")
    gradient = sympy.Symbol("g1", real=True)
    assert (verdict.status, verdict.step) == ("refuted", 2)
    assert verdict.quantity == "the point of the gradient"
    assert sympy.expand(verdict.difference - (mu - 1) * eta * gradient) == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("amsgrad_pytorch", "amsgrad_optax"),
        ("amsgrad", "amsgrad_pytorch"),
        ("adam", "adam_epsilon_inside"),
        ("adam", "adam_epsilon_minus"),
        ("adam", "adam_uncorrected"),
        ("rmsprop", "rmsprop_epsilon_inside"),
        ("adadelta_pytorch", "adadelta_new_accumulator"),
        ("sgdw_timm", "sgdw_constant_decay"),
        ("rprop", "rprop_optax"),
        ("adan", "adan_optax"),
        ("adamax_pytorch", "adamax_keras"),
    ],
)
def test_known_variants_and_defects_are_refuted_with_a_witness(first, second):
    verdict = prove(first, second)
    assert verdict.status == "refuted", str(verdict)
    assert isinstance(verdict.witness, Difference)
    assert verdict.difference is not None


def test_the_witness_of_a_rational_rule_is_exact():
    witness = prove("momentum", "gradient_descent").witness
    rate, decay = witness.hyperparameters["eta"], witness.hyperparameters["mu"]
    first = Fraction(*map(int, (witness.first.p, witness.first.q)))
    second = Fraction(*map(int, (witness.second.p, witness.second.q)))
    # The second step of momentum is mu times the first one longer.
    assert first - second == -decay * rate * witness.gradients["g1"]


def test_nesterov_at_the_reported_and_at_the_asked_point_share_their_questions():
    verdict = prove("nesterov", "nesterov_bengio")
    assert verdict.status == "refuted"
    assert "both ask at the same points" in verdict.reason
    assert "x of nesterov_bengio = mu*v + x of nesterov" in verdict.relation


def test_a_rule_without_values_is_refuted_as_such():
    negative = symopt.rules.rmsprop.variant(
        "RMSProp of minus v", {x: x - eta * g / (sqrt(-v) + epsilon)}, source=SOURCE
    )
    verdict = prove("rmsprop", negative)
    assert verdict.status == "refuted"
    assert "no value" in verdict.reason
    assert verdict.difference is sympy.nan


# What must not be proved


def test_the_root_of_a_square_is_not_the_number():
    plain = symopt.rules.gradient_descent
    size = plain.variant("Root of the squared gradient", {x: x - eta * sqrt(g**2)}, source=SOURCE)
    size_by_abs = plain.variant("Size", {x: x - eta * sympy.Abs(g)}, source=SOURCE)
    assert prove(plain, size).status == "refuted"
    assert prove(size_by_abs, size).status == "proved"


def test_a_difference_after_many_steps_is_not_proved_away():
    late = symopt.rules.gradient_descent.variant(
        "Gradient descent with a surprise", {x: where(t > 20, x - 2 * eta * g, x - eta * g)},
        source=SOURCE,
    )  # fmt: skip
    verdict = prove("gradient_descent", late)
    assert verdict.status == "undecided"
    assert "proved equal for 4 steps" in verdict.reason


def test_a_difference_at_one_value_of_the_gradient_is_not_proved_away():
    trap = symopt.rules.gradient_descent.variant(
        "Gradient descent with a trap",
        {x: x - eta * where(sympy.Eq(g, sympy.Rational(12345, 6789)), 0, g)}, source=SOURCE,
    )  # fmt: skip
    assert prove("gradient_descent", trap).status == "undecided"


def test_what_holds_for_two_coordinates_alone_is_not_proved():
    # The middle of the largest and the smallest is the mean of two numbers, and of no more.
    centered = symopt.rules.gradient_descent_centered
    middle = centered.variant(
        "Centered by the middle",
        {x: x - eta * (g - (amax(g) - amax(-g)) / 2)},
        source=SOURCE,
    )
    assert prove(centered, middle).status != "proved"


def test_a_memory_that_starts_elsewhere_is_refuted():
    started = symopt.rules.momentum.variant("Momentum, started", source=SOURCE, state={v: 1})
    assert prove("momentum", started).status == "refuted"


def test_a_memory_that_is_overwritten_in_the_first_step_may_start_anywhere():
    b = next(iter(symopt.rules.momentum_pytorch.state))
    started = symopt.rules.momentum_pytorch.variant("Started", source=SOURCE, state={b: 1})
    assert prove("momentum_pytorch", started).status == "proved"


def test_a_counter_that_starts_a_step_late_is_refuted():
    late = symopt.rules.momentum_pytorch.variant(
        "First step twice", source=SOURCE,
        update=[
            (g, grad(x)),
            (v, first_step(g, where(sympy.Eq(t, 2), g, mu * v + g))),
            (x, x - eta * v),
        ],
        state={v: 0, **dict.fromkeys(symopt.rules.momentum_pytorch.state)},
        hyperparameters={next(s for s in symopt.rules.momentum_pytorch.hyperparameters
                              if s.name == "tau"): None},
    )  # fmt: skip
    verdict = prove("momentum_buffer", late)
    assert (verdict.status, verdict.step) == ("refuted", 2)


def test_a_proof_that_numbers_contradict_asks_to_be_reported(monkeypatch):
    found = compare(symopt.rules.momentum, symopt.rules.gradient_descent, 3, 2).difference

    def contradicted(first, second, steps, points, seed=1, **options):
        return Comparison(found if seed != 1 else None, 4, None)

    monkeypatch.setattr(prove_module, "compare", contradicted)
    prove_module._prove.cache_clear()
    try:
        with pytest.raises(SymoptError, match="report"):
            prove("momentum", "heavy_ball")
    finally:
        prove_module._prove.cache_clear()


# Tables


@pytest.mark.parametrize("family", ["momentum", "nesterov", "adadelta", "adamax"])
def test_within_a_family_every_pair_is_decided(family):
    names = [name for name, rule in symopt.rules.items() if (rule.family or name) == family]
    assert len(names) > 2
    for first, second in combinations(names, 2):
        verdict = prove(first, second)
        assert verdict.status in ("proved", "refuted"), str(verdict)
        reverse = prove(second, first)
        assert reverse.status == verdict.status, str(reverse)
