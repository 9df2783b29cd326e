"""``symopt.run``: a trajectory in any of the arithmetics, from one generated loop."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from sympy import Expr, Symbol

from symopt.errors import BudgetError, InexactError, InputError, UndecidedError, UndefinedError
from symopt.execution import arithmetic as numbers
from symopt.execution.ball import run_balls
from symopt.execution.forecast import divides_by_state, forecast_bits
from symopt.execution.kernel import Kernel, build_kernel, value_and_gradient
from symopt.execution.trajectory import Trajectory, magnitude
from symopt.program.printers.python import ARRAY, EXACT, FLOAT
from symopt.statement.library import objectives, rules
from symopt.statement.numbers import exact, received
from symopt.statement.objective import Objective
from symopt.statement.parse import parse_expression
from symopt.statement.rule import Rule
from symopt.statement.symbols import t

__all__ = ["run"]

ARITHMETICS = ("float64", "float32", "rational", "ball")
BACKENDS = ("auto", "python", "numpy")
#: A rational run is refused when a number may need more bits than this.
BIT_BUDGET = 8_000_000


def run(
    rule: Rule | str,
    objective: Objective | str,
    x0: Sequence[Any] | None = None,
    steps: int = 100,
    arithmetic: str = "float64",
    *,
    record: str | int = "all",
    backend: str = "auto",
    mode: str = "strict",
    budget: int = BIT_BUDGET,
    **hyper: Any,
) -> Trajectory:
    """Run a rule on an objective.

    Parameters
    ----------
    rule, objective
        Names, or the statements themselves.
    x0
        The start, one number per variable, as text (``"3/2"``, ``"0.1"``), integers, fractions or
        floats; or a batch of shape (n, d). The objective's customary start if it has one.
    steps
        How many steps, at least 0.
    arithmetic
        ``"float64"``, ``"float32"``, ``"rational"`` (exact fractions) or ``"ball"`` (certified
        enclosures, doubled in precision until the relative radius is below 2**-120).
    record
        ``"all"``, ``"final"``, or n for every n-th step.
    backend
        ``"python"`` (one trajectory), ``"numpy"`` (batches), or ``"auto"``.
    mode
        ``"auto"`` lets a rational run that is irrational or over its budget become a ball run.
    budget
        The bits that a number of a rational run may need.
    hyper
        Hyperparameters by name: numbers, or expressions of ``t`` (schedules), also as text.

    A number given as text is the exact number; a float is the exact binary64 value that code
    would receive. ``Trajectory.hyperparameters`` says which values the run received.

    Raises :class:`~symopt.errors.InputError` for unusable arguments,
    :class:`~symopt.errors.UnknownNameError` for unknown names,
    :class:`~symopt.errors.InexactError`, :class:`~symopt.errors.UndefinedError` and
    :class:`~symopt.errors.BudgetError` where an exact run cannot go on.

    >>> run("gradient_descent", "half_square", ("1",), 2, "rational", eta="1/4").x[-1]
    array([Fraction(9, 16)], dtype=object)
    """
    the_rule, the_objective = rules.resolve(rule), objectives.resolve(objective)
    steps = _steps(steps)
    every = _record(record)
    for value, known, what in (
        (arithmetic, ARITHMETICS, "arithmetic"),
        (backend, BACKENDS, "backend"),
        (mode, ("strict", "auto"), "mode"),
    ):
        if value not in known:
            raise InputError(f"no {what} {value!r}; there are {', '.join(map(repr, known))}")
    fixed, schedules = split_hyperparameters(the_rule, hyper)
    start, batch = read_start(the_objective, x0)
    job = _Job(the_rule, the_objective, start, steps, every, fixed, schedules)
    if batch is not None and arithmetic not in ("float64", "float32"):
        raise InputError(f"a batch runs in float64 or float32, not in {arithmetic}")
    if batch is not None and backend == "python":
        raise InputError("a batch needs backend='numpy' (or 'auto'), not 'python'")
    if arithmetic == "float32":
        return job.arrays(np.float32, batch)
    if arithmetic == "float64":
        return (
            job.arrays(np.float64, batch)
            if batch is not None or backend == "numpy"
            else job.floats()
        )
    if arithmetic == "ball":
        return job.balls()
    try:
        return job.rationals(budget)
    except (InexactError, BudgetError) as reason:
        if mode == "strict":
            raise
        return job.balls(note=f"ball arithmetic, since {reason}")


def split_hyperparameters(
    rule: Rule, given: Mapping[str, Any]
) -> tuple[dict[str, Fraction], dict[Symbol, Expr]]:
    """The numbers that a run receives, and the schedules. Text may be an expression of ``t``."""
    values = dict(given)
    for name, value in given.items():
        rule.parameter(name)
        if isinstance(value, str) and "t" in value:
            values[name] = parse_expression(value, {"t": t})
    bound = rule.bind(values, received)
    schedules = {symbol: value for symbol, value in bound.items() if not value.is_Rational}
    for symbol, value in schedules.items():
        if not value.free_symbols:
            raise InputError(f"{rule.name}: {symbol} = {value} is not a rational number")
    fixed = {
        symbol.name: Fraction(int(value.p), int(value.q))
        for symbol, value in bound.items()
        if value.is_Rational
    }
    return fixed, schedules


def read_start(objective: Objective, x0: Any) -> tuple[tuple[Fraction, ...], Any]:
    """The start as exact numbers, or a batch of starts as an array of shape (n, d)."""
    if x0 is None:
        if not objective.start:
            raise InputError(
                f"{objective.name or 'the objective'} has no customary start; give x0, one number "
                f"for each of {', '.join(map(str, objective.variables))}"
            )
        return tuple(exact(value) for value in objective.start), None
    if isinstance(x0, np.ndarray) and x0.ndim == 2:
        if x0.shape[1] != objective.dimension or not len(x0):
            raise InputError(
                f"x0: a batch of shape {x0.shape} for {objective.dimension} variables; it must be "
                f"(n, {objective.dimension})"
            )
        try:
            finite = bool(np.isfinite(x0.astype(float)).all())
        except (TypeError, ValueError) as error:
            raise InputError(f"x0: a batch is an array of numbers ({error})") from None
        if not finite:
            raise InputError("x0: the batch holds nan or infinite numbers")
        return (), x0
    if isinstance(x0, str):
        x0 = x0.replace(",", " ").split()
    if isinstance(x0, (Mapping, Set)):
        raise InputError(
            "x0 has no order; give one number for each of "
            + ", ".join(map(str, objective.variables))
        )
    if not hasattr(x0, "__len__") or getattr(x0, "shape", None) == ():
        x0 = [x0]
    first: Any = x0[0] if len(x0) else None
    if isinstance(first, (list, tuple, np.ndarray)) and np.ndim(first):
        lengths = {len(row) for row in x0}
        if len(lengths) > 1:
            raise InputError(f"x0: a batch needs rows of one length, not of {sorted(lengths)}")
        rows = [[numbers.nearest(received(value, "x0")) for value in row] for row in x0]
        return read_start(objective, np.array(rows))
    if len(x0) != objective.dimension:
        raise InputError(
            f"x0 has {len(x0)} numbers, but {objective.name or 'the objective'} has "
            f"{objective.dimension} variables: {', '.join(map(str, objective.variables))}"
        )
    names = [symbol.name for symbol in objective.variables]
    pairs = zip(x0, names, strict=True)
    return tuple(received(value, f"x0, {name}") for value, name in pairs), None


def _steps(steps: Any) -> int:
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)):
        raise InputError(f"steps is an integer, not {steps!r}")
    if steps < 0:
        raise InputError(f"steps = {steps}: a run has 0 or more steps")
    return int(steps)


def _record(record: Any) -> int:
    """Every how many steps to record; 0 means the last one only."""
    if record == "all":
        return 1
    if record == "final":
        return 0
    whole = isinstance(record, (int, np.integer)) and not isinstance(record, bool)
    if whole and record > 0:
        return int(record)
    raise InputError(f"record = {record!r}: it is 'all', 'final', or a positive number of steps")


class _Recorder:
    """Keeps the rows to be recorded, with their steps."""

    def __init__(self, every: int, start: tuple[Any, ...]) -> None:
        self.count = 0
        self._every = every
        self.rows: list[tuple[int, tuple[Any, ...]]] = [(0, start)] if every else []
        self.last: tuple[int, tuple[Any, ...]] = (0, start)

    def __call__(self, row: tuple[Any, ...]) -> None:
        self.count += 1
        self.last = (self.count, row)
        if self._every and self.count % self._every == 0:
            self.rows.append(self.last)

    def finish(self) -> tuple[tuple[int, ...], list[tuple[Any, ...]]]:
        if not self.rows or self.rows[-1][0] != self.last[0]:
            self.rows.append(self.last)
        return tuple(step for step, _ in self.rows), [row for _, row in self.rows]


class _Job:
    """One run, its arguments read."""

    def __init__(
        self,
        rule: Rule,
        objective: Objective,
        start: tuple[Fraction, ...],
        steps: int,
        every: int,
        fixed: dict[str, Fraction],
        schedules: dict[Symbol, Expr],
    ) -> None:
        self.rule, self.objective, self.start = rule, objective, start
        self.steps, self.every, self.fixed, self.schedules = steps, every, fixed, schedules

    def _kernel(self, dialect: Any) -> Kernel:
        return build_kernel(self.rule, self.objective, dialect, self.schedules)

    def _inputs(self, kernel: Kernel, convert: Callable[[Fraction], Any]) -> list[Any]:
        return [convert(self.fixed[name]) for name in kernel.step.hyper]

    def _initial(self, kernel: Kernel, arithmetic: Any, point: list[Any]) -> tuple[Any, ...]:
        """All slots before the first step."""
        from symopt.execution.kernel import compile_source, function_source

        step = kernel.step
        labels: list[Any] = [*step.slots[: len(point)], *[("hyper", name) for name in step.hyper]]
        names = {label: step.identifier(label) for label in labels}
        source = function_source("start", step.start, names, kernel.dialect)
        values = compile_source(source, arithmetic)(
            *point, *self._inputs(kernel, arithmetic.convert)
        )
        found = dict(zip(step.start.outputs, values, strict=True))
        return tuple(found[slot] for slot in step.slots)

    def _result(
        self, kernel: Kernel, recorder: _Recorder, convert: Callable[[Any], Any], **more: Any
    ) -> Trajectory:
        recorded, rows = recorder.finish()
        names = [name for name, _ in kernel.step.slots]
        columns = [convert([row[i] for row in rows]) for i in range(len(names))]

        def stack(name: str) -> Any:
            chosen = [column for column, own in zip(columns, names, strict=True) if own == name]
            if (name, None) in kernel.step.slots:
                return chosen[0]
            return np.stack(chosen, axis=-1)

        symbols = list(self.rule.hyperparameters)
        given: dict[str, Fraction | Expr] = {
            symbol.name: self.fixed[symbol.name]
            if symbol.name in self.fixed
            else self.schedules[symbol]
            for symbol in symbols
        }
        return Trajectory(
            rule=self.rule,
            objective=self.objective,
            hyperparameters=more.pop("hyperparameters", given),
            x0=more.pop("x0", self.start),
            steps=self.steps,
            x=stack("x"),
            state={symbol.name: stack(symbol.name) for symbol in self.rule.state},
            recorded=recorded,
            **more,
        )

    def floats(self) -> Trajectory:
        kernel = self._kernel(FLOAT)
        self._check_range(np.float64)
        recorder: _Recorder | None = None
        for arithmetic in (numbers.float64(), numbers.guarded()):
            point = [arithmetic.convert(value) for value in self.start]
            try:
                recorder = _Recorder(self.every, self._initial(kernel, arithmetic, point))
                with np.errstate(all="ignore"):
                    inputs = self._inputs(kernel, arithmetic.convert)
                    kernel.bind(arithmetic)(*point, *inputs, self.steps, recorder)
                break
            except (ZeroDivisionError, OverflowError, ValueError):
                # Python raises where binary64 has inf or nan; the guarded names give those.
                continue
        assert recorder is not None
        if recorder.count < self.steps:
            raise InputError(
                f"{self.rule.name} on {self.objective.name} has a constant beyond the range of "
                "binary64; use the rational or the ball arithmetic"
            )
        result = self._result(
            kernel,
            recorder,
            lambda column: np.array(column, dtype=np.float64),
            arithmetic="float64",
            hyperparameters=self._received(np.float64),
            x0=tuple(Fraction(numbers.nearest(value)) for value in self.start),
        )
        return self._dated(_mark_divergence(result), kernel, numbers.guarded(), None)

    def _dated(self, result: Trajectory, kernel: Kernel, arithmetic: Any, batch: Any) -> Trajectory:
        """The same with the first diverged step, where the recorded rows leave it out."""
        if result.diverged_at is None or self.every == 1:
            return result
        rows = itertools.count()

        def watch(row: tuple[Any, ...]) -> None:
            if not all(np.isfinite(value).all() for value in row):
                raise StopIteration
            next(rows)

        point = self._point(arithmetic, batch)
        with np.errstate(all="ignore"):
            try:
                watch(self._initial(kernel, arithmetic, point))
                inputs = self._inputs(kernel, arithmetic.convert)
                kernel.bind(arithmetic)(*point, *inputs, self.steps, watch)
            except StopIteration:
                pass
        return replace(result, diverged_at=next(rows))

    def _point(self, arithmetic: Any, batch: Any) -> list[Any]:
        if batch is None:
            return [arithmetic.convert(value) for value in self.start]
        dtype = arithmetic.name
        return [np.ascontiguousarray(column, dtype=dtype) for column in np.asarray(batch).T]

    def _check_range(self, dtype: type[np.floating[Any]]) -> None:
        """Refuse a start or hyperparameter that the dtype could only hold as infinity."""
        named = [*zip(map(str, self.objective.variables), self.start, strict=False)]
        for name, value in [*named, *self.fixed.items()]:
            if not np.isfinite(numbers.round_to(value, dtype)):
                raise InputError(
                    f"{name} is beyond the range of {dtype.__name__}; use the rational or the ball "
                    "arithmetic"
                )

    def _received(self, dtype: type[np.floating[Any]]) -> dict[str, Fraction | Expr]:
        """The exact values of the floats that the run received."""
        return {
            symbol.name: Fraction(float(numbers.round_to(self.fixed[symbol.name], dtype)))
            if symbol.name in self.fixed
            else self.schedules[symbol]
            for symbol in self.rule.hyperparameters
        }

    def arrays(self, dtype: type[np.floating[Any]], batch: Any) -> Trajectory:
        arithmetic = numbers.array(dtype)
        kernel = self._kernel(ARRAY)
        self._check_range(dtype)
        point = self._point(arithmetic, batch)
        lanes = None if batch is None else len(batch)

        def column(values: list[Any]) -> Any:
            if lanes is None:
                return np.array(values, dtype=dtype)
            return np.array([np.broadcast_to(value, (lanes,)) for value in values], dtype=dtype)

        with np.errstate(all="ignore"):
            recorder = _Recorder(self.every, self._initial(kernel, arithmetic, point))
            inputs = self._inputs(kernel, arithmetic.convert)
            kernel.bind(arithmetic)(*point, *inputs, self.steps, recorder)
        result = self._result(
            kernel,
            recorder,
            column,
            arithmetic=dtype.__name__,
            backend="numpy",
            hyperparameters=self._received(dtype),
            x0=tuple(Fraction(float(value)) for value in point) if batch is None else (),
        )
        return self._dated(_mark_divergence(result), kernel, arithmetic, batch)

    def rationals(self, budget: int) -> Trajectory:
        kernel = self._kernel(EXACT)
        irrational = [
            op
            for op in ("sqrt", "exp", "log", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh")
            if kernel.step.program.has(op)
        ]
        if irrational and self.steps:
            raise InexactError(
                f"{self.rule.name} on {self.objective.name} uses {', '.join(irrational)}, which is "
                "irrational in general; use arithmetic='ball' for certified digits"
            )
        if not divides_by_state(kernel.step):  # there the forecast would be far too dark
            forecast = forecast_bits(
                kernel.step, self.start, self.fixed, self._magnitudes(), budget
            )
            beyond = forecast.first_beyond(budget)
            if beyond is not None:
                raise self._over_budget(beyond, f"may need {forecast.bits[beyond]:,}", budget)
        arithmetic = numbers.rational()
        point = [arithmetic.convert(value) for value in self.start]
        recorder = _Recorder(self.every, self._initial(kernel, arithmetic, point))

        def watch(row: tuple[Any, ...]) -> None:
            recorder(row)
            bits = max(value.height_bits() for value in row if not isinstance(value, int))
            if bits > budget and recorder.count < self.steps:
                raise self._over_budget(recorder.count, f"needs {bits:,}", budget)

        self._guard(kernel, arithmetic, point, watch)
        return self._result(
            kernel,
            recorder,
            lambda column: _objects([to_fraction(value) for value in column]),
            arithmetic="rational",
        )

    def _over_budget(self, step: int, need: str, budget: int) -> BudgetError:
        return BudgetError(
            f"an exact rational run of {self.rule.name} on {self.objective.name} {need} bits for a "
            f"number at step {step}, past the budget of {budget:,}; ask for at most "
            f"{max(step - 1, 0)} steps, raise budget=, or use arithmetic='ball'"
        )

    def _magnitudes(self) -> list[float]:
        """Base-2 logarithms of the largest number at each step, from a float run."""
        try:
            probe = _Job(
                self.rule, self.objective, self.start, self.steps, 1, self.fixed, self.schedules
            ).floats()
        except InputError:  # a start or constant beyond binary64
            return self._ball_magnitudes()
        if probe.diverged_at is not None:
            return self._ball_magnitudes()
        columns = [np.abs(probe.x), *[np.abs(np.atleast_2d(v.T).T) for v in probe.state.values()]]
        with np.errstate(all="ignore"):
            largest = np.max(np.concatenate(columns, axis=1), axis=1)
            logs = np.log2(np.maximum(largest, 1.0))
        return [float(value) for value in logs]

    def _ball_magnitudes(self) -> list[float]:
        """The same from balls of a fixed precision, for numbers of any size."""
        kernel, arithmetic = self._kernel(EXACT), numbers.ball()
        levels: list[float] = []

        def measure(row: tuple[Any, ...]) -> None:
            sizes = [float(magnitude(abs(v + 0 * point[0]).upper())) for v in row]
            levels.append(max(1.0, *sizes))
            if levels[-1] > 64 * BIT_BUDGET:
                raise UndecidedError("how large the numbers become")

        with numbers.precision(256):
            point = [arithmetic.convert(value) for value in self.start]
            try:
                measure(self._initial(kernel, arithmetic, point))
                self._guard(kernel, arithmetic, point, measure)
            except (UndecidedError, UndefinedError):
                pass  # the forecast stops where the run itself would, or where the digits are gone
        return levels

    def _guard(
        self, kernel: Kernel, arithmetic: Any, point: list[Any], recorder: Callable[..., None]
    ) -> None:
        """Run, and say at which step what went wrong."""
        counter = itertools.count(1)

        def counted(row: tuple[Any, ...]) -> None:
            next(counter)
            recorder(row)

        try:
            inputs = self._inputs(kernel, arithmetic.convert)
            kernel.bind(arithmetic)(*point, *inputs, self.steps, counted)
        except (UndefinedError, InexactError, UndecidedError) as error:
            where = f"step {next(counter)} of {self.rule.name} on {self.objective.name}"
            raise type(error)(f"{error}, at {where}") from None

    def balls(self, note: str = "") -> Trajectory:
        kernel = self._kernel(EXACT)

        def attempt(watch: Callable[[tuple[Any, ...]], None]) -> _Recorder:
            arithmetic = numbers.ball()
            point = [arithmetic.convert(value) for value in self.start]
            recorder = _Recorder(self.every, self._initial(kernel, arithmetic, point))

            def both(row: tuple[Any, ...]) -> None:
                watch(row)
                recorder(row)

            self._guard(kernel, arithmetic, point, both)
            return recorder

        label = f"{self.rule.name} on {self.objective.name}"
        recorder, precision = run_balls(attempt, label, self.steps)
        result = self._result(
            kernel, recorder, _as_balls, arithmetic="ball", precision=precision, note=note
        )
        return _mark_divergence(result)


def to_fraction(value: Any) -> Fraction:
    """An ``fmpq`` (already in lowest terms) or integer as a ``Fraction``."""
    if isinstance(value, int):
        return Fraction(value)
    top, bottom = int(value.p), int(value.q)
    # The gcd of huge numbers is not computed again; Python 3.12 renamed the way to say so.
    make: Any = Fraction
    if hasattr(make, "_from_coprime_ints"):
        made: Fraction = make._from_coprime_ints(top, bottom)
    else:
        made = make(top, bottom, _normalize=False)
    return made


def _objects(values: list[Any]) -> Any:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _as_balls(values: list[Any]) -> Any:
    from flint import arb

    return _objects([value if isinstance(value, arb) else arb(value) for value in values])


def _mark_divergence(result: Trajectory) -> Trajectory:
    arrays = [result.x, *result.state.values()]
    if result.arithmetic == "ball":
        finite = [
            np.array([magnitude(value) <= 1024 for value in array.flat]).reshape(array.shape)
            for array in arrays
        ]
    else:
        finite = [np.isfinite(array) for array in arrays]
    rows = len(result.recorded)
    good = np.ones(rows, dtype=bool)
    for array in finite:
        good &= array.reshape(rows, -1).all(axis=1)
    diverged_at = None if good.all() else result.recorded[int(np.argmin(good))]
    lanes = 0
    if np.ndim(result.x) == 3:
        lanes = int((~np.isfinite(result.x[-1]).all(axis=-1)).sum())
    return replace(result, diverged_at=diverged_at, diverged=lanes)


def evaluate(trajectory: Trajectory, what: str) -> Any:
    """The objective's values or gradients along a trajectory, in the trajectory's arithmetic."""
    name = trajectory.arithmetic
    points = trajectory.x
    size = trajectory.objective.dimension
    if name in ("float64", "float32"):
        arithmetic = numbers.array(np.float64 if name == "float64" else np.float32)
        if name == "float64" and points.ndim == 2:
            arithmetic = numbers.guarded()
            points = points.astype(object)
    else:
        arithmetic = numbers.rational() if name == "rational" else numbers.ball()
    value, gradient = value_and_gradient(trajectory.objective, arithmetic)
    function = value if what == "value" else gradient
    if points.dtype != object:
        with np.errstate(all="ignore"):
            parts = function(*[points[..., index] for index in range(size)])
        shape = points.shape[:-1]
        columns = [np.broadcast_to(part, shape).astype(points.dtype) for part in parts]
        return columns[0] if what == "value" else np.stack(columns, axis=-1)
    convert = arithmetic.convert
    rows = []
    with np.errstate(all="ignore"), numbers.precision(trajectory.precision):
        for point in points:
            if name == "float64":
                inputs = [np.float64(value) for value in point]
            else:
                inputs = [convert(v) if isinstance(v, Fraction) else v for v in point]
            rows.append(function(*inputs))
    if name == "float64":
        table = np.array(rows, dtype=np.float64)
    else:
        convert_back = to_fraction if name == "rational" else (lambda item: item)
        table = np.empty((len(rows), len(rows[0])), dtype=object)
        for i, row in enumerate(rows):
            for j, item in enumerate(row):
                table[i, j] = convert_back(item)
        if name == "ball":
            table = _as_balls(list(table.flat)).reshape(table.shape)
    return table[:, 0] if what == "value" else table
