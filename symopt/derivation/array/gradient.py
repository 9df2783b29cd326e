"""The gradient of an array objective in matrix form, with the steps that lead to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from symopt.derivation.array import tidy
from symopt.derivation.array.rules import adjoints
from symopt.errors import UnknownNameError, did_you_mean
from symopt.statement.array.expression import Array, array, order
from symopt.statement.array.objective import ArrayObjective
from symopt.statement.array.text import text

__all__ = ["Application", "ArrayGradient", "Contribution", "GradientStep", "gradient"]


@dataclass(frozen=True)
class Application:
    """One use of a rule: the adjoint of ``node`` gives what its argument ``position`` receives."""

    node: Array
    position: int
    before: Array
    after: Array

    @property
    def rule(self) -> str:
        """The operation, or the elementwise function, whose rule was used."""
        return str(self.node.value[0]) if self.node.op == "apply" else self.node.op


@dataclass(frozen=True)
class Contribution:
    """What an array receives along one path: from the loss or a named intermediate, by rules.

    ``path`` holds the uses of rules in order, from the consumer down to the array; ``consumer`` is
    the loss or the named intermediate at which the path begins.
    """

    consumer: Array
    path: tuple[Application, ...]
    term: Array


@dataclass(frozen=True)
class GradientStep:
    """The gradient of the loss with respect to one named array: the sum of its contributions."""

    target: Array
    contributions: tuple[Contribution, ...]
    result: Array

    def __str__(self) -> str:
        return f"dL/d{self.target.name} = {text(self.result).replace('d_', 'dL/d')}"


@dataclass(frozen=True)
class ArrayGradient(Mapping[str, Array]):
    """The gradient by each parameter's name, each shaped like its parameter.

    ``steps`` is the derivation, from the loss down: the adjoint of every named intermediate, then
    of every parameter. Expressions use the adjoints of intermediates by name (``op`` is
    ``"adjoint"``, and the argument is what stands behind the name).

    >>> from symopt.statement.array import ArrayObjective, data, mean, parameter, square
    >>> X, y, w = data("X", "n", "d"), data("y", "n"), parameter("w", "d")
    >>> print(ArrayObjective(mean(square(X @ w - y)), (w,), (X, y)).gradient["w"])
    2/n*(X.T @ (X @ w - y))
    """

    objective: ArrayObjective
    steps: tuple[GradientStep, ...]

    def __getitem__(self, name: str) -> Array:
        for step in self.steps:
            if step.target.op == "parameter" and step.target.name == name:
                return step.result
        names = [leaf.name for leaf in self.objective.parameters]
        raise UnknownNameError(f"no parameter {name!r}.{did_you_mean(name, names)}")

    def __iter__(self) -> Iterator[str]:
        return iter(leaf.name for leaf in self.objective.parameters)

    def __len__(self) -> int:
        return len(self.objective.parameters)

    def step(self, name: str) -> GradientStep:
        """The step for a parameter or a named intermediate."""
        for step in self.steps:
            if step.target.name == name:
                return step
        names = [step.target.name for step in self.steps]
        raise UnknownNameError(f"no step for {name!r}.{did_you_mean(name, names)}")

    def __str__(self) -> str:
        return "\n".join(map(str, self.steps))


@lru_cache(maxsize=128)
def gradient(objective: ArrayObjective) -> ArrayGradient:
    """The gradient by reverse differentiation, from the loss down to the parameters."""
    nodes = order(objective.loss)
    varies: set[Array] = set()
    for node in nodes:
        if node.op == "parameter" or any(arg in varies for arg in node.args):
            varies.add(node)
    names = {node.args[0]: node for node in nodes if node.op == "let"}
    received: dict[Array, list[Contribution]] = {
        objective.loss: [Contribution(objective.loss, (), array(1))]
    }
    steps: list[GradientStep] = []
    parameters: list[GradientStep] = []
    for node in reversed(nodes):
        if node not in varies or node not in received:
            continue
        contributions = received.pop(node)
        bar = contributions[0].term
        for further in contributions[1:]:
            bar = tidy.added(bar, further.term)
        if node.op == "parameter":
            parameters.append(GradientStep(node, tuple(contributions), bar))
            continue
        if node.op == "let":
            steps.append(GradientStep(node, tuple(contributions), bar))
            bar = Array("adjoint", (bar,), bar.shape, node.name)
            contributions = [Contribution(node, (), bar)]
        parts = adjoints(node, bar, names.get(node))
        for position, (arg, part) in enumerate(zip(node.args, parts, strict=True)):
            if part is None or arg not in varies:
                continue
            use = Application(node, position, bar, part)
            # What came together from several paths goes on from here as one.
            single = contributions[0] if len(contributions) == 1 else None
            consumer, path = (single.consumer, single.path) if single else (node, ())
            received.setdefault(arg, []).append(Contribution(consumer, (*path, use), part))
    listed = list(objective.parameters)
    for leaf in listed:
        if all(step.target is not leaf for step in parameters):
            zero = tidy.filled(array(0), leaf.shape)
            parameters.append(GradientStep(leaf, (), zero))
    parameters.sort(key=lambda step: listed.index(step.target))
    return ArrayGradient(objective, (*steps, *parameters))
