"""A bound objective is an array objective on data, with every size a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from sympy import Symbol

from symopt.errors import InputError, did_you_mean
from symopt.statement.array.entries import Entries
from symopt.statement.array.expression import Array, shape_text
from symopt.statement.array.objective import ArrayObjective
from symopt.statement.array.scalar import entry_names, label_widths, over_parameters
from symopt.statement.numbers import rational, received
from symopt.statement.source import Source

if TYPE_CHECKING:
    from symopt.execution.array.kernel import ArrayKernel
    from symopt.statement.array.batches import Batches
    from symopt.statement.objective import Objective

__all__ = ["BoundObjective", "bind"]

Values = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class BoundObjective:
    """An array objective with data bound to it: what is run, differentiated and checked.

    ``data`` holds an array for each name: float64, integers (labels), or objects (``Fraction``)
    where exact numbers were given that are no floats. Parameters lie in one vector ``theta``, in
    the order of the statement, matrices row by row.

    >>> import symopt
    >>> fit = symopt.models.linear_regression.bind(X=[[1], [2]], y=["1/2", 3])
    >>> fit.value([1, 0]), fit.gradient([1, 0])
    (0.625, array([-1.5, -0.5]))
    """

    statement: ArrayObjective
    data: Mapping[str, Values] = field(repr=False)
    #: The statement before its sizes were numbers, and those numbers.
    stated: ArrayObjective = field(repr=False)
    sizes: Mapping[str, int] = field(repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """The statement and its data; kernels hold buffers and are made again."""
        return {each.name: self.__dict__[each.name] for each in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @property
    def title(self) -> str:
        """The title of the statement."""
        return self.statement.title

    @property
    def name(self) -> str:
        """The name of the statement."""
        return self.statement.name

    @property
    def source(self) -> Source | None:
        """The source of the statement."""
        return self.statement.source

    @property
    def parameters(self) -> tuple[Array, ...]:
        """The parameters, in the order in which they lie in ``theta``."""
        return tuple(self.statement.parameters)

    @cached_property
    def slices(self) -> dict[str, tuple[slice, tuple[int, ...]]]:
        """Where each parameter lies in ``theta``, and its shape."""
        found: dict[str, tuple[slice, tuple[int, ...]]] = {}
        start = 0
        for leaf in self.parameters:
            shape = tuple(dim for dim in leaf.shape if isinstance(dim, int))
            found[leaf.name] = slice(start, start + prod(shape)), shape
            start += prod(shape)
        return found

    @cached_property
    def dimension(self) -> int:
        """The number of entries of all parameters."""
        return int(max(part.stop for part, _ in self.slices.values()))

    @cached_property
    def variables(self) -> tuple[Symbol, ...]:
        """A symbol for each entry of ``theta``, such as ``W_1_2``."""
        names = [name for leaf in self.parameters for name in entry_names(leaf)]
        return tuple(Symbol(name, real=True) for name in names)

    def flatten(self, given: Mapping[str, Any]) -> Values:
        """The vector ``theta`` of an array for each parameter.

        Raises :class:`~symopt.errors.InputError` for a missing name or another shape.
        """
        for name in given:
            if name not in self.slices:
                raise InputError(
                    f"{self.name} has no parameter {name!r}; it has {', '.join(self.slices)}."
                    f"{did_you_mean(name, self.slices)}"
                )
        parts = []
        for name, (_, shape) in self.slices.items():
            if name not in given:
                raise InputError(f"{self.name}: no numbers for parameter {name}")
            part = read_numbers(given[name], f"{self.name}: {name}")
            if part.shape != shape:
                raise InputError(
                    f"{self.name}: {name} has shape {shape_text(shape)}, and the numbers given "
                    f"have shape {shape_text(part.shape)}"
                )
            parts.append(part.ravel())
        return np.concatenate(parts)

    def unflatten(self, theta: Any) -> dict[str, Values]:
        """An array for each parameter, as views where ``theta`` is an array.

        ``theta`` may hold points along its first axes.
        """
        points = np.asarray(theta)
        if points.shape[-1:] != (self.dimension,):
            raise InputError(
                f"{self.name}: theta of shape {shape_text(points.shape)}, and it has "
                f"{self.dimension} entries"
            )
        return {
            name: points[..., part].reshape(points.shape[:-1] + shape)
            for name, (part, shape) in self.slices.items()
        }

    def exact_data(self) -> dict[str, Entries]:
        """Every number of the data as an exact fraction; labels as one-hot rows."""
        widths = {leaf.name: width for leaf, width in label_widths(self.statement).items()}
        found: dict[str, Entries] = {}
        for leaf in self.statement.data:
            given = self.data[leaf.name]
            if leaf.op == "labels":
                if leaf.name not in widths:
                    continue
                given = np.eye(widths[leaf.name], dtype=int)[given]
            found[leaf.name] = np.asarray(np.frompyfunc(Fraction, 1, 1)(given.astype(object)))
        return found

    def scalar(self) -> Objective:
        """The ordinary objective over the entries of the parameters, on the exact data."""
        convert = np.frompyfunc(rational, 1, 1)
        data = {name: np.asarray(convert(part)) for name, part in self.exact_data().items()}
        return over_parameters(self.statement, data)

    @cached_property
    def samples(self) -> str:
        """The name of the size that counts samples: the first axis of the first data."""
        for leaf in self.stated.data:
            if leaf.shape and isinstance(leaf.shape[0], str):
                return leaf.shape[0]
        raise InputError(f"{self.name}: no data have an open number of samples as first axis")

    def rows(self, chosen: Any) -> BoundObjective:
        """The same objective on some samples, by a slice or by indices: a mini-batch.

        Data that have no axis of samples stay as they are. The result has its own number of
        samples, so a mean is over the chosen ones.

        >>> import symopt
        >>> fit = symopt.models.linear_regression.bind(X=[[1], [2], [3]], y=[0, 3, 1])
        >>> fit.rows(slice(2)).value([1, 0]), fit.rows([1]).value([1, 0])
        (1.0, 1.0)
        """
        samples = self.samples
        values: dict[str, Any] = dict(self.data)
        for leaf in self.stated.data:
            for axis, dim in enumerate(leaf.shape):
                if dim == samples:
                    index = (slice(None),) * axis + (chosen,)
                    values[leaf.name] = values[leaf.name][index]
        sizes = {name: size for name, size in self.sizes.items() if name != samples}
        return bind(self.stated, {**sizes, **values})

    def batches(self, size: int, order: str = "in order", seed: int | None = None) -> Batches:
        """The same loss in mini-batches: a run's step t sees the samples of batch t.

        ``order`` is ``"in order"``, ``"shuffled"``, ``"cyclic"`` or ``"with replacement"``; what
        is random needs a seed. See :class:`~symopt.statement.array.batches.Batches`.

        >>> import symopt
        >>> fit = symopt.models.linear_regression.bind(X=[[1], [2], [3]], y=[0, 3, 1])
        >>> parts = fit.batches(size=2)
        >>> symopt.run("gradient_descent", parts, [0, 0], 2, "rational", eta="1/10").x[-1]
        array([Fraction(-3, 50), Fraction(2, 25)], dtype=object)
        """
        from symopt.statement.array.batches import batches

        return batches(self, size, order, seed)

    @cached_property
    def kernel(self) -> ArrayKernel:
        """The generated float64 kernel of value and gradient, with its ``.source``."""
        from symopt.execution.array.kernel import array_kernel

        return array_kernel(self)

    def value(self, theta: Any, arithmetic: str = "float64") -> Any:
        """The loss at ``theta`` (a vector, or a dict of arrays).

        ``arithmetic`` is ``"float64"``, ``"float32"``, ``"rational"`` (a fraction) or ``"ball"``
        (certified, of a relative radius below 2**-120).

        >>> import symopt
        >>> fit = symopt.models.logistic_regression.bind(X=[[1], [2]], y=[0, 1])
        >>> fit.value([1, 0]), fit.value([1, 0], "ball").str(30, radius=False)
        (0.7200948492805977, '0.720094849280597665246361150663')
        """
        if _is_exact(arithmetic):
            from symopt.execution.array.at_point import exact_value

            return exact_value(self, theta, arithmetic)
        return self._kernel(arithmetic).value_at(self.point(theta))

    def gradient(self, theta: Any, arithmetic: str = "float64") -> Values:
        """The gradient at ``theta`` as one vector, in the same arithmetics as :meth:`value`."""
        if _is_exact(arithmetic):
            from symopt.execution.array.at_point import exact_gradient

            found: Values = exact_gradient(self, theta, arithmetic)
            return found
        return self._kernel(arithmetic).gradient_at(self.point(theta))

    def _kernel(self, arithmetic: str) -> ArrayKernel:
        return self.kernel if arithmetic == "float64" else self._single

    @cached_property
    def _single(self) -> ArrayKernel:
        from symopt.execution.array.kernel import array_kernel

        return array_kernel(self, np.float32)

    def point(self, theta: Any) -> Values:
        """A vector ``theta`` from a vector or from a dict of arrays, checked."""
        if isinstance(theta, Mapping):
            return self.flatten(theta)
        made = read_numbers(theta, f"{self.name}: theta")
        if made.shape != (self.dimension,):
            raise InputError(
                f"{self.name}: theta has shape {shape_text(made.shape)}, and the parameters "
                f"{', '.join(self.slices)} have {self.dimension} entries together"
            )
        return made

    def __str__(self) -> str:
        listed = ", ".join(f"{name} {shape_text(part.shape)}" for name, part in self.data.items())
        return f"{self.statement}\n  on {listed}"


def _is_exact(arithmetic: str) -> bool:
    known = ("float64", "float32", "rational", "ball")
    if arithmetic not in known:
        raise InputError(f"no arithmetic {arithmetic!r}; there are {', '.join(map(repr, known))}")
    return arithmetic in ("rational", "ball")


def read_numbers(given: Any, where: str) -> Values:
    """Numbers as an array: float64 where all are floats or integers, else exact fractions.

    Raises :class:`~symopt.errors.InputError` for nan, infinities, ragged rows and other objects.
    """
    try:
        made = np.asarray(given)
    except ValueError as error:
        raise InputError(f"{where}: not an array of numbers ({error})") from None
    if made.dtype.kind in "fiu":
        if made.dtype.kind in "iu" and made.size and int(np.abs(made).max()) >= 2**53:
            return _fractions(made.astype(object), where)
        if made.dtype.itemsize > 8:
            return _fractions(made.astype(object), where)
        floats = np.array(made, dtype=np.float64)
        finite = np.isfinite(floats)
        if not finite.all():
            place = tuple(int(i) for i in np.argwhere(~finite)[0])
            raise InputError(f"{where}: {floats[place]} at {place}; data are finite numbers")
        return floats
    if made.dtype.kind in "OUS":
        return _fractions(np.asarray(given, dtype=object), where)
    raise InputError(f"{where}: an array of {made.dtype} holds no numbers")


def _fractions(given: Values, where: str) -> Values:
    made = np.empty(given.shape, dtype=object)
    for index in np.ndindex(given.shape):
        made[index] = received(given[index], f"{where}, entry {index}")
    floats = all(abs(value) < 2**1000 and float(value) == value for value in made.flat)
    return made.astype(np.float64) if floats else made


def bind(objective: ArrayObjective, given: Mapping[str, Any]) -> BoundObjective:
    """The objective on data, with its sizes read off the shapes."""
    sizes: dict[str, int] = {}
    origin: dict[str, str] = {}
    values: dict[str, Values] = {}
    names = [leaf.name for leaf in objective.data]
    for name, value in given.items():
        if name in names:
            continue
        if name not in objective.sizes:
            known = [*names, *objective.sizes]
            raise InputError(
                f"{objective.name} has no data or size {name!r}; it has {', '.join(known)}."
                f"{did_you_mean(name, known)}"
            )
        sizes[name] = int(value) if isinstance(value, np.integer) else value
        origin[name] = f"{name}={value}"
    objective.sized(**sizes)  # whether they are numbers
    for leaf in objective.data:
        if leaf.name not in given:
            raise InputError(
                f"{objective.name}: no data for {leaf.name} of shape {shape_text(leaf.shape)}"
            )
        where = f"{objective.name}: {leaf.name}"
        read = _labels if leaf.op == "labels" else read_numbers
        made = values[leaf.name] = read(given[leaf.name], where)
        if made.ndim != len(leaf.shape):
            raise InputError(
                f"{where} has shape {shape_text(leaf.shape)}, and the numbers given have shape "
                f"{shape_text(made.shape)}"
            )
        for dim, length in zip(leaf.shape, made.shape, strict=True):
            wanted = sizes.setdefault(dim, length) if isinstance(dim, str) else dim
            if wanted != length:
                told = f"{dim} is {wanted} from {origin[dim]}" if dim in origin else f"not {dim}"
                raise InputError(
                    f"{where} has shape {shape_text(leaf.shape)}, and the numbers given have "
                    f"shape {shape_text(made.shape)}: {told}"
                )
            if isinstance(dim, str):
                origin.setdefault(dim, f"{leaf.name} {shape_text(made.shape)}")
            if length == 0:
                raise InputError(f"{where} is empty: shape {shape_text(made.shape)}")
        made.flags.writeable = False
    _classes(objective, sizes, values)
    open_ = [name for name in objective.sizes if name not in sizes]
    if open_:
        raise InputError(
            f"{objective.name}: no data tell the size {open_[0]}; give it too: "
            f"bind(..., {open_[0]}=3)"
        )
    return BoundObjective(objective.sized(**sizes), values, objective, sizes)


def _labels(given: Any, where: str) -> Values:
    numbers = read_numbers(given, where)
    floats = numbers.astype(np.float64)
    if not (floats == np.floor(floats)).all() or (floats < 0).any():
        raise InputError(f"{where}: labels are whole numbers from 0")
    return floats.astype(np.intp)


def _classes(
    objective: ArrayObjective, sizes: dict[str, int], values: Mapping[str, Values]
) -> None:
    """The number of classes of labels where nothing else tells it, and whether they fit."""
    from symopt.statement.array.expression import order

    for node in order(objective.loss):
        if node.op != "onehot":
            continue
        name, dim = node.args[0].name, node.shape[1]
        largest = int(values[name].max())
        width = sizes.setdefault(dim, largest + 1) if isinstance(dim, str) else dim
        if largest >= width:
            raise InputError(
                f"{objective.name}: {name} holds the label {largest}, and there are {width} "
                f"classes (0 to {width - 1})"
            )
