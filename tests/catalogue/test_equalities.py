"""Which rules are one rule in different clothes, and by how much the others differ.

Equalities of rules without roots are checked in fractions, on Beale's function, where nothing
cancels by accident. Those with roots are checked in balls: the difference of two enclosures holds
zero, and it is narrower than 1e-30.
"""

from fractions import Fraction

import flint
import pytest

import symopt

BEALE = symopt.Objective(
    "(3/2 - x + x*y)**2 + (9/4 - x + x*y**2)**2 + (21/8 - x + x*y**3)**2", variables="x y"
)
HALF_SQUARE = symopt.Objective("w**2/2", variables="w")
START = ("1", "3/2")
RATE = {"eta": "1/1000"}
LARGE_EPSILON = {"eta": "1/1000", "epsilon": "1/100"}


@pytest.fixture(autouse=True)
def precise():
    """Arithmetic of the tests themselves must not widen the enclosures."""
    with flint.ctx.workprec(400):
        yield


def exactly(rule, steps=4, **hyper):
    return symopt.run(rule, BEALE, START, steps, "rational", **{**RATE, **hyper})


def enclosed(rule, steps=8, **hyper):
    return symopt.run(rule, BEALE, START, steps, "ball", **{**LARGE_EPSILON, **hyper})


def fraction(number):
    mantissa, exponent = number.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def interval(ball):
    middle, radius = fraction(ball.mid()), fraction(ball.rad())
    assert radius < Fraction(1, 10**30)
    return middle - radius, middle + radius


def agree(left, right):
    """Whether two arrays of narrow balls may be equal."""
    assert left.shape == right.shape
    pairs = [(interval(p), interval(q)) for p, q in zip(left.flat, right.flat, strict=True)]
    return all(max(p[0], q[0]) <= min(p[1], q[1]) for p, q in pairs)


# Gradient descent and weight decay


def test_coupled_and_decoupled_decay_of_gradient_descent_are_one_rule():
    assert (exactly("gradient_descent_l2").x == exactly("gradient_descent_decoupled").x).all()


def test_coupled_and_decoupled_decay_part_once_there_is_momentum():
    coupled, decoupled = exactly("momentum_pytorch_l2"), exactly("sgdw_timm")
    assert (coupled.x[1] == decoupled.x[1]).all()
    assert (coupled.x[2] != decoupled.x[2]).all()


def test_sgdw_without_decay_is_momentum():
    assert (exactly("sgdw", lamda=0).x == exactly("momentum").x).all()
    assert (exactly("sgdw_timm", lamda=0).x == exactly("momentum").x).all()


def test_a_gradient_shorter_than_the_threshold_is_not_clipped():
    clipped = symopt.run("gradient_descent_clipped", BEALE, START, 3, "ball", delta="1000", **RATE)
    plain = symopt.run("gradient_descent", BEALE, START, 3, "ball", **RATE)
    assert agree(clipped.x, plain.x)


def test_a_clipped_step_is_eta_times_the_threshold_long():
    run = symopt.run("gradient_descent_clipped", BEALE, START, 1, "ball", eta="1/10", delta="1/4")
    step = run.x[1] - run.x[0]
    low, high = interval(step[0] ** 2 + step[1] ** 2)
    assert low <= Fraction(1, 40) ** 2 <= high


def test_a_step_clipped_by_the_largest_coordinate_is_eta_times_the_threshold_in_it():
    # The gradient at the start is (34.5, 92.5).
    run = symopt.run(
        "gradient_descent_clipped_largest", BEALE, START, 1, "rational", eta="1/10", delta="1/4"
    )
    factor = Fraction(1, 4) / (Fraction("92.5") + Fraction(1, 10**6))
    assert list(run.x[0] - run.x[1]) == [
        Fraction("34.5") * factor / 10,
        Fraction("92.5") * factor / 10,
    ]


