"""The result of a run: points, state, values and gradients, with the statement that made them."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from sympy import Expr

from symopt.errors import InputError, MissingExtraError
from symopt.execution.files import written
from symopt.statement.array.batches import Batches
from symopt.statement.array.bound import BoundObjective
from symopt.statement.rule import Rule

__all__ = ["Setting", "Trajectory", "load"]

#: A hyperparameter of a run: a number, an expression of ``t``, or an array of a number per lane.
Setting: TypeAlias = "Fraction | Expr | np.ndarray[Any, np.dtype[np.floating[Any]]]"


#: How many coordinates a table shows.
_COLUMNS = 8


@dataclass(frozen=True)
class Trajectory:
    """A run of a rule on an objective.

    Attributes
    ----------
    x
        The points: shape ``(steps + 1, d)``, the start first; for a batch of ``n`` starts
        ``(steps + 1, n, d)``. With ``record="final"`` only the last row, with ``record=n`` every
        n-th step and the last; ``recorded`` tells which steps the rows belong to. The dtype is
        float64 or float32, or object: ``Fraction`` (rational) or ``flint.arb`` (ball).
    state
        Each state variable by name, shaped like ``x``, scalars like ``(steps + 1,)``; empty for
        ``record="point"``.
    hyperparameters
        Each by name: the exact values that the run received, or an expression of ``t``; where
        they differ from lane to lane, an array of the received numbers, one for each lane.
    diverged_at
        The first step at which a number is infinite or nan (for a ball run: larger than any
        binary64 number), else ``None``; for a batch the number of such lanes is ``diverged``.
        Where not every step is recorded, a run that ends finite counts as not diverged.
    attained
        For a run that keeps reductions, such as ``record=Best()``: the step at which each row's
        point was reached, of shape ``(rows,)`` or ``(rows, n)``; else ``None``. ``recorded`` then
        holds the same, or for a batch the number of steps.
    precision
        The bits of a ball run, else ``None``.
    fast
        Whether compiled code was free to contract and reorder operations.

    >>> import symopt
    >>> print(symopt.run("momentum", "half_square", ("1",), 2, arithmetic="rational", eta="0.01"))
    Momentum on Half square: 2 steps, rational arithmetic, eta = 1/100, mu = 9/10
      t  w                f
      0  1                1/2
      1  99/100           9801/20000
      2  9711/10000       94303521/200000000
    """

    rule: Rule
    objective: Any  # an Objective, a BoundObjective, or Batches of one
    arithmetic: str
    hyperparameters: Mapping[str, Setting]
    x0: Sequence[Fraction]
    steps: int
    x: Any
    state: Mapping[str, Any]
    recorded: Sequence[int]
    backend: str = "python"
    diverged_at: int | None = None
    precision: int | None = None
    note: str = ""
    diverged: int = field(default=0)
    attained: Any = None
    fast: bool = False

    @cached_property
    def values(self) -> Any:
        """The objective at each recorded point."""
        from symopt.execution.along import evaluate

        return evaluate(self, "value")

    @cached_property
    def gradients(self) -> Any:
        """The gradient at each recorded point, shaped like ``x``."""
        from symopt.execution.along import evaluate

        return evaluate(self, "gradient")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        from symopt.presentation.rich import bundle

        return bundle(self)

    def floats(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The points as binary64 numbers, each the nearest to the exact one (inf out of range)."""
        return as_floats(self.x)

    def losses(self, by: str = "iteration", of: str = "mean") -> Any:
        """The losses of a run in batches, in its own arithmetic.

        ``by="iteration"``: of each step's batch at the point before the step, as a training loop
        prints it. ``by="epoch"``: for each whole epoch the ``"mean"`` of these, or the loss on the
        ``"whole"`` data after it.

        >>> import symopt
        >>> fit = symopt.models.linear_regression.bind(X=[[1], [2], [3]], y=[0, 3, 1])
        >>> parts = fit.batches(size=2)
        >>> made = symopt.run("gradient_descent", parts, [0, 0], 2, "rational", eta="1/10")
        >>> made.losses(), made.losses(by="epoch")
        (array([Fraction(9, 2), Fraction(121, 100)], dtype=object), array([Fraction(571, 200)], ...
        """
        from symopt.execution.array.losses import losses

        return losses(self, by, of)

    def parameters(self, step: int = -1) -> dict[str, Any]:
        """The point after a recorded step as an array for each parameter of an array objective.

        Raises :class:`~symopt.errors.InputError` for a step that is not recorded.

        >>> import symopt
        >>> fit = symopt.models.linear_regression.bind(X=[[1], [2]], y=[1, 3])
        >>> symopt.run("gradient_descent", fit, [0, 0], 1, eta="1/2").parameters()
        {'w': array([3.5]), 'b': array(2.)}
        """
        if not isinstance(self.objective, (BoundObjective, Batches)):
            raise InputError(f"{self.objective.name} is stated over single variables: see .x")
        if step != -1 and step not in self.recorded:
            raise InputError(f"step {step} is not recorded; recorded are {_some(self.recorded)}")
        row = -1 if step == -1 else self.recorded.index(step)
        return self.objective.unflatten(self.x[row])

    def __len__(self) -> int:
        return len(self.recorded)

    @property
    def caption(self) -> str:
        """What was run, in one line."""
        settings = ", ".join(
            f"{name} = {setting_text(value, self.arithmetic)}"
            for name, value in self.hyperparameters.items()
        )
        bits = f" ({self.precision} bits)" if self.precision else ""
        return (
            f"{self.rule.title} on {self.objective.title}: {self.steps} steps, "
            f"{self.arithmetic} arithmetic{bits}{', fast' if self.fast else ''}, {settings}"
        )

    def table(self, rows: int = 12) -> tuple[list[str], list[list[str]]]:
        """Header and cells of a readable table; a long run shows its beginning and end."""
        names = [symbol.name for symbol in self.objective.variables[:_COLUMNS]]
        wide = self.objective.dimension > len(names)
        header = ["t", *names, *["..."][: int(wide)], "f"]
        chosen = list(range(len(self.recorded)))
        if len(chosen) > rows:
            chosen = [*chosen[: rows // 2], *chosen[-(rows - rows // 2) :]]
        cells = []
        for row in chosen:
            point = [number_text(value) for value in self.x[row][:_COLUMNS]]
            point += ["..."][: int(wide)]
            step = self.recorded[row]
            when = str(step) if step >= 0 else "never"
            cells.append([when, *point, number_text(self.values[row])])
        return header, cells

    def __str__(self) -> str:
        lines = [self.caption]
        if np.ndim(self.x) == 3:
            lines.append(f"  a batch of {self.x.shape[1]} runs, {self.diverged} diverged")
            return "\n".join(lines)
        header, cells = self.table()
        widths = [max(len(row[i]) for row in [header, *cells]) for i in range(len(header))]
        gap = len(cells) // 2 if len(self.recorded) > len(cells) else -1
        for position, row in enumerate([header, *cells]):
            if gap >= 0 and position == gap + 1:
                lines.append("  ...")
            pairs = zip(row, widths, strict=True)
            lines.append(("  " + "  ".join(cell.ljust(w) for cell, w in pairs)).rstrip())
        if self.diverged_at is not None:
            lines.append(f"  diverged at step {self.diverged_at}")
        if self.note:
            lines.append(f"  {self.note}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        if np.ndim(self.x) == 3:
            return f"<pre>{escape(str(self))}</pre>"
        header, cells = self.table()
        head = "".join(f"<th>{escape(name)}</th>" for name in header)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in cells
        )
        return (
            f"<table><caption>{escape(self.caption)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def to_xarray(self) -> Any:
        """The run as an ``xarray.Dataset`` over step and coordinate.

        Raises :class:`~symopt.errors.MissingExtraError` where xarray is not installed.
        """
        try:
            import xarray
        except ImportError:
            raise MissingExtraError(
                "to_xarray() needs xarray: pip install 'symopt[xarray]'"
            ) from None
        names = [symbol.name for symbol in self.objective.variables]
        dims = ("step", "coordinate") if np.ndim(self.x) == 2 else ("step", "run", "coordinate")
        data: dict[str, tuple[tuple[str, ...], Any]] = {
            "x": (dims, self.x),
            "f": (dims[:-1], self.values),
        }
        for name, values in self.state.items():
            data[name] = (dims[: np.ndim(values)], values)
        if self.attained is not None:
            data["attained"] = (dims[:-1], self.attained)
        varied = {
            name: ("run", value)
            for name, value in self.hyperparameters.items()
            if isinstance(value, np.ndarray)
        }
        return xarray.Dataset(
            data,
            coords={"step": list(self.recorded), "coordinate": names, **varied},
            attrs={"caption": self.caption},
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the run with its full statement to a ``.npz`` file, so that it can be rerun.

        Raises :class:`~symopt.errors.OutputError` where the file cannot be written.
        """
        target = Path(path)
        if target.suffix != ".npz":
            raise InputError(f"{str(target)!r}: a trajectory is saved as a .npz file")
        if isinstance(self.objective, (BoundObjective, Batches)):
            raise InputError(
                f"a run on {self.objective.name} is not saved, since its file would need the data; "
                "keep .x and .parameters() by numpy.savez"
            )
        from symopt.execution.storage import pack

        buffer = io.BytesIO()
        np.savez_compressed(buffer, **pack(self))
        return written(target, buffer.getvalue())


def load(path: str | os.PathLike[str]) -> Trajectory:
    """A trajectory that :meth:`Trajectory.save` wrote.

    The file holds data only; the statement is read back by symopt's own parser, and nothing in the
    file is executed. Raises :class:`~symopt.errors.OutputError` for a file that is none.

    >>> import tempfile, symopt
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = symopt.run("adam", "beale", steps=2).save(f"{folder}/run.npz")
    ...     load(path).caption
    'Adam on Beale: 2 steps, float64 arithmetic, eta = 0.001, beta1 = 0.9, ...'
    """
    from symopt.execution.storage import unpack

    return unpack(Path(path))


def _some(recorded: Sequence[int]) -> str:
    """Recorded steps for a message."""
    shown = ", ".join(map(str, recorded[:6]))
    return shown if len(recorded) <= 6 else f"{shown}, ..., {recorded[-1]}"


def as_floats(values: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Exact numbers as the nearest binary64 numbers, keeping the shape."""
    array = np.asarray(values)
    if array.dtype != object:
        return array.astype(np.float64)
    return np.array([to_float(value) for value in array.flat], dtype=np.float64).reshape(
        array.shape
    )


def to_float(value: Any) -> float:
    """The binary64 number nearest to an exact number or to a ball's midpoint."""
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, Fraction):
        from symopt.execution.arithmetic import nearest

        return nearest(value)
    if not value.is_finite():
        return float("nan")
    exponent = magnitude(value)
    if exponent > 1024:
        return float("inf") if value > 0 else float("-inf")
    return float(value.mid())


def magnitude(value: Any) -> int:
    """The base-2 exponent e with 2**(e-1) <= |midpoint| < 2**e of a ball; very small for 0."""
    mantissa, exponent = value.mid().man_exp()
    size = abs(int(mantissa)).bit_length()
    return size + int(exponent) if size else -(1 << 62)


def setting_text(value: Setting, arithmetic: str = "rational") -> str:
    """A hyperparameter as it was received: a float by its shortest decimal, and said to be one.

    >>> setting_text(Fraction(1, 10)), setting_text(Fraction(0.1))
    ('1/10', '0.1 as binary64')
    >>> setting_text(Fraction(0.1), "float64")
    '0.1'
    """
    if isinstance(value, np.ndarray):
        return f"{len(value)} values from {value.min()!s} to {value.max()!s}"
    if not isinstance(value, Fraction):
        return str(value)
    if arithmetic == "float32":
        return str(np.float32(float(value)))
    if arithmetic == "float64":
        return repr(float(value))
    short = value.denominator.bit_length() <= 40
    if not short and abs(value) < 2**1024 and Fraction(float(value)) == value:
        return f"{float(value)!r} as binary64"
    return number_text(value)


def number_text(value: Any, digits: int = 12) -> str:
    """A number for people: fractions while they are short, else digits."""
    if isinstance(value, Fraction):
        # The length is bounded first: Python refuses to print integers of many digits.
        if value.numerator.bit_length() + value.denominator.bit_length() <= 72:
            return str(value)
        from flint import arb, fmpq

        return str(arb(fmpq(value.numerator, value.denominator)).str(digits, radius=False))
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.{digits}g}"
    if hasattr(value, "str"):
        return str(value.str(digits, radius=False))
    return str(value)
