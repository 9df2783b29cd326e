"""What the further rules do, in exact or printed numbers, and where they part from their kin."""

import math
from fractions import Fraction

import pytest

import symopt

HALF_SQUARE = symopt.Objective("w**2/2", variables="w")
TWO = symopt.Objective("(p**2 + q**2)/2", variables="p q")
BEALE = symopt.Objective(
    "(3/2 - x + x*y)**2 + (9/4 - x + x*y**2)**2 + (21/8 - x + x*y**3)**2", variables="x y"
)


def exact(rule, steps, start=("1",), objective=HALF_SQUARE, **hyper):
    return symopt.run(rule, objective, list(start), steps, "rational", **hyper)


def floats(rule, steps, start=(1.0,), objective=HALF_SQUARE, **hyper):
    return symopt.run(rule, objective, list(start), steps, **hyper)


# ASGD, three times


def test_averaged_gradient_descent_has_a_falling_rate_and_a_decay():
    # 1 (1 - 0.0001 * 0.1) - 0.1, as PyTorch has it in double precision.
    run = floats("asgd", 1, eta=0.1)
    assert run.x[1, 0] == pytest.approx(0.89999000000000007, abs=1e-16)


def test_the_average_equals_the_point_until_averaging_starts():
    run = exact("asgd", 6, eta="1/10", lamda="0", alpha="1", t0="2")
    assert list(run.state["x_bar"][1:5, 0]) == list(run.x[1:5, 0])
    # mu is 1/2, 1/3 then: the mean of all points from the fourth, t0 + 2, on.
    assert run.state["x_bar"][5, 0] == sum(run.x[4:6, 0]) / 2
    assert run.state["x_bar"][6, 0] == sum(run.x[4:7, 0]) / 3


def test_averaging_leaves_the_point_alone():
    averaged = exact("asgd", 4, eta="1/10", lamda="0", t0="1", alpha="1")
    assert (averaged.x == exact("gradient_descent", 4, eta="1/10").x).all()


def test_paddles_asgd_averages_the_last_two_gradients():
    run = exact("sag_two_batches", 3, eta="1/10")
    first, second, third = run.gradients[:3, 0]
    steps = run.x[:-1, 0] - run.x[1:, 0]
    assert list(steps) == [first / 10, (first + second) / 20, (second + third) / 20]


def test_a_turning_gradient_looks_unchanged_to_pytorch_optimizers_asgd():
    """On a circle of equal norms the difference of norms is 0, that of the gradients is not."""
    circle = symopt.Objective("(p**2 + q**2)/2", variables="p q")
    right = floats("adaptive_gradient_descent", 2, (3.0, 4.0), circle, eta=0.125)
    # The curvature is 1 everywhere: the second rate is 1/2 exactly.
    assert right.x[2, 0] == pytest.approx(right.x[1, 0] / 2, rel=1e-15)
    wrong = floats("asgd_pytorch_optimizer", 1, (3.0, 4.0), circle, eta=0.125)
    assert wrong.x[1, 0] == pytest.approx(3 * (1 - 0.125 * math.sqrt(1.02)), rel=1e-15)


# LAMB and LARS


def test_lamb_of_pytorch_optimizer_walks_ten_times_too_far_at_first():
    hyper = {"eta": 0.1, "lamda": 0.0, "epsilon": 1e-6}
    right = floats("lamb", 1, (3.0, 4.0), TWO, **hyper)
    wrong = floats("lamb_pytorch_optimizer", 1, (3.0, 4.0), TWO, **hyper)
    assert math.hypot(*(right.x[1] - right.x[0])) == pytest.approx(0.5, rel=1e-6)
    assert math.hypot(*(wrong.x[1] - wrong.x[0])) == pytest.approx(5.0, rel=1e-4)


def test_lamb_of_pytorch_optimizer_prints_the_numbers_of_its_run():
    wrong = floats("lamb_pytorch_optimizer", 1, (3.0, 4.0), TWO, eta=0.1, lamda=0.1, epsilon=0.01)
    printed = (-0.47928020207150934, 0.42648280274061801)
    assert tuple(wrong.x[1]) == pytest.approx(printed, rel=1e-14)