def test_centered_gradients_leave_the_sum_of_the_coordinates_alone():
    run = exactly("gradient_descent_centered")
    assert {sum(point) for point in run.x} == {Fraction(5, 2)}
    assert run.x[1, 0] != run.x[0, 0]


# Momentum


@pytest.mark.parametrize(
    "twin",
    [
        "momentum_positive_velocity", "momentum_buffer", "momentum_negative_buffer",
        "momentum_pytorch", "momentum_dampening_documented", "heavy_ball",
    ],
)  # fmt: skip
def test_velocity_buffer_and_two_point_form_walk_through_the_same_points(twin):
    assert (exactly("momentum").x == exactly(twin).x).all()


def test_the_velocity_is_minus_eta_times_the_buffer():
    velocity, buffer = exactly("momentum").state["v"], exactly("momentum_buffer").state["b"]
    assert (velocity == -Fraction(1, 1000) * buffer).all()


def test_velocity_and_buffer_part_when_the_learning_rate_changes():
    velocity, buffer = (
        exactly("momentum", eta="1/(1000*t)"),
        exactly("momentum_buffer", eta="1/(1000*t)"),
    )
    assert (velocity.x[1] == buffer.x[1]).all()
    # The velocity holds the old rate for the old gradient: mu (eta_1 - eta_2) g_1 further.
    first = velocity.gradients[0]
    ahead = Fraction(9, 10) * (Fraction(1, 1000) - Fraction(1, 2000)) * first
    assert (buffer.x[2] - velocity.x[2] == ahead).all()


def test_the_moving_average_is_the_buffer_with_learning_rate_eta_times_one_minus_beta():
    average = exactly("momentum_ema", beta="3/4", eta="1/100")
    buffer = exactly("momentum_buffer", mu="3/4", eta="1/400")
    assert (average.x == buffer.x).all()
    assert (average.x == exactly("momentum_ema_negative", beta="3/4", eta="1/100").x).all()


def test_pytorch_does_not_dampen_the_first_gradient():
    coded = exactly("momentum_pytorch", tau="1/2")
    documented = exactly("momentum_dampening_documented", tau="1/2")
    assert (coded.x[1] - coded.x[0] == 2 * (documented.x[1] - documented.x[0])).all()


def test_momentum_zero_is_gradient_descent():
    for rule in ("momentum", "momentum_pytorch", "heavy_ball", "nesterov", "nesterov_pytorch"):
        assert (exactly(rule, mu=0).x == exactly("gradient_descent").x).all()


# Nesterov


@pytest.mark.parametrize("twin", ["nesterov_keras", "nesterov_pytorch", "nesterov_buffer"])
def test_bengio_keras_and_pytorch_are_one_trajectory(twin):
    assert (exactly("nesterov_bengio").x == exactly(twin).x).all()


def test_bengios_points_are_sutskevers_look_ahead_points():
    sutskever = exactly("nesterov")
    ahead = sutskever.x + Fraction(9, 10) * sutskever.state["v"]
    assert (exactly("nesterov_bengio").x == ahead).all()


def test_reading_the_new_velocity_makes_the_first_step_mu_squared_eta_g_longer():
    right, wrong = exactly("nesterov_bengio"), exactly("nesterov_new_velocity")
    excess = -(Fraction(9, 10) ** 2) * Fraction(1, 1000) * right.gradients[0]
    assert (wrong.x[1] - right.x[1] == excess).all()


def test_the_new_velocitys_excess_after_two_steps_on_a_parabola():
    # Theta0 eta k mu^2 (eta k mu^2 + 2 eta k mu + 2 eta k - mu - 1)
    eta, mu = Fraction(1, 10), Fraction(9, 10)
    hyper = {"eta": "1/10", "mu": "9/10"}
    right = symopt.run("nesterov_bengio", HALF_SQUARE, ["1"], 2, "rational", **hyper)
    wrong = symopt.run("nesterov_new_velocity", HALF_SQUARE, ["1"], 2, "rational", **hyper)
    excess = eta * mu**2 * (eta * mu**2 + 2 * eta * mu + 2 * eta - mu - 1)
    assert wrong.x[2, 0] - right.x[2, 0] == excess == Fraction("-0.116559")


