"""A sweep as one ``xarray.Dataset`` over rule, objective, hyperparameters, start, coordinate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.errors import MissingExtraError
from symopt.execution.sweep.values import label

if TYPE_CHECKING:
    from symopt.execution.sweep.result import Ends, Sweep

__all__ = ["dataset"]


def dataset(sweep: Sweep) -> Any:
    """The ends of a sweep, labelled; see :meth:`Sweep.to_xarray`."""
    try:
        import xarray
    except ImportError:
        raise MissingExtraError("to_xarray() needs xarray: pip install 'symopt[sweep]'") from None
    rules = list(dict.fromkeys(one.rule.name for one in sweep.ends))
    objectives = list(dict.fromkeys(one.objective.name for one in sweep.ends))
    labels = _labels(sweep)
    starts = max(len(one.starts) for one in sweep.ends)
    size = max(one.objective.dimension for one in sweep.ends)
    dims = ("rule", "objective", *labels, "start")
    shape = (len(rules), len(objectives), *map(len, labels.values()), starts)
    data: dict[str, Any] = {"ran": (dims, np.zeros(shape, bool))}
    x0 = np.full((len(objectives), starts, size), np.nan)
    for one in sweep.ends:
        row, column = rules.index(one.rule.name), objectives.index(one.objective.name)
        count, own = one.starts.shape
        x0[column, :count, :own] = one.starts
        places = [_places(one, name, values) for name, values in labels.items()]
        here = (row, column, *np.ix_(*places, range(count)))
        data["ran"][1][here] = True
        for name, array in one.quantities.items():
            deep = array.ndim > len(one.axes) + 1
            if name not in data:
                whole = (*shape, size) if deep else shape
                data[name] = ((*dims, "coordinate") if deep else dims, _nothing(whole, array))
            spread = _spread(array, one, list(labels))
            if deep:
                for index in range(own):
                    data[name][1][(*here, index)] = spread[..., index]
            else:
                data[name][1][here] = spread
    data["x0"] = (("objective", "start", "coordinate"), x0)
    names = [f"x{i + 1}" for i in range(size)]
    if len(objectives) == 1:
        names = [symbol.name for symbol in sweep.ends[0].objective.variables]
    return xarray.Dataset(
        data,
        coords={
            "rule": rules, "objective": objectives, **labels, "start": np.arange(starts),
            "coordinate": names,
        },
        attrs={"caption": sweep.caption, "steps": sweep.steps, "arithmetic": sweep.arithmetic},
    )  # fmt: skip


def _nothing(shape: tuple[int, ...], like: Any) -> Any:
    """An array in which nothing ran."""
    kind = like.dtype.kind
    return np.full(shape, {"f": np.nan, "b": False}.get(kind, -1), like.dtype)


def _values(one: Ends, name: str) -> tuple[Any, ...]:
    """The values of a hyperparameter with which a rule ran; none where it has no such."""
    for axis in one.axes:
        if axis.name == name:
            return axis.values
    if name in one.fixed:
        return (one.fixed[name],)
    return tuple(entry.default for entry in one.rule.parameters if entry.name == name)


def _labels(sweep: Sweep) -> dict[str, list[Any]]:
    """The values along each hyperparameter that a rule varies, sorted where all are numbers."""
    names = dict.fromkeys(axis.name for one in sweep.ends for axis in one.axes)
    found: dict[str, list[Any]] = {}
    for name in names:
        values = dict.fromkeys(label(v) for one in sweep.ends for v in _values(one, name))
        numbers = all(isinstance(value, float) for value in values)
        found[name] = sorted(values) if numbers else list(map(str, values))
    return found


def _places(one: Ends, name: str, labels: list[Any]) -> list[int]:
    """Where a pair's runs lie along a hyperparameter; everywhere, where the rule has no such."""
    marks = [label(value) for value in _values(one, name)]
    if isinstance(labels[0], str):
        marks = list(map(str, marks))
    return [labels.index(mark) for mark in marks] or list(range(len(labels)))


def _spread(array: Any, one: Ends, names: list[str]) -> Any:
    """The array with the axes of the whole, in its order; those that it lacks have length one."""
    own = [axis.name for axis in one.axes]
    order = [own.index(name) for name in names if name in own]
    moved = array.transpose(*order, *range(len(own), array.ndim))
    shape = [array.shape[own.index(name)] if name in own else 1 for name in names]
    return moved.reshape(*shape, *array.shape[len(own) :])