def test_lars_of_the_paper_adds_two_norms_where_optax_has_one():
    # The gradient and the parameter point the same way, so both norms are 5 (1 + lambda).
    paper = floats("lars", 1, (3.0, 4.0), TWO, eta=0.1, zeta=1.0, lamda=1.0)
    optax = floats("lars_optax", 1, (3.0, 4.0), TWO, eta=0.1, zeta=1.0, lamda=1.0)
    assert paper.x[1] == pytest.approx(optax.x[1], rel=1e-15)
    other = [
        floats(rule, 1, (1.0, 1.5), BEALE, eta=0.1, zeta=1.0, lamda=1.0).x[1]
        for rule in ("lars", "lars_optax")
    ]
    assert other[0][0] != pytest.approx(other[1][0], rel=1e-6)


# Schedule-Free


@pytest.mark.parametrize(("step", "printed"), [(1, 0.9), (2, 0.85049999999999992), (3, 0.80298)])
def test_schedule_frees_training_points(step, printed):
    run = floats("schedule_free_sgd", 3, eta=0.1, beta=0.9)
    assert abs(run.x[step, 0] - printed) <= math.ulp(printed)


def test_schedule_free_evaluates_elsewhere_than_it_trains():
    run = exact("schedule_free_sgd", 3, eta="1/10", beta="9/10")
    assert run.x[3, 0] == Fraction("0.80298")
    assert run.state["a"][3, 0] == Fraction("0.81165")


def test_keras_does_not_weigh_the_average_by_the_learning_rate():
    """Without warm-up the two are one; with a rate that grows, they part."""
    hyper = {"beta1": 0.9, "beta2": 0.99, "epsilon": 0.01}
    names = ("schedule_free_adamw", "schedule_free_adamw_keras")
    constant = [floats(name, 4, eta=0.1, **hyper).x[-1, 0] for name in names]
    assert constant[0] == pytest.approx(constant[1], rel=1e-13)
    growing = [floats(name, 4, eta="t/100", **hyper).x[-1, 0] for name in names]
    assert growing[0] != pytest.approx(growing[1], rel=1e-3)


def test_keras_decays_the_training_point_alone():
    hyper = {"eta": 0.1, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "lamda": 0.1}
    plain, keras = (
        floats(name, 1, **hyper).x[1, 0]
        for name in ("schedule_free_adamw", "schedule_free_adamw_keras_decayed")
    )
    assert plain == pytest.approx(0.890000001, abs=1e-9)
    assert keras == pytest.approx(0.900000001, abs=1e-9)


# Muon, Sophia


def test_five_newton_schulz_steps_make_0_696_of_one():
    run = floats("muon_keras", 1, eta=1.0, lamda=0.0, epsilon=0.0)
    assert run.x[0, 0] - run.x[1, 0] == pytest.approx(0.69643640946975327, rel=1e-14)


def test_the_newton_schulz_step_of_a_row_has_the_same_length_whatever_the_gradient():
    for rule in ("muon", "muon_tinygrad", "muon_optax"):
        run = floats(rule, 3, (1.0, 1.5), BEALE, eta=0.01, lamda=0.0, epsilon=0.0)
        lengths = [math.hypot(*step) for step in run.x[1:] - run.x[:-1]]
        assert lengths == pytest.approx([0.0069643640946975327] * 3, rel=1e-12)


def test_sophia_of_optax_starts_with_a_sign_step():
    hyper = {"eta": 0.1, "lamda": 0.0, "gamma": 10.0}
    late = floats("sophia_optax", 1, (1.0, 1.5), BEALE, **hyper)
    assert list(late.x[0] - late.x[1]) == pytest.approx([0.1, 0.1], rel=1e-14)
    early = floats("sophia", 1, (1.0, 1.5), BEALE, **hyper)
    assert early.x[0, 0] - early.x[1, 0] == pytest.approx(
        0.1 * 0.035 * 34.5 / (10 * 0.01 * 34.5**2), rel=1e-12
    )


# The rest


def test_adopt_does_not_move_at_the_first_step():
    for rule in ("adopt", "adopt_unclipped", "adopt_nesterov"):
        run = floats(rule, 2, (1.0, 1.5), BEALE)
        assert list(run.x[1]) == list(run.x[0])
        assert list(run.x[2]) != list(run.x[0])