@pytest.mark.parametrize(
    ("rule", "limit"),
    # With mu = 9/10: 2 (1 + mu) / (1 + 2 mu) and 2 (1 + mu) / (1 + 2 mu + 2 mu^2).
    [("nesterov_bengio", 38 / 28), ("nesterov_new_velocity", 380 / 442)],
)
def test_reading_the_new_velocity_shrinks_the_region_of_stability(rule, limit):
    inside = symopt.run(rule, HALF_SQUARE, [1.0], 2000, eta=0.99 * limit, mu=0.9)
    outside = symopt.run(rule, HALF_SQUARE, [1.0], 2000, eta=1.01 * limit, mu=0.9)
    assert abs(inside.x[-1, 0]) < 1e-3
    assert abs(outside.x[-1, 0]) > 1e3


def test_looking_ahead_by_the_whole_velocity_departs_at_the_second_step():
    right, wrong = exactly("nesterov"), exactly("nesterov_full_velocity")
    assert (right.x[1] == wrong.x[1]).all()
    assert (right.x[2] != wrong.x[2]).all()
    on_parabola = [
        symopt.run(rule, HALF_SQUARE, ["1"], 2, "rational", eta="1/10", mu="9/10").x[2, 0]
        for rule in ("nesterov", "nesterov_full_velocity")
    ]
    # -eta (1 - mu) v, by which the gradient's point is off
    assert on_parabola[1] - on_parabola[0] == Fraction(1, 10) * Fraction(1, 10) * Fraction(1, 10)


# AdaGrad, AdaDelta, RMSProp


def test_a_learning_rate_decay_is_a_schedule():
    decayed = enclosed("adagrad_pytorch", kappa="1/10")
    scheduled = enclosed("adagrad", eta="1/1000/(1 + (t - 1)/10)")
    assert agree(decayed.x, scheduled.x)
    assert agree(enclosed("adagrad_pytorch").x, enclosed("adagrad").x)


@pytest.mark.parametrize(
    ("outside", "inside", "shared"),
    [
        ("adagrad", "adagrad_epsilon_inside", {}),
        ("rmsprop", "rmsprop_epsilon_inside", {}),
        ("rmsprop_momentum", "rmsprop_momentum_inside", {"rho": "9/10"}),
        ("rmsprop_centered", "rmsprop_centered_epsilon_inside", {"rho": "9/10"}),
        ("adam", "adam_epsilon_inside", {}),
    ],
)
def test_epsilon_outside_and_inside_agree_only_at_zero(outside, inside, shared):
    left, right = enclosed(outside, epsilon=0, **shared), enclosed(inside, epsilon=0, **shared)
    assert agree(left.x, right.x)
    left, right = enclosed(outside, **shared), enclosed(inside, **shared)
    assert not agree(left.x, right.x)


def test_adadelta_with_learning_rate_one_is_adadelta():
    paper = symopt.run("adadelta", BEALE, START, 6, "ball", rho="9/10").x
    assert agree(paper, symopt.run("adadelta_pytorch", BEALE, START, 6, "ball").x)
    assert agree(paper, symopt.run("adadelta_scaled_accumulator", BEALE, START, 6, "ball").x)
    assert not agree(paper, symopt.run("adadelta_new_accumulator", BEALE, START, 6, "ball").x)


def test_a_learning_rate_inside_the_squared_steps_departs_at_the_second_step():
    outside = symopt.run("adadelta_pytorch", BEALE, START, 2, "ball", eta="1/2").x
    inside = symopt.run("adadelta_scaled_accumulator", BEALE, START, 2, "ball", eta="1/2").x
    assert agree(outside[:2], inside[:2])
    assert not agree(outside[2], inside[2])


