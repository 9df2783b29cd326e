"""Optax: its aliases, and chains of its transformations where no alias reaches a rule."""

from __future__ import annotations

from typing import Any

from symopt.verification.adapters import required
from symopt.verification.adapters.optax import implementation
from symopt.verification.audited import Case
from symopt.verification.implementation import Implementation

__all__ = ["CASES", "NAMES", "PACKAGE", "adapted"]

PACKAGE = "optax"
NAMES = {
    "learning_rate": "eta", "momentum": "mu", "decay": "rho", "rho": "rho", "b1": "beta1",
    "b2": "beta2", "b3": "beta3", "eps": "epsilon", "eps_root": "epsilon_root",
    "weight_decay": "lamda", "trust_coefficient": "zeta", "min_norm": "epsilon",
    "eta_minus": "eta_minus", "eta_plus": "eta_plus",
    "min_step_size": "Delta_min", "max_step_size": "Delta_max",
}  # fmt: skip

_RATE = {"learning_rate": 0.1}
_ADAM = {**_RATE, "b1": 0.9, "b2": 0.99, "eps": 1e-8}
_SHORT = {**_RATE, "b1": 0.9, "b2": 0.5, "eps": 1e-8}
_RMS = {**_RATE, "decay": 0.9, "eps": 1e-8}

CASES = (
    Case("sgd", _RATE, "gradient_descent", ("gradient_descent_centered",)),
    Case("sgd", {**_RATE, "momentum": 0.9}, "momentum_buffer", ("nesterov", "momentum_ema")),
    Case("sgd", {**_RATE, "momentum": 0.9, "nesterov": True}, "nesterov_buffer",
         ("nesterov", "nesterov_new_velocity")),
    Case("adagrad", {**_RATE, "initial_accumulator_value": 0.1, "eps": 1e-7}, "adagrad_optax",
         ("adagrad_epsilon_inside", "adagrad")),
    Case("adadelta", {**_RATE, "rho": 0.9, "eps": 1e-6}, "adadelta_pytorch",
         ("adadelta_new_accumulator", "adadelta_scaled_accumulator")),
    Case("rmsprop", _RMS, "rmsprop_epsilon_inside", ("rmsprop", "rmsprop_bias_corrected")),
    Case("rmsprop", {**_RMS, "eps_in_sqrt": False}, "rmsprop", ("rmsprop_epsilon_inside",)),
    Case("rmsprop", {**_RMS, "initial_scale": 1.0}, "rmsprop_tensorflow",
         ("rmsprop_epsilon_inside",), fine=("rmsprop_autograd",)),
    Case("rmsprop", {**_RMS, "bias_correction": True}, "rmsprop_bias_corrected",
         ("rmsprop_epsilon_inside",)),
    Case("rmsprop", {**_RMS, "centered": True}, "rmsprop_centered_epsilon_inside",
         ("rmsprop_centered", "rmsprop_epsilon_inside")),
    Case("rmsprop", {**_RMS, "momentum": 0.5}, "rmsprop_momentum_inside", ("rmsprop_momentum",)),
    Case("rmsprop", {**_RMS, "momentum": 0.5, "centered": True}, "rmsprop_graves",
         ("rmsprop_centered_momentum",)),
    Case("adam", _ADAM, "adam", ("adam_epsilon_inside", "adam_epsilon_hat")),
    Case("adam", {**_ADAM, "eps_root": 1e-6}, "adam_eps_root", ("adam", "adam_epsilon_inside")),
    Case("adamw", {**_ADAM, "weight_decay": 0.1}, "adamw_optax",
         ("adam_l2", "adamw_decay_after", "adamw_paper")),
    Case("amsgrad", _SHORT, "amsgrad_optax",
         ("amsgrad_pytorch", "amsgrad_optax_raw_second_moment")),
    Case("nadam", _ADAM, "nadam_optax", ("nadam", "nadam_timm", "adam")),
    Case("radam", _ADAM, "radam_optax", ("radam_waiting", "adam"), fine=("radam_pytorch",)),
    Case("adamax", _ADAM, "adamax_pytorch", ("adamax_keras", "adamax_paddle")),
    Case("lion", {**_RATE, "b1": 0.9, "b2": 0.99, "weight_decay": 0.1}, "lion", ("lion_l2",)),
    Case("yogi", {**_RATE, "b1": 0.9, "b2": 0.99, "eps": 1e-3}, "yogi_optax",
         ("yogi", "yogi_squared_sign")),
    Case("adabelief", {**_ADAM, "eps_root": 1e-6}, "adabelief_optax", ("adabelief", "adam")),
    Case("lamb", {**_ADAM, "eps_root": 0.0, "weight_decay": 0.1}, "lamb",
         ("lamb_keras", "adamw_optax")),
    Case("sign_sgd", _RATE, "sign_descent", ("gradient_descent",)),
    Case("signum", {**_RATE, "beta": 0.9}, "signum", ("sign_descent", "momentum_ema")),
    Case("lars", {**_RATE, "momentum": 0.9, "weight_decay": 0.1, "trust_coefficient": 0.5,
                  "eps": 0.01}, "lars_optax", ("lars",)),
    Case("fromage", {**_RATE, "min_norm": 0.01}, "fromage_optax", ("gradient_descent",)),
    Case("novograd", {**_RATE, "b1": 0.9, "b2": 0.25, "eps": 0.01, "eps_root": 0.02,
                      "weight_decay": 0.1}, "novograd_optax", ("novograd",)),
    Case("optimistic_gradient_descent", _RATE, "optimistic_gradient_descent_optax",
         ("optimistic_gradient_descent",), hyper={"alpha": 1.0, "omega": 1.0}),
    Case("sm3", {**_RATE, "momentum": 0.9}, "sm3", ("adagrad",), hyper={"epsilon": 1e-8}),
    Case("adamaxw", {**_ADAM, "weight_decay": 0.1}, "adamaxw", ("adamax_pytorch",)),
    Case("nadamw", {**_ADAM, "weight_decay": 0.1}, "nadamw_optax", ("adamw_optax", "nadam_optax")),
    Case("adan", {**_RATE, "b1": 0.98, "b2": 0.92, "b3": 0.99, "eps": 1e-8, "eps_root": 0.0,
                  "weight_decay": 0.0},
         "adan", (), instead="adan_optax"),
    Case("rprop", {"learning_rate": 0.3, "eta_minus": 0.5, "eta_plus": 1.2, "min_step_size": 1e-6,
                   "max_step_size": 50.0},
         "rprop", ("rprop_without_backtracking",), instead="rprop_optax"),
)  # fmt: skip


def adapted(case: Case, dtype: str) -> Implementation:
    """The transformation of a case, made anew for every run."""
    optax = required("optax", "optax", "jax")
    settings: dict[str, Any] = dict(case.settings)
    return implementation(lambda: getattr(optax, case.optimizer)(**settings), dtype, case.text)
