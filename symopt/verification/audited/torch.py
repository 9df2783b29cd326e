"""PyTorch: each optimizer as a loop, with ``foreach`` and, where it exists, ``fused``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symopt.verification.adapters.torch import implementation
from symopt.verification.audited import Case
from symopt.verification.implementation import Implementation

__all__ = ["CASES", "NAMES", "PACKAGE", "adapted"]

PACKAGE = "torch"
NAMES = {
    "lr": "eta", "momentum": "mu", "dampening": "tau", "weight_decay": "lamda", "eps": "epsilon",
    "betas": ("beta1", "beta2"), "alpha": "rho", "rho": "rho", "lr_decay": "kappa",
    "momentum_decay": "psi", "etas": ("eta_minus", "eta_plus"),
    "step_sizes": ("Delta_min", "Delta_max"),
}  # fmt: skip

_WIDE = ("float64", "float32")
#: Far from the defaults: with beta2 near 1, a maximum of second moments never shows.
_ADAM = {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8}
_SHORT = {**_ADAM, "betas": (0.9, 0.5)}
_SGD = {"lr": 0.1}
_HEAVY = {**_SGD, "momentum": 0.9}
_ADAGRAD = {"lr": 0.1, "eps": 1e-8}
_RMS = {"lr": 0.1, "alpha": 0.9, "eps": 1e-8}

#: As loops and with ``foreach``; those with ``coarse`` rivals in bfloat16 as well.
_FUSED = (
    Case("SGD", _SGD, "gradient_descent", ("momentum_ema",), coarse=("momentum_ema",)),
    Case("SGD", {**_SGD, "weight_decay": 0.1}, "gradient_descent_l2",
         ("gradient_descent_unscaled_decay", "gradient_descent"),
         coarse=("gradient_descent_unscaled_decay",)),
    Case("SGD", _HEAVY, "momentum_pytorch", ("nesterov", "momentum_ema"), coarse=("nesterov",)),
    Case("SGD", {**_HEAVY, "dampening": 0.5}, "momentum_pytorch",
         ("momentum_dampening_documented",), coarse=("momentum_dampening_documented",)),
    Case("SGD", {**_HEAVY, "weight_decay": 0.1}, "momentum_pytorch_l2", ("sgdw_timm", "sgdw"),
         coarse=("sgdw",)),
    Case("SGD", {**_HEAVY, "nesterov": True}, "nesterov_pytorch",
         ("nesterov", "nesterov_new_velocity"), coarse=("nesterov_new_velocity",)),
    Case("Adam", _ADAM, "adam", ("adam_epsilon_inside", "adam_epsilon_hat"),
         coarse=("adam_epsilon_inside",)),
    Case("Adam", {**_ADAM, "weight_decay": 0.1}, "adam_l2", ("adamw",)),
    Case("Adam", {**_SHORT, "amsgrad": True}, "amsgrad_pytorch", ("amsgrad_optax", "adam")),
    Case("AdamW", {**_ADAM, "weight_decay": 0.1}, "adamw", ("adam_l2", "adamw_decay_after"),
         coarse=("adam_epsilon_inside",)),
    Case("Adagrad", _ADAGRAD, "adagrad", ("adagrad_epsilon_inside", "adagrad_keras"),
         coarse=("adagrad_keras",)),
    Case("Adagrad", {**_ADAGRAD, "lr_decay": 0.1}, "adagrad_pytorch", ("adagrad",),
         coarse=("adagrad",)),
)  # fmt: skip
_UNFUSED = (
    Case("NAdam", {**_ADAM, "momentum_decay": 0.004}, "nadam",
         ("nadam_keras", "nadam_optax", "nadam_dozat")),
    Case("RAdam", {**_ADAM, "betas": (0.9, 0.999)}, "radam_pytorch", ("radam_waiting",),
         fine=("radam_epsilon", "radam_optax")),
    Case("AdamW", {**_SHORT, "weight_decay": 0.1, "amsgrad": True}, "amsgradw",
         ("amsgrad_pytorch", "adamw")),
    Case("NAdam", {**_ADAM, "momentum_decay": 4e-3, "weight_decay": 0.1,
                   "decoupled_weight_decay": True}, "nadamw", ("nadam", "nadamw_optax")),
    Case("Rprop", {"lr": 60.0, "etas": (0.5, 1.2), "step_sizes": (1e-6, 50.0)}, "rprop_pytorch",
         ("rprop",)),
    Case("Adamax", _ADAM, "adamax_pytorch", ("adamax_keras", "adamax_paddle")),
    Case("Adadelta", {"lr": 0.1, "rho": 0.9, "eps": 1e-6}, "adadelta_pytorch",
         ("adadelta_new_accumulator", "adadelta_scaled_accumulator")),
    Case("RMSprop", _RMS, "rmsprop", ("rmsprop_epsilon_inside", "rmsprop_autograd"),
         coarse=("rmsprop_epsilon_inside",)),
    Case("RMSprop", {**_RMS, "centered": True}, "rmsprop_centered",
         ("rmsprop", "rmsprop_centered_epsilon_inside")),
    Case("RMSprop", {**_RMS, "momentum": 0.5}, "rmsprop_momentum", ("rmsprop_momentum_inside",)),
    Case("RMSprop", {**_RMS, "momentum": 0.5, "centered": True}, "rmsprop_centered_momentum",
         ("rmsprop_graves",)),
    Case("Rprop", {"lr": 0.3, "etas": (0.5, 1.2), "step_sizes": (1e-6, 50.0)}, "rprop",
         ("rprop_without_backtracking", "rprop_backtracking", "rprop_optax")),
)  # fmt: skip


def _cases() -> Iterator[Case]:
    for cases, ways in ((_FUSED, ("foreach", "fused")), (_UNFUSED, ("foreach",))):
        for case in cases:
            formats = (*_WIDE, "bfloat16") if case.coarse else _WIDE
            yield replace(case, formats=formats)
            for way in ways:  # the first rival shows that this code is looked at as well
                settings = {**case.settings, way: True}
                yield replace(
                    case, settings=settings, rivals=case.rivals[:1], fine=(), formats=formats
                )


CASES = tuple(_cases())


def adapted(case: Case, dtype: str) -> Implementation:
    """The optimizer of a case, ready to be driven."""
    import torch

    return implementation(
        lambda params: getattr(torch.optim, case.optimizer)(params, **case.settings),
        dtype,
        case.text,
    )