def test_graves_without_momentum_is_the_centered_rmsprop():
    hyper = {"rho": "9/10", "epsilon": "1/100"}
    assert agree(
        enclosed("rmsprop_graves", mu=0, **hyper).x,
        enclosed("rmsprop_centered_epsilon_inside", **hyper).x,
    )


def test_bias_corrected_rmsprop_is_adam_without_a_first_moment():
    assert agree(
        enclosed("rmsprop_bias_corrected", rho="99/100").x,
        enclosed("adam_epsilon_inside", beta1=0, beta2="99/100").x,
    )


# Adam and its kin


def test_adam_folded_form_equals_algorithm_1_with_epsilon_over_the_root_of_the_correction():
    folded = enclosed("adam_epsilon_hat")
    scheduled = enclosed("adam", epsilon="1/100/sqrt(1 - (999/1000)**t)")
    assert agree(folded.x, scheduled.x)
    assert not agree(folded.x, enclosed("adam").x)


def test_adam_folded_form_equals_algorithm_1_without_epsilon():
    assert agree(enclosed("adam_epsilon_hat", epsilon=0).x, enclosed("adam", epsilon=0).x)


def test_eps_root_spans_both_places_of_epsilon():
    assert agree(enclosed("adam_eps_root").x, enclosed("adam").x)
    assert agree(
        enclosed("adam_eps_root", epsilon=0, epsilon_root="1/100").x,
        enclosed("adam_epsilon_inside").x,
    )


@pytest.mark.parametrize("rule", ["adam", "adam_epsilon_inside", "adam_epsilon_hat", "nadam_timm"])
def test_the_first_step_without_epsilon_is_a_sign_step(rule):
    run = enclosed(rule, 1, epsilon=0)
    length = Fraction(19, 10000) if rule == "nadam_timm" else Fraction(1, 1000)
    for before, after in zip(run.x[0], run.x[1], strict=True):
        low, high = interval(before - after)
        assert low <= length <= high


def test_subtracting_epsilon_is_adam_with_negative_epsilon_so_the_steps_are_longer():
    added, subtracted = enclosed("adam_epsilon_hat", 1), enclosed("adam_epsilon_minus", 1)
    zero = enclosed("adam_epsilon_hat", 1, epsilon=0)
    for index in (0, 1):
        order = [interval(run.x[1, index])[0] for run in (subtracted, zero, added)]
        assert order == sorted(order)
        assert len(set(order)) == 3


def test_adamw_before_the_step_equals_adamw_inside_the_step():
    assert agree(enclosed("adamw", lamda="1/10").x, enclosed("adamw_optax", lamda="1/10").x)


def test_decay_after_the_step_also_decays_the_step():
    hyper = {"eta": "1/10", "lamda": "1/10"}
    before = enclosed("adamw", 1, **hyper).x[1]
    after = enclosed("adamw_decay_after", 1, **hyper).x[1]
    start, adam = enclosed("adam", 1, eta="1/10").x
    # eta^2 lambda u, where x - eta u is Adam's step
    assert agree(after - before, (start - adam) / 100)


def test_the_papers_decay_with_multiplier_one_is_adamw_with_lambda_over_eta():
    paper = enclosed("adamw_paper", lamda="1/10")
    assert agree(paper.x, enclosed("adamw_optax", lamda="100").x)


def test_chainers_adamw_is_the_papers_up_to_the_place_of_epsilon():
    hyper = {"epsilon": 0, "lamda": "1/10", "gamma": "1/2"}
    assert agree(enclosed("adamw_chainer", **hyper).x, enclosed("adamw_paper", **hyper).x)


def test_coupled_and_decoupled_decay_differ_for_adam():
    coupled = enclosed("adam_l2", lamda="1/10").x
    assert not agree(coupled, enclosed("adamw", lamda="1/10").x)
    assert not agree(coupled, enclosed("adam").x)


