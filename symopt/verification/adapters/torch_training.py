"""A PyTorch module trained by a PyTorch optimizer, as a training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from symopt.errors import InputError
from symopt.verification.adapters import required
from symopt.verification.implementation import Implementation, ImplementationError
from symopt.verification.training import training_implementation

__all__ = ["implementation"]


def implementation(
    make: Callable[[], Any], objective: Any, x0: Any, steps: int, dtype: str, name: str
) -> Implementation:
    """See ``Implementation.from_torch_training``."""
    torch = required("torch", "PyTorch", "torch")

    def train(start: Mapping[str, Any], count: int) -> Iterator[tuple[Any, ...]]:
        made = make()
        if not isinstance(made, (tuple, list)) or len(made) != 3:
            raise ImplementationError(
                "make() returns the module, its optimizer, and a function from the step to its loss"
            )
        module, optimizer, loss = made
        module.to(getattr(torch, dtype))
        tensors = list(module.parameters())
        shapes = [tuple(tensor.shape) for tensor in tensors]
        if len(tensors) != len(start):
            raise ImplementationError(
                f"the module has {len(tensors)} parameters, of shapes {shapes}; the model has "
                f"{', '.join(start)}"
            )
        pairs = list(zip(start.items(), tensors, strict=True))
        with torch.no_grad():
            for (key, value), tensor in pairs:
                tensor.copy_(torch.tensor(_given(key, value, tuple(tensor.shape))))
        for step in range(1, count + 1):
            optimizer.zero_grad()
            loss(step).backward()
            optimizer.step()
            yield tuple(
                _taken(tensor.detach().cpu().numpy(), np.shape(value))
                for (_, value), tensor in pairs
            )

    if not callable(make):
        raise InputError("from_torch_training: give a function that makes module and optimizer")
    return training_implementation(train, objective, x0, steps, dtype, name)


def _given(name: str, value: Any, shape: tuple[int, ...]) -> Any:
    """A parameter in the module's shape: a matrix as its transpose, as linear layers keep it."""
    part = np.array(value)
    if part.ndim == 2 and part.shape[::-1] == shape:
        return part.T.copy()
    if part.size == np.prod(shape, dtype=int) and (part.ndim < 2 or part.shape == shape):
        return part.reshape(shape)
    raise ImplementationError(
        f"the model's {name} has shape {part.shape}, and the module's parameter in its place "
        f"{shape}; it is that shape or its transpose"
    )


def _taken(part: Any, shape: tuple[int, ...]) -> Any:
    """A copy in the model's shape."""
    turned = part.T if len(shape) == 2 and part.shape == shape[::-1] else part
    return np.array(turned).reshape(shape)
