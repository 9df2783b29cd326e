"""Optax's optimizers and transformations, each with the arguments that it cannot do without."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from symopt.verification.adapters import required

__all__ = ["cases"]

#: Settings of optimizers that have no default, or whose default hides what they do.
_ALIASES: dict[str, dict[str, Any]] = {
    "adabelief": {}, "adadelta": {}, "adafactor": {}, "adagrad": {}, "adam": {}, "adamax": {},
    "adamaxw": {}, "adamw": {}, "adan": {}, "amsgrad": {}, "fromage": {},
    "lamb": {"weight_decay": 0.1}, "lars": {"weight_decay": 0.1}, "lbfgs": {}, "lion": {},
    "nadam": {}, "nadamw": {}, "noisy_sgd": {"key": 0}, "novograd": {"weight_decay": 0.1},
    "optimistic_adam": {"optimism": 0.05}, "optimistic_adam_v2": {},
    "optimistic_gradient_descent": {}, "polyak_sgd": {},
    "radam": {}, "rmsprop": {"momentum": 0.9, "centered": True}, "rprop": {},
    "sgd": {"momentum": 0.9, "nesterov": True}, "sign_sgd": {}, "signum": {}, "sm3": {},
    "yogi": {},
}  # fmt: skip
_FACTORIES: dict[str, dict[str, Any]] = {
    "adaptive_grad_clip": {"clipping": 0.1}, "add_decayed_weights": {"weight_decay": 0.1},
    "add_noise": {"eta": 0.1, "gamma": 0.5, "key": 0}, "apply_every": {"k": 2}, "centralize": {},
    "clip": {"max_delta": 0.5}, "clip_by_block_rms": {"threshold": 0.5},
    "clip_by_global_norm": {"max_norm": 0.5}, "ema": {"decay": 0.9}, "identity": {},
    "keep_params_nonnegative": {}, "normalize_by_update_norm": {}, "scale": {"step_size": -0.1},
    "scale_by_adadelta": {}, "scale_by_adam": {}, "scale_by_adamax": {}, "scale_by_adan": {},
    "scale_by_amsgrad": {}, "scale_by_belief": {}, "scale_by_distance_over_gradients": {},
    "scale_by_factored_rms": {}, "scale_by_learning_rate": {"learning_rate": 0.1},
    "scale_by_lion": {}, "scale_by_novograd": {},
    "scale_by_optimistic_gradient": {"alpha": 0.9, "beta": 0.8}, "scale_by_param_block_norm": {},
    "scale_by_param_block_rms": {}, "scale_by_polyak": {}, "scale_by_radam": {},
    "scale_by_rms": {}, "scale_by_rprop": {"learning_rate": 0.1}, "scale_by_rss": {},
    "scale_by_sign": {}, "scale_by_sm3": {}, "scale_by_stddev": {}, "scale_by_trust_ratio": {},
    "scale_by_yogi": {}, "set_to_zero": {}, "trace": {"decay": 0.9}, "zero_nans": {},
    "scale_by_lbfgs": {}, "scale_by_backtracking_linesearch": {"max_backtracking_steps": 5},
    "scale_by_zoom_linesearch": {"max_linesearch_steps": 5},
}  # fmt: skip
#: The same with settings that change which code runs.
_VARIANTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("trace", {"decay": 0.9, "nesterov": True}), ("ema", {"decay": 0.9, "debias": False}),
    ("scale_by_adam", {"nesterov": True}), ("scale_by_adam", {"eps_root": 0.01}),
    ("scale_by_rms", {"eps_in_sqrt": False}), ("scale_by_rms", {"bias_correction": True}),
    ("scale_by_rms", {"initial_scale": 1.0}), ("scale_by_stddev", {"bias_correction": True}),
    ("scale_by_radam", {"nesterov": True}), ("scale_by_trust_ratio", {"min_norm": 0.1}),
    ("scale_by_novograd", {"weight_decay": 0.1}), ("scale_by_factored_rms", {"factored": False}),
    ("scale_by_belief", {"nesterov": True}), ("apply_every", {"k": 3}),
)  # fmt: skip


#: Those of ``optax.contrib``.
_CONTRIB: dict[str, dict[str, Any]] = {
    "acprop": {}, "ademamix": {}, "adopt": {}, "cocob": {}, "dadapt_adamw": {}, "dog": {},
    "dowg": {}, "muon": {}, "momo": {}, "momo_adam": {}, "prodigy": {},
    "schedule_free_adamw": {}, "schedule_free_sgd": {}, "simplified_ademamix": {}, "sophia": {},
    "scale_by_acprop": {}, "scale_by_ademamix": {}, "scale_by_adopt": {}, "scale_by_cocob": {},
    "scale_by_muon": {}, "scale_by_simplified_ademamix": {}, "scale_by_sophia": {},
    "differentially_private_aggregate": {"l2_norm_clip": 1.0, "noise_multiplier": 0.1, "key": 0},
    "dpsgd": {"learning_rate": 0.1, "l2_norm_clip": 1.0, "noise_multiplier": 0.1, "seed": 0},
    "galore": {}, "scale_by_galore": {}, "madgrad": {}, "scale_by_madgrad": {}, "normalize": {},
    "reduce_on_plateau": {},
}  # fmt: skip


def cases() -> Iterator[tuple[str, str, functools.partial[Any]]]:
    """Kind, name and maker of everything that is installed."""
    named = (
        ("alias", _aliases), ("transformation", _factories), ("schedule", _schedules),
        ("combinator", _combinators), ("contrib", _contributed),
    )  # fmt: skip
    for kind, found in named:
        for name, make in found():
            yield kind, name, make


def _contributed() -> Iterator[tuple[str, functools.partial[Any]]]:
    """The installed optimizers and transformations of ``optax.contrib``."""
    contrib = required("optax.contrib", "optax", "jax")
    for name, settings in _CONTRIB.items():
        if hasattr(contrib, name):
            yield f"contrib.{name}", functools.partial(getattr(contrib, name), **settings)
    optax = required("optax", "optax", "jax")
    wrapped: dict[str, Callable[[], Any]] = {
        "schedule_free": lambda: contrib.schedule_free(optax.sgd(0.1), 0.1),
        "mechanize": lambda: contrib.mechanize(optax.sgd(0.1)),
        "sam": lambda: contrib.sam(optax.sgd(0.1), optax.sgd(0.1), opaque_mode=False),
        "split_real_and_imaginary": lambda: contrib.split_real_and_imaginary(optax.trace(0.9)),
        "hutchinson_estimator_diag_hessian": lambda: contrib.hutchinson_estimator_diag_hessian(),
    }
    for name, make in wrapped.items():
        if hasattr(contrib, name):
            yield f"contrib.{name}", functools.partial(_made, make)


def _aliases() -> Iterator[tuple[str, functools.partial[Any]]]:
    """The installed optimizers."""
    optax = required("optax", "optax", "jax")
    for name, settings in _ALIASES.items():
        if not hasattr(optax, name):
            continue
        if "key" not in settings:
            yield name, functools.partial(getattr(optax, name))
        if settings:
            text = ", ".join(f"{key}={value}" for key, value in settings.items())
            yield f"{name}({text})", functools.partial(getattr(optax, name), **settings)


def _factories() -> Iterator[tuple[str, functools.partial[Any]]]:
    """The installed transformations."""
    optax = required("optax", "optax", "jax")
    for name, settings in _FACTORIES.items():
        if hasattr(optax, name):
            yield name, functools.partial(getattr(optax, name), **settings)
    for name, settings in _VARIANTS:
        if hasattr(optax, name):
            text = ", ".join(f"{key}={value}" for key, value in settings.items())
            yield f"{name}({text})", functools.partial(getattr(optax, name), **settings)


def _schedules() -> Iterator[tuple[str, functools.partial[Any]]]:
    """Schedules of the rate, each as a transformation."""
    optax = required("optax", "optax", "jax")
    schedules = {
        "constant_schedule": optax.constant_schedule(0.1),
        "exponential_decay": optax.exponential_decay(0.1, 10, 0.9),
        "inverse_time": lambda count: 0.1 / (1 + count),
        "polynomial_schedule": optax.polynomial_schedule(0.1, 0.01, 2, 10),
        "linear_schedule": optax.linear_schedule(0.1, 0.01, 10),
        "cosine_decay_schedule": optax.cosine_decay_schedule(0.1, 10),
        "piecewise_constant_schedule": optax.piecewise_constant_schedule(0.1, {5: 0.5}),
        "warmup_cosine_decay_schedule": optax.warmup_cosine_decay_schedule(0.0, 0.1, 3, 10),
        "warmup_constant_schedule": optax.warmup_constant_schedule(0.0, 0.1, 3),
        "warmup_exponential_decay_schedule": optax.warmup_exponential_decay_schedule(
            0.0, 0.1, 3, 10, 0.9
        ),
        "piecewise_interpolate_schedule": optax.piecewise_interpolate_schedule(
            "linear", 0.1, {5: 0.5}
        ),
        "linear_onecycle_schedule": optax.linear_onecycle_schedule(10, 0.1),
        "cosine_onecycle_schedule": optax.cosine_onecycle_schedule(10, 0.1),
        "sgdr_schedule": optax.sgdr_schedule(
            [
                {
                    "init_value": 0.0,
                    "peak_value": 0.1,
                    "decay_steps": 6,
                    "warmup_steps": 2,
                    "end_value": 0.01,
                }
            ]
        ),
        "join_schedules": optax.join_schedules(
            [optax.constant_schedule(0.1), optax.constant_schedule(0.01)], [5]
        ),
    }
    for name, schedule in schedules.items():
        yield f"scale_by_schedule({name})", functools.partial(optax.scale_by_schedule, schedule)


def _combinators() -> Iterator[tuple[str, functools.partial[Any]]]:
    """What wraps transformations: here a momentum of 9/10."""
    optax = required("optax", "optax", "jax")
    inner = functools.partial(optax.trace, 0.9)
    wrapped: dict[str, Any] = {
        "apply_if_finite": lambda: optax.apply_if_finite(inner(), 3),
        "chain": lambda: optax.chain(optax.clip(0.5), inner()),
        "named_chain": lambda: optax.named_chain(("clip", optax.clip(0.5)), ("trace", inner())),
        "flatten": lambda: optax.flatten(inner()),
        "masked": lambda: optax.masked(inner(), True),
        "inject_hyperparams": lambda: optax.inject_hyperparams(optax.sgd)(learning_rate=0.1),
        "MultiSteps": lambda: optax.MultiSteps(inner(), 2).gradient_transformation(),
        "with_extra_args_support": lambda: optax.with_extra_args_support(inner()),
        "conditionally_transform": lambda: optax.conditionally_transform(
            inner(), lambda step: step < 5
        ),
        "conditionally_mask": lambda: optax.conditionally_mask(inner(), lambda step: step < 5),
        "partition": lambda: optax.partition({"all": inner()}, "all"),
        "stateless": lambda: optax.stateless(lambda updates, params: updates),
        "freeze": lambda: optax.freeze(False),
        "selective_transform": lambda: optax.selective_transform(inner(), freeze_mask=False),
        "multi_transform": lambda: optax.multi_transform({"all": inner()}, "all"),
        "inject_stateful_hyperparams": lambda: optax.inject_stateful_hyperparams(optax.sgd)(
            learning_rate=0.1
        ),
        "stateless_with_tree_map": lambda: optax.stateless_with_tree_map(lambda g, p: g - p / 8),
        "snapshot": lambda: optax.snapshot("measured", lambda updates: updates),
        "measure_with_ema": lambda: optax.measure_with_ema(lambda updates, **_: updates, 0.9),
        "monitor": lambda: optax.transforms.monitor({"measured": lambda updates: updates}),
        "lookahead": lambda: optax.lookahead(optax.sgd(0.1), 2, 0.5),
    }
    for name, make in wrapped.items():
        if hasattr(optax, name) or hasattr(optax.transforms, name):
            yield name, functools.partial(_made, make)


def _made(make: Any) -> Any:
    return make()