def test_the_maximum_before_and_after_correction_agree_for_one_step():
    before, after = (
        enclosed("amsgrad_pytorch", beta2="1/2").x,
        enclosed("amsgrad_optax", beta2="1/2").x,
    )
    assert agree(before[:2], after[:2])
    assert not agree(before[2], after[2])


def test_amsgrad_in_keras_is_pytorchs_without_epsilon():
    hyper = {"epsilon": 0, "beta2": "1/2"}
    assert agree(enclosed("amsgrad_keras", **hyper).x, enclosed("amsgrad_pytorch", **hyper).x)


def test_amsgrad_without_epsilon_is_the_papers():
    paper = symopt.run("amsgrad", BEALE, START, 8, "ball", **RATE).x
    assert agree(paper, enclosed("amsgrad_optax_uncorrected", epsilon=0).x)


def test_kerass_nadam_is_pytorchs_with_a_momentum_decay_of_one():
    assert agree(enclosed("nadam", psi=1).x, enclosed("nadam_keras").x)
    assert not agree(enclosed("nadam").x, enclosed("nadam_keras").x)


@pytest.mark.parametrize(
    ("rule", "step"),
    [
        ("radam", 5), ("radam_epsilon", 5), ("radam_pytorch", 6), ("radam_optax", 6),
        ("adabelief_rectified", 6),
    ],
)  # fmt: skip
def test_rectification_begins_where_the_threshold_is_passed(rule, step):
    names = {entry.name for entry in symopt.rules[rule].parameters}
    hyper = {name: value for name, value in LARGE_EPSILON.items() if name in names}
    run = symopt.run(rule, BEALE, START, 8, "ball", **hyper)
    is_momentum = [
        # m / (1 - beta1^t), times eta
        agree(run.x[t - 1] - run.x[t], run.state["m"][t] * 10**t / (1000 * (10**t - 9**t)))
        for t in range(1, 9)
    ]
    assert is_momentum == [t < step for t in range(1, 9)]


def test_radams_two_places_of_epsilon_agree_without_it():
    assert agree(enclosed("radam_pytorch", epsilon=0).x, enclosed("radam_optax", epsilon=0).x)
    assert not agree(enclosed("radam_pytorch").x, enclosed("radam_optax").x)
    paper = symopt.run("radam", BEALE, START, 8, "ball", **RATE).x
    assert agree(enclosed("radam_epsilon", epsilon=0).x, paper)


def test_torch_optimizers_rectified_adabelief_starts_with_the_raw_average():
    run = enclosed("adabelief_rectified_torch_optimizer", 5)
    is_raw = [agree(run.x[t - 1] - run.x[t], run.state["m"][t] / 1000) for t in range(1, 6)]
    assert is_raw == [True, True, True, True, False]


def test_adamax_epsilon_at_the_gradient_and_at_the_denominator_agree_for_one_step():
    gradient, denominator = enclosed("adamax_pytorch").x, enclosed("adamax_keras").x
    assert agree(gradient[:2], denominator[:2])
    assert not agree(gradient[2], denominator[2])
    paper = symopt.run("adamax", BEALE, START, 8, "ball", **RATE).x
    for rule in ("adamax_pytorch", "adamax_keras", "adamax_paddle"):
        assert agree(enclosed(rule, epsilon=0).x, paper)


def test_without_epsilon_a_gradient_of_zero_is_undefined_for_adamax():
    one_flat = symopt.Objective("p**2/2 + 0*q + (q - 4)**2", variables="p q")
    with pytest.raises(symopt.UndefinedError, match="adamax"):
        symopt.run("adamax", one_flat, ["3", "4"], 1, "ball")
    still = symopt.run("adamax_keras", one_flat, ["3", "4"], 1, "ball").x
    assert agree(still[1][1:], still[0][1:])


def test_lions_steps_are_eta_long_in_every_coordinate():
    run = exactly("lion", steps=3, lamda=0)
    assert {abs(step) for step in (run.x[1:] - run.x[:-1]).flat} == {Fraction(1, 1000)}


