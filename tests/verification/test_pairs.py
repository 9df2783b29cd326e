"""Rules that share a name and are not the same are told apart, in binary64 and in binary32.

Each row runs one rule of the catalogue in floats and holds it against its rival. No tolerance
enters: the verdict is whether rounding can explain the run.
"""

import itertools

import pytest

import symopt
from symopt.verification.stated import implementation_of

#: Representable in binary32, so that a cast of hyperparameters changes nothing. The values are
#: those at which the conventions differ visibly: epsilon and decay are large on purpose.
VALUES = {
    "eta": 2.0**-3, "mu": 0.875, "rho": 0.875, "beta": 0.875, "beta1": 0.875,
    "beta2": 1 - 2.0**-6, "epsilon": 2.0**-7, "epsilon_root": 2.0**-7, "lamda": 2.0**-3,
    "tau": 0.5, "gamma": 1.0, "kappa": 0.25, "psi": 2.0**-8, "delta": 1.0,
}  # fmt: skip

#: What the code computes, what it is taken for, and in what the two differ.
PAIRS = [
    ("adam_epsilon_inside", "adam", "epsilon inside the root"),
    ("adam_epsilon_hat", "adam", "epsilon added before the correction"),
    ("adam_eps_root", "adam", "a second epsilon under the root"),
    ("adam_epsilon_minus", "adam_epsilon_hat", "epsilon subtracted"),
    ("adam_uncorrected", "adam", "no bias correction"),
    ("adagrad_epsilon_inside", "adagrad", "epsilon inside the root"),
    ("adagrad_keras", "adagrad_epsilon_inside", "sum starts at 1/10"),
    ("adagrad_tensorflow", "adagrad_without_epsilon", "sum starts at 1/10"),
    ("adagrad_without_epsilon", "adagrad", "no epsilon"),
    ("adagrad_pytorch", "adagrad", "decay of the learning rate"),
    ("adagrad_mxnet", "adagrad_epsilon_inside", "decay inside the step"),
    ("adadelta_new_accumulator", "adadelta", "accumulator updated before it is used"),
    ("adadelta_scaled_accumulator", "adadelta_pytorch", "learning rate inside the accumulator"),
    ("rmsprop_epsilon_inside", "rmsprop", "epsilon inside the root"),
    ("rmsprop_tensorflow", "rmsprop_epsilon_inside", "average starts at 1"),
    ("rmsprop_autograd", "rmsprop", "average starts at 1"),
    ("rmsprop_centered", "rmsprop", "centered"),
    ("rmsprop_centered_epsilon_inside", "rmsprop_centered", "epsilon inside the centered root"),
    ("rmsprop_momentum_inside", "rmsprop_tensorflow_momentum", "average starts at 0"),
    ("rmsprop_bias_corrected", "rmsprop_epsilon_inside", "bias correction"),
    ("momentum_ema", "momentum_buffer", "average, not sum, of gradients"),
    ("momentum_pytorch", "momentum_dampening_documented", "dampening at step 1"),
    ("nesterov_new_velocity", "nesterov_bengio", "velocity read after its update"),
    ("nesterov_full_velocity", "nesterov", "look-ahead by the whole velocity"),
    ("nesterov", "nesterov_bengio", "gradient and report at different points"),
    ("momentum", "nesterov", "no look-ahead"),
    ("amsgrad_optax", "amsgrad_pytorch", "maximum after the correction"),
    ("amsgrad_keras", "amsgrad_pytorch", "epsilon added before the correction"),
    ("amsgrad_optax_raw_second_moment", "amsgrad_pytorch", "second moment not corrected"),
    ("amsgrad_optax_uncorrected", "amsgrad", "epsilon"),
    ("adam", "amsgrad_pytorch", "no maximum"),
    ("nadam_keras", "nadam", "schedule 250 times faster"),
    ("nadam_optax", "nadam", "constant momentum"),
    ("nadam_timm", "nadam_optax", "one correction for two"),
    ("nadam_dozat", "nadam", "the average decays with the schedule"),
    ("radam_epsilon", "radam_pytorch", "threshold 4, not 5"),
    ("radam_optax", "radam_pytorch", "epsilon after the correction"),
    ("radam_waiting", "radam_pytorch", "no steps below the threshold"),
    ("radam", "radam_epsilon", "no epsilon"),
    ("adamax_pytorch", "adamax_keras", "epsilon inside the maximum"),
    ("adamax_paddle", "adamax_pytorch", "epsilon on the decayed branch"),
    ("adamax", "adamax_keras", "no epsilon"),
    ("adamw_decay_after", "adamw", "decay after the step"),
    ("adamw_paper", "adamw", "decay without the learning rate"),
    ("adamw_chainer", "adamw_paper", "folded form"),
    ("adamw_constant_decay", "adamw", "decay by a constant"),
    ("adam_l2", "adamw", "decay through the moments"),
    ("sgdw_constant_decay", "sgdw_timm", "decay by a constant"),
    ("sgdw", "sgdw_timm", "decay without the learning rate"),
    ("nesterov_new_velocity", "nesterov_two_velocities", "velocity read after its update"),
    ("gradient_descent_unscaled_decay", "gradient_descent_decoupled", "without learning rate"),
    ("lion_l2", "lion", "decay inside the sign"),
    ("yogi_squared_sign", "yogi_optax", "square of the signed term"),
    ("yogi", "yogi_optax", "averages start at 0"),
    ("adabelief_amsgrad_accumulating", "adabelief_amsgrad", "epsilon into the maximum"),
    ("lamb_keras", "lamb", "decay outside the trust ratio"),
]  # fmt: skip
RULES = sorted({name for code, rival, _ in PAIRS for name in (code, rival)})

