"""Keras 3, on the backend in use."""

from __future__ import annotations

from symopt.verification.adapters.keras import implementation, loaded
from symopt.verification.audited import Case
from symopt.verification.implementation import Implementation

__all__ = ["CASES", "NAMES", "PACKAGE", "adapted"]

PACKAGE = "keras"
NAMES = {
    "learning_rate": "eta", "momentum": "mu", "rho": "rho", "beta_1": "beta1",
    "beta_2": "beta2", "epsilon": "epsilon", "weight_decay": "lamda",
    "l1_regularization_strength": "lamda1", "l2_regularization_strength": "lamda2",
    "beta": "beta0",
}  # fmt: skip

_RATE = {"learning_rate": 0.1}
_ADAM = {**_RATE, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-7}
_RMS = {**_RATE, "rho": 0.9, "epsilon": 1e-7}

CASES = (
    Case("SGD", _RATE, "gradient_descent", ("gradient_descent_centered",)),
    Case("SGD", {**_RATE, "weight_decay": 0.1}, "gradient_descent_decoupled",
         ("gradient_descent_unscaled_decay",)),
    Case("SGD", {**_RATE, "momentum": 0.9}, "momentum", ("momentum_ema", "nesterov")),
    Case("SGD", {**_RATE, "momentum": 0.9, "nesterov": True}, "nesterov_keras",
         ("nesterov", "nesterov_new_velocity")),
    Case("Adagrad", {**_RATE, "initial_accumulator_value": 0.1, "epsilon": 1e-7},
         "adagrad_keras", ("adagrad_epsilon_inside", "adagrad")),
    Case("Adadelta", {**_RATE, "rho": 0.9, "epsilon": 1e-6}, "adadelta_pytorch",
         ("adadelta_new_accumulator", "adadelta_scaled_accumulator")),
    Case("RMSprop", _RMS, "rmsprop_epsilon_inside", ("rmsprop",)),
    Case("RMSprop", {**_RMS, "centered": True}, "rmsprop_centered_epsilon_inside",
         ("rmsprop_centered",)),
    Case("RMSprop", {**_RMS, "momentum": 0.5}, "rmsprop_momentum_inside", ("rmsprop_momentum",)),
    Case("Adam", _ADAM, "adam_epsilon_hat", ("adam", "adam_epsilon_inside")),
    Case("Adam", {**_RATE, "beta_1": 0.9, "beta_2": 0.5, "epsilon": 1e-7, "amsgrad": True},
         "amsgrad_keras", ("amsgrad_pytorch", "amsgrad_optax")),
    Case("AdamW", {**_ADAM, "weight_decay": 0.1}, "adamw_keras", ("adamw", "adam_epsilon_hat")),
    Case("Ftrl", {**_RATE, "learning_rate_power": -0.5}, "ftrl_keras", ("adagrad_keras",)),
    Case("Ftrl", {**_RATE, "learning_rate_power": -0.4, "l1_regularization_strength": 0.1,
                  "l2_regularization_strength": 0.2, "beta": 0.3},
         "ftrl_keras_regularized", ("ftrl_keras",)),
    Case("ScheduleFreeAdamW", {**_RATE, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 0.01},
         "schedule_free_adamw_keras", ("adam",)),
    Case("Adamax", _ADAM, "adamax_keras", ("adamax_pytorch", "adamax_paddle")),
    Case("Nadam", _ADAM, "nadam_keras", ("nadam", "nadam_optax")),
    Case("Lion", {**_RATE, "beta_1": 0.9, "beta_2": 0.99}, "lion", ("gradient_descent",)),
)  # fmt: skip


def adapted(case: Case, dtype: str) -> Implementation:
    """The optimizer of a case, made anew for every run."""
    keras = loaded()
    made = getattr(keras.optimizers, case.optimizer)
    return implementation(lambda: made(**case.settings), dtype, case.text)
