"""The real PyTorch optimizer, without symbols, at points of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symopt.verification.lift.second_point import SecondPoint, Slots

__all__ = ["TorchPoint"]


class TorchPoint(SecondPoint):
    """Runs of an optimizer from :func:`~.torch_code.lift_torch`'s target.

    ``names`` gives the symbol of each setting (``"lr"``, ``"betas[0]"``), ``labels`` that of each
    state.
    """

    def __init__(
        self, torch: Any, make: Callable[[list[Any]], Any], names: Mapping[str, str],
        labels: Mapping[str, str],
    ) -> None:  # fmt: skip
        self._torch = torch
        self._make = make
        self._names = names
        self._labels = labels

    def begin(self, start: Any, hyper: Mapping[str, float]) -> None:
        from symopt.verification.lift.torch_code import _double

        torch = self._torch
        with _double(torch):
            parameter = torch.tensor(start, requires_grad=True)
            optimizer = self._make([parameter])
            if optimizer.param_groups[0].get("differentiable"):
                parameter = parameter.detach().clone()
                optimizer = self._make([parameter])
        for group in optimizer.param_groups:
            for setting, symbol in self._names.items():
                if symbol not in hyper:
                    continue
                key, bracket, rest = setting.partition("[")
                if not bracket:
                    group[key] = hyper[symbol]
                    continue
                values = list(group[key])
                values[int(rest[:-1])] = hyper[symbol]
                group[key] = type(group[key])(values)
        self._optimizer, self._parameter = optimizer, parameter

    def step(self, gradient: Any) -> None:
        from symopt.verification.lift.torch_code import _double, allowed
        from symopt.verification.lift.torch_mode import WithoutCasts

        with _double(self._torch), WithoutCasts(), allowed(type(self._optimizer)):
            self._parameter.grad = self._torch.tensor(gradient)
            self._optimizer.step()

    def read(self) -> Slots:
        slots: Slots = {}
        for index, value in enumerate(_numbers(self._parameter)):
            slots["x", index] = value
        size = len(slots)
        for key, value in self._optimizer.state.get(self._parameter, {}).items():
            if key not in self._labels or value is None:
                continue
            numbers = _numbers(value)
            scalar = len(numbers) == 1 and size > 1
            for index, number in enumerate(numbers):
                slots[self._labels[key], None if scalar else index] = number
        return slots


def _numbers(value: Any) -> list[float]:
    if hasattr(value, "detach"):
        value = value.detach().double().numpy()
    return [float(entry) for entry in np.asarray(value).ravel()]
