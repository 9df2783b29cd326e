"""Scikit-learn: the two stochastic optimizers of its neural networks."""

from __future__ import annotations

from symopt.verification.adapters import required
from symopt.verification.adapters.sklearn import MODULE, implementation
from symopt.verification.audited import Case
from symopt.verification.implementation import Implementation

__all__ = ["CASES", "NAMES", "PACKAGE", "adapted"]

PACKAGE = "sklearn"
NAMES = {
    "learning_rate_init": "eta", "momentum": "mu", "beta_1": "beta1", "beta_2": "beta2",
    "epsilon": "epsilon",
}  # fmt: skip

_SGD = {"learning_rate_init": 0.1, "momentum": 0.9}
_FLOAT64 = ("float64",)

CASES = (
    Case("SGDOptimizer", {**_SGD, "nesterov": False}, "momentum",
         ("momentum_ema", "nesterov_keras"), formats=_FLOAT64),
    Case("SGDOptimizer", {**_SGD, "nesterov": True}, "nesterov_keras",
         ("nesterov", "nesterov_new_velocity", "momentum"), formats=_FLOAT64),
    Case("AdamOptimizer",
         {"learning_rate_init": 0.1, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-8},
         "adam_epsilon_hat", ("adam", "adam_epsilon_inside", "adam_epsilon_minus"),
         formats=_FLOAT64),
)  # fmt: skip


def adapted(case: Case, dtype: str) -> Implementation:
    """The optimizer of a case, ready to be driven."""
    module = required(MODULE, "scikit-learn", "sklearn")
    return implementation(
        lambda params: getattr(module, case.optimizer)(params, **case.settings), case.text
    )
