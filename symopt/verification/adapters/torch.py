"""PyTorch's optimizers: one parameter tensor, whose gradient is set from the oracle."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from symopt.errors import InputError
from symopt.verification.adapters import required
from symopt.verification.implementation import (
    Array,
    Implementation,
    ImplementationError,
    Oracle,
)
from symopt.verification.subject import Subject

__all__ = ["implementation", "of_object", "state_name"]

DTYPES = ("float64", "float32", "bfloat16")
#: What PyTorch's optimizers call their state, and what the rules call it.
_STATE = {
    "exp_avg": "m", "exp_avg_sq": "v", "max_exp_avg_sq": "v_max", "exp_inf": "u",
    "momentum_buffer": "b", "sum": "G", "grad_avg": "g_bar", "mu_product": "Pi",
    "acc_delta": "D", "square_avg": "v",
}  # fmt: skip
#: These keep scalars in tensors of torch's default dtype, whatever the parameters' dtype is.
_SCALAR_STATE = ("NAdam", "ASGD")


def implementation(make: Callable[[Any], Any], dtype: str, name: str) -> Implementation:
    """See :meth:`~symopt.verification.implementation.Implementation.from_torch`."""
    torch = required("torch", "PyTorch", "torch")
    if dtype not in DTYPES:
        raise InputError(f"no dtype {dtype!r} for PyTorch; there are {', '.join(DTYPES)}")
    form = getattr(torch, dtype)
    kind = type(_made(make, [torch.nn.Parameter(torch.zeros(2, dtype=form))])).__name__
    notes: list[str] = []
    profiles = ["scalars in float64"]  # Python floats; kernels may round them to float32 first
    if dtype != "float64":
        profiles.append("scalars in float32")
    if kind in _SCALAR_STATE and torch.get_default_dtype() != torch.float64:
        profiles.append("scalar state in float32")
        notes.append(f"{kind} keeps scalars in torch's default dtype, {torch.get_default_dtype()}")

    def drive(x0: Array, oracle: Oracle, steps: int) -> list[Array]:
        parameter = torch.nn.Parameter(torch.tensor(np.array(x0)).to(form))
        optimizer = _made(make, [parameter])
        points = [_array(parameter)]
        for _ in range(steps):
            parameter.grad = torch.tensor(oracle(points[-1])).to(form)
            optimizer.step()
            points.append(_array(parameter))
            _report(oracle, optimizer.state.get(parameter, {}), kind)
        return points

    return Implementation(
        name or f"torch.optim.{kind}",
        drive,
        np.float64 if dtype == "float64" else np.float32,
        "; ".join(notes),
        tuple(profiles),
        dtype if dtype == "bfloat16" else "",
        subject=Subject("torch", make),
    )


def _made(make: Callable[[Any], Any], params: list[Any]) -> Any:
    try:
        made = make(params)
    except Exception as error:
        raise ImplementationError(
            f"the optimizer could not be made: {type(error).__name__}: {error}"
        ) from error
    if not hasattr(made, "step") or not hasattr(made, "state"):
        raise InputError(
            f"the function given to from_torch returned {type(made).__name__}; it takes a list of "
            "parameters and returns a torch.optim.Optimizer"
        )
    return made


def _array(parameter: Any) -> Array:
    import torch

    values = parameter.detach()
    if values.dtype not in (torch.float64, torch.float32):
        values = values.float()
    result: Array = values.numpy().copy()
    return result


def state_name(kind: str, key: str) -> str | None:
    """What the rules call a state of an optimizer, where they have a name for it.

    >>> state_name("Adam", "exp_avg_sq")
    'v'
    """
    return "E" if (kind, key) == ("Adadelta", "square_avg") else _STATE.get(key)


def _report(oracle: Oracle, state: Any, kind: str) -> None:
    for key, value in state.items():
        known = state_name(kind, key)
        if known is not None and value is not None:
            oracle.report(**{known: _array(value)})


def of_object(given: Any) -> Implementation:
    """From an optimizer (rebuilt from the settings of its first group), a class or a partial."""
    if callable(given) and not hasattr(given, "param_groups"):
        return implementation(given, "float64", "")
    accepted = inspect.signature(type(given)).parameters
    settings = {key: value for key, value in given.param_groups[0].items() if key in accepted}
    settings.pop("params", None)
    dtype = str(given.param_groups[0]["params"][0].dtype).removeprefix("torch.")
    return implementation(lambda params: type(given)(params, **settings), dtype, "")
