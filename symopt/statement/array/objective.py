"""An array objective is a scalar expression over parameters and data, its shapes checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from symopt.errors import InputError, StatementError, did_you_mean
from symopt.statement.array.expression import Array, order, rebuild, shape_text
from symopt.statement.source import Source

if TYPE_CHECKING:
    from symopt.derivation.array.gradient import ArrayGradient
    from symopt.statement.array.bound import BoundObjective
    from symopt.statement.objective import Objective

__all__ = ["ArrayObjective"]


@dataclass(frozen=True)
class ArrayObjective:
    """A loss over vectors and matrices, to be minimized over its parameters.

    Parameters
    ----------
    loss
        A scalar :class:`~symopt.statement.array.Array`.
    parameters
        What is learned, in the order in which it is laid out in one vector.
    data
        What is bound to numbers later, labels included.
    title, source, note
        What it is called, where it stands, and what to know.

    >>> from symopt.statement.array import data, let, mean, parameter, square
    >>> X, y, w, b = data("X", "n", "d"), data("y", "n"), parameter("w", "d"), parameter("b")
    >>> fit = ArrayObjective(mean(square(let("r", X @ w + b - y))), (w, b), (X, y), "A fit")
    >>> print(fit)
    A fit
      parameters w (d,), b ()
      data X (n, d), y (n,)
      r = X @ w + b - y
      L = sum(square(r))/n
    >>> print(fit.gradient)
    dL/dr = 2/n*r
    dL/dw = X.T @ dL/dr
    dL/db = sum(dL/dr)
    """

    loss: Array
    parameters: Sequence[Array]
    data: Sequence[Array] = ()
    title: str = ""
    source: Source | None = None
    note: str = ""
    name: str = ""
    family: str = ""

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "parameters", tuple(self.parameters))
        put(self, "data", tuple(self.data))
        put(self, "title", self.title or "Array objective")
        put(self, "name", self.name or re.sub(r"\W+", "_", self.title.lower()).strip("_")[:40])
        where = f"objective {self.title!r}"
        if not isinstance(self.loss, Array):
            raise StatementError(f"{where}: a loss is an array expression, not {self.loss!r}")
        if self.loss.shape != ():
            raise StatementError(
                f"{where}: a loss is a scalar, and {self.loss!r} has shape "
                f"{shape_text(self.loss.shape)}; take its mean() or total()"
            )
        for given, ops, what in (
            (self.parameters, ("parameter",), "parameters"),
            (self.data, ("data", "labels"), "data"),
        ):
            for leaf in given:
                if not isinstance(leaf, Array) or leaf.op not in ops:
                    raise StatementError(f"{where}: {leaf!r} among {what} is no {ops[0]}(...)")
        if not self.parameters:
            raise StatementError(f"{where}: it has no parameters")
        names = [leaf.name for leaf in (*self.parameters, *self.data, *self.intermediates)]
        for name in names:
            if names.count(name) > 1:
                raise StatementError(f"{where}: {name} names two things")
        listed = {*self.parameters, *self.data}
        used = [node for node in order(self.loss) if node.op in ("parameter", "data", "labels")]
        for leaf in used:
            if leaf not in listed:
                kind = "parameters" if leaf.op == "parameter" else "data"
                raise StatementError(
                    f"{where}: {leaf.name} of shape {shape_text(leaf.shape)} is used but not "
                    f"listed; add it to {kind}="
                )
        for leaf in self.parameters:
            if leaf not in used:
                raise StatementError(f"{where}: the loss does not depend on parameter {leaf.name}")

    @cached_property
    def intermediates(self) -> tuple[Array, ...]:
        """The named intermediates, each after those that it uses."""
        return tuple(node for node in order(self.loss) if node.op == "let")

    @cached_property
    def sizes(self) -> tuple[str, ...]:
        """The named sizes that are still open, in the order in which they appear."""
        found: dict[str, None] = {}
        for node in (*self.data, *self.parameters, *order(self.loss)):
            for dim in (*node.shape, *([node.value] if node.op == "size" else [])):
                if isinstance(dim, str):
                    found[dim] = None
        return tuple(found)

    def sized(self, **sizes: int) -> ArrayObjective:
        """The same with numbers for named sizes: ``objective.sized(d=2, K=3)``.

        Raises :class:`~symopt.errors.InputError` for a name that is none of its sizes.
        """
        for name, value in sizes.items():
            if name not in self.sizes:
                raise InputError(
                    f"{self.name} has no size {name!r}; its sizes are "
                    f"{', '.join(self.sizes) or 'all numbers'}.{did_you_mean(name, self.sizes)}"
                )
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"{self.name}: size {name} is a positive number, not {value!r}")
        if not sizes:
            return self
        known: dict[Array, Array] = {}
        loss = rebuild(self.loss, known, sizes)
        leaves = {leaf: rebuild(leaf, known, sizes) for leaf in (*self.parameters, *self.data)}
        return replace(
            self,
            loss=loss,
            parameters=tuple(leaves[leaf] for leaf in self.parameters),
            data=tuple(leaves[leaf] for leaf in self.data),
        )

    def learning(self, *names: str) -> ArrayObjective:
        """The same where only these parameters are learned; the others become data.

        >>> import symopt
        >>> fit = symopt.models.linear_regression.learning("b")
        >>> [leaf.name for leaf in fit.parameters], [leaf.name for leaf in fit.data]
        (['b'], ['X', 'y', 'w'])

        Raises :class:`~symopt.errors.InputError` for a name that is none of its parameters.
        """
        known = [leaf.name for leaf in self.parameters]
        for name in names:
            if name not in known:
                raise InputError(
                    f"{self.name} has no parameter {name!r}; it has {', '.join(known)}."
                    f"{did_you_mean(name, known)}"
                )
        held = {
            leaf: Array("data", (), leaf.shape, leaf.name)
            for leaf in self.parameters
            if leaf.name not in names
        }
        return replace(
            self,
            loss=rebuild(self.loss, dict(held)),
            parameters=tuple(leaf for leaf in self.parameters if leaf not in held),
            data=(*self.data, *held.values()),
        )

    def bind(self, values: Mapping[str, Any] | None = None, /, **data: Any) -> BoundObjective:
        """The objective on data: ``objective.bind(X=X, y=y)``; sizes follow from the shapes.

        Numbers may be floats (their exact binary64 values), integers, fractions or text. Sizes
        that no data tells are given by name too: ``bind(X=X, Y=Y, h=13)``.

        Raises :class:`~symopt.errors.InputError` for missing data, nan, and shapes that do not
        fit.
        """
        from symopt.statement.array.bound import bind

        return bind(self, {**(values or {}), **data})

    def scalar(self, **sizes: int) -> Objective:
        """The ordinary objective over all entries, parameters and data alike, at given sizes.

        >>> import symopt
        >>> symopt.models.ridge.scalar(n=1, d=1).variables
        (w_1, b, X_1_1, y_1, lam)
        """
        from symopt.statement.array.scalar import scalar_objective

        return scalar_objective(self.sized(**sizes))

    @property
    def gradient(self) -> ArrayGradient:
        """The exact gradient in matrix form, with the steps that lead to it."""
        from symopt.derivation.array.gradient import gradient

        return gradient(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        from symopt.presentation.rich import bundle

        return bundle(self)

    def named(self, name: str, family: str = "") -> ArrayObjective:
        """The same objective under another library name."""
        return replace(self, name=name, family=family or self.family)

    def __str__(self) -> str:
        from symopt.statement.array.text import text

        source = f" ({self.source.text})" if self.source else ""
        lines = [f"{self.title}{source}"]
        for what, given in (("parameters", self.parameters), ("data", self.data)):
            if given:
                listed = ", ".join(f"{leaf.name} {shape_text(leaf.shape)}" for leaf in given)
                lines.append(f"  {what} {listed}")
        lines += [f"  {node.name} = {text(node.args[0])}" for node in self.intermediates]
        return "\n".join([*lines, f"  L = {text(self.loss)}"])