def test_lion_updates_its_memory_after_the_step_and_with_beta2():
    run = exactly("lion", steps=1)
    assert (run.state["m"][1] == Fraction(1, 100) * run.gradients[0]).all()


def test_coupled_decay_disappears_under_lions_sign():
    # Both steps have the sign of the gradient; only the decoupled one also shrinks x.
    coupled, decoupled = exactly("lion_l2", 1, lamda="1/2"), exactly("lion", 1, lamda="1/2")
    plain = exactly("lion", 1, lamda=0)
    assert (coupled.x == plain.x).all()
    assert (decoupled.x[1] == plain.x[1] - Fraction(1, 2000) * plain.x[0]).all()


def test_optax_corrects_yogis_start_as_if_it_were_zero():
    run = enclosed("yogi_optax", 1)
    for moment, slope in zip(run.state["v"][1], run.gradients[0], strict=True):
        # v_hat = 1e-3 + g^2, where 1e-6 is the start and 1 - beta2 = 1e-3
        low, high = interval(moment * 1000 - slope**2)
        assert low <= Fraction(1, 1000) <= high


def test_yogi_moves_the_second_moment_by_the_size_of_the_squared_gradient():
    run = symopt.run("yogi", HALF_SQUARE, ["1"], 2, "ball", eta="1", epsilon="1/10")
    change = run.state["v"][2] - run.state["v"][1]
    low, high = interval(abs(change[0]) - run.gradients[1, 0] ** 2 / 1000)
    assert low <= 0 <= high


def test_adabeliefs_epsilon_accumulates_in_its_second_moment():
    # A constant gradient leaves (g - m)^2 = (beta1^t g)^2 and epsilon summed over the steps.
    line = symopt.Objective("3*p + 0*q", variables="p q")
    run = symopt.run("adabelief", line, ["1", "1"], 2, "ball", epsilon="1/100")
    first = Fraction(1, 1000) * (Fraction(9, 10) * 3) ** 2 + Fraction(1, 100)
    second = (
        Fraction(999, 1000) * first
        + Fraction(1, 1000) * (Fraction(81, 100) * 3) ** 2
        + Fraction(1, 100)
    )
    for stored, expected in zip(run.state["s"][1:, 0], (first, second), strict=True):
        low, high = interval(stored)
        assert low <= expected <= high


def test_adabelief_in_optax_separates_the_two_epsilons():
    assert agree(enclosed("adabelief_optax", epsilon_root="1/100").x, enclosed("adabelief").x)
    assert not agree(enclosed("adabelief_optax", epsilon_root=0).x, enclosed("adabelief").x)


def test_lambs_step_is_eta_times_the_length_of_the_parameter():
    run = enclosed("lamb", 3)
    for before, after in zip(run.x[:-1], run.x[1:], strict=True):
        step = after - before
        ratio = (step[0] ** 2 + step[1] ** 2) / (before[0] ** 2 + before[1] ** 2)
        low, high = interval(ratio)
        assert low <= Fraction(1, 1000) ** 2 <= high


def test_decay_is_inside_lambs_ratio_and_outside_in_keras():
    assert agree(enclosed("lamb", lamda=0).x, enclosed("lamb_keras", lamda=0).x)
    assert not agree(enclosed("lamb", lamda="1/10").x, enclosed("lamb_keras", lamda="1/10").x)


def test_adafactors_first_step_has_the_size_of_the_parameter_and_the_sign_of_the_gradient():
    run = symopt.run("adafactor", BEALE, START, 1, "ball", eta="1/100", epsilon_root=0)
    for before, after in zip(run.x[0], run.x[1], strict=True):
        low, high = interval((before - after) ** 2)
        assert low <= Fraction(1, 100) ** 2 * (1 + Fraction(9, 4)) / 2 <= high
        assert interval(before - after)[0] > 0