#: Rules of one family that walk through the same points for every gradient.
SAME = [
    {"momentum", "momentum_positive_velocity", "momentum_buffer", "momentum_negative_buffer",
     "heavy_ball"},
    {"momentum_ema", "momentum_ema_negative"},
    {"nesterov_bengio", "nesterov_keras", "nesterov_pytorch", "nesterov_buffer",
     "nesterov_two_velocities"},
    {"gradient_descent_l2", "gradient_descent_decoupled"},
    {"adamw", "adamw_optax"},
    {"adabelief", "adabelief_optax"},  # for epsilon_root = epsilon
    {"adagrad_keras", "adagrad_optax"},  # where the sum is positive, as it starts at 1/10
]  # fmt: skip


def values_of(name: str) -> dict[str, float]:
    # A rule with letters of its own needs no edit here: its defaults serve.
    return {
        entry.name: VALUES.get(entry.name, float(entry.default))
        for entry in symopt.rules[name].parameters
    }


def judge(code: str, rule: str, dtype: str) -> symopt.Verdict:
    return symopt.verify(implementation_of(code, dtype, **values_of(code)), rule, **values_of(rule))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("code", "rival", "why"), PAIRS, ids=str)
def test_rivals_are_told_apart(code, rival, why, dtype):
    verdict = judge(code, rival, dtype)
    assert verdict.status == "refuted", f"{why}: {verdict}"
    # Far from the threshold: a convention is not a rounding.
    assert verdict.eta > (1e4 if dtype == "float64" else 10)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", RULES)
def test_each_is_consistent_with_itself(name, dtype):
    verdict = judge(name, name, dtype)
    assert verdict.status in ("consistent", "proved"), str(verdict)


@pytest.mark.study
@pytest.mark.parametrize("family", sorted({symopt.rules[name].family for name in symopt.rules}))
def test_every_pair_of_a_family_is_told_apart(family):
    """All ordered pairs in binary64 but those that are the same rule."""
    names = [name for name in symopt.rules if symopt.rules[name].family == family]
    for code, rival in itertools.permutations(names, 2):
        if not any({code, rival} <= group for group in SAME):
            verdict = judge(code, rival, "float64")
            assert verdict.status == "refuted", f"{code} against {rival}: {verdict}"