def test_acprop_starts_with_a_gradient_step():
    run = floats("acprop", 1, (1.0, 1.5), BEALE, eta=0.001)
    assert list(run.x[1]) == pytest.approx([1 - 0.0345, 1.5 - 0.0925], rel=1e-15)


def test_optimistic_gradient_descent_forgets_its_double_start_in_optax():
    paper = exact("optimistic_gradient_descent", 2, eta="1/10")
    optax = exact("optimistic_gradient_descent_optax", 2, eta="1/10")
    assert list(paper.x[:, 0]) == [1, Fraction("0.8"), Fraction("0.74")]
    assert list(optax.x[:, 0]) == [1, Fraction("0.9"), Fraction("0.82")]


def test_novograds_first_step_is_eta_long_without_epsilon_and_decay():
    run = floats("novograd", 1, (1.0, 1.5), BEALE, eta=0.1, epsilon=0.0, lamda=0.0)
    assert math.hypot(*(run.x[1] - run.x[0])) == pytest.approx(0.1, rel=1e-15)


def test_fromage_keeps_the_norm_of_a_point_that_moves_at_right_angles():
    turning = symopt.Objective("p*q", variables="p q")
    run = floats("fromage", 3, (1.0, -1.0), turning, eta=0.25)
    # The gradient at (1, -1) is (-1, 1): along the point. At (1, 0) it is (0, 1): across.
    across = floats("fromage", 1, (1.0, 0.0), turning, eta=0.25)
    assert math.hypot(*across.x[1]) == pytest.approx(1.0, rel=1e-15)
    assert math.hypot(*run.x[1]) == pytest.approx(
        math.sqrt(2) * 1.25 / math.sqrt(1.0625), rel=1e-15
    )


def test_rprop_of_pytorch_clips_the_first_step_size():
    run = exact("rprop_pytorch", 1, ("1000",), eta="60")
    plain = exact("rprop", 1, ("1000",), eta="60")
    assert (run.x[1, 0], plain.x[1, 0]) == (950, 940)


def test_ftrl_without_regularization_is_adagrad_at_the_start_of_zero_sums():
    """With l1 = l2 = 0 the proximal step unrolls to AdaGrad's (McMahan et al., Section 2)."""
    hyper = {"eta": 0.5, "lamda1": 0.0, "lamda2": 0.0, "beta0": 0.0}
    ftrl = floats("ftrl", 5, (0.0,), symopt.Objective("(w - 1)**2/2", variables="w"), **hyper)
    adagrad = floats(
        "adagrad_without_epsilon", 5, (0.0,), symopt.Objective("(w - 1)**2/2", variables="w"),
        eta=0.5,
    )  # fmt: skip
    assert ftrl.x[:, 0] == pytest.approx(adagrad.x[:, 0], rel=1e-12)


def test_cocob_does_not_see_the_scale_of_the_gradient():
    small, large = (
        floats("cocob_optax", 6, (1.0, 1.5), BEALE, eta=eta, epsilon=1e-30).x[-1]
        for eta in (1.0, 1024.0)
    )
    assert small == pytest.approx(large, rel=1e-12)


def test_dog_and_dowg_take_the_same_direction_at_first():
    for rule, first in (("dog", {"r_epsilon": 0.5, "epsilon": 0.0}), ("dowg", {"r_epsilon": 0.5})):
        run = floats(rule, 1, (1.0, 1.5), BEALE, **first)
        assert math.hypot(*(run.x[1] - run.x[0])) == pytest.approx(0.5, rel=1e-14)


def test_prodigy_and_d_adaptation_never_lower_their_estimate():
    for rule in ("prodigy", "d_adaptation_adam"):
        run = floats(rule, 30, (1.0, 1.5), BEALE, d0=0.001)
        estimates = run.state["d"][:, 0] if run.state["d"].ndim > 1 else run.state["d"]
        assert list(estimates) == sorted(estimates)
        assert estimates[-1] > estimates[0]


def test_adafactor_of_optax_does_not_shorten_its_steps():
    """At t = 4 the paper's step is bounded by 1/sqrt(4); optax's stays at eta."""
    paper = floats("adafactor_keras", 4, eta=0.75)
    optax = floats("adafactor_optax", 4, eta=0.75)
    assert list(paper.x[1]) == list(optax.x[1])
    assert paper.x[4, 0] != pytest.approx(optax.x[4, 0], rel=1e-3)
