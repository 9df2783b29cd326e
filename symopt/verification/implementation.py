"""Implementations, as people have them, behind one small protocol.

An :class:`Implementation` is driven by *our* oracle: it starts from a point, asks for gradients,
and reports where it went. The oracle records where it was asked, hands out copies, and gives the
gradients that a probe chooses, not only an objective's.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symopt.errors import SymoptError
from symopt.verification.subject import Subject

__all__ = [
    "Implementation", "ImplementationError", "Observation", "Oracle", "Question", "to_format",
]  # fmt: skip

Array = np.ndarray[Any, np.dtype[Any]]
#: Drives an implementation: start, oracle, steps -> the points, with or without the start.
Driver = Callable[[Array, "Oracle", int], Any]


class ImplementationError(SymoptError):
    """The implementation under test failed by itself; the message quotes it."""


@dataclass(frozen=True)
class Question:
    """One call of the oracle: where the gradient was asked for, and what was answered."""

    point: Array
    answer: Array


@dataclass
class Oracle:
    """Answers with prescribed gradients, or with an objective's, and records every question.

    A repeated question at the same point gets the same answer, so an implementation that asks
    twice a step is not led astray.
    """

    answers: Callable[[int, Array], Array]
    dtype: Any
    questions: list[Question] = field(default_factory=list)
    limit: int = 100_000
    calls: int = 0
    form: str = ""
    state: dict[str, list[Array]] = field(default_factory=dict)

    def report(self, **state: Any) -> None:
        """What an adapter sees of the hidden state, under the rules' names: once a step."""
        for name, value in state.items():
            self.state.setdefault(name, []).append(np.array(value, copy=True))

    def __call__(self, *point: Any) -> Array:
        where = np.array(point[0] if len(point) == 1 else point, dtype=self.dtype)
        where = np.atleast_1d(where).astype(self.dtype, copy=True)
        self.calls += 1
        if self.calls > 2 * self.limit:
            raise ImplementationError(f"it called the oracle more than {2 * self.limit} times")
        if self.questions and np.array_equal(self.questions[-1].point, where, equal_nan=True):
            return self.questions[-1].answer.copy()
        if len(self.questions) >= self.limit:
            raise ImplementationError(f"it asked for more than {self.limit} gradients")
        answer = np.asarray(self.answers(len(self.questions), where), dtype=self.dtype)
        answer = to_format(answer, self.form)
        self.questions.append(Question(where, answer.copy()))
        return answer.copy()


@dataclass(frozen=True)
class Observation:
    """What a driven implementation did: points of shape (steps + 1, d), and its questions.

    ``state`` holds what was seen of the hidden state, one row per step, under the rules' names.

    >>> code = Implementation.from_step(lambda x, g, state: (x - g / 2, state))
    >>> code.observe([1.0], [[1.0], [0.5]]).steps
    2
    """

    points: Array
    questions: tuple[Question, ...]
    printed: str = ""
    state: Mapping[str, Array] = field(default_factory=dict)
    #: Of code that computes its gradients itself: what they should have been, with radii.
    gradients: Any = field(default=None, repr=False, compare=False)

    @property
    def steps(self) -> int:
        return len(self.points) - 1


@dataclass(frozen=True)
class Implementation:
    """Somebody's optimizer.

    Use the constructor that fits; ``verify`` and ``identify`` also choose one by themselves where
    the object's type tells.

    >>> def descend(grad, x0, steps):
    ...     points = [x0]
    ...     for _ in range(steps):
    ...         points.append(points[-1] - 0.125 * grad(points[-1]))
    ...     return points
    >>> Implementation.from_trajectory(descend).observe([1.0], [[2.0], [4.0]]).points[:, 0]
    array([1.  , 0.75, 0.25])
    """

    name: str
    drive: Driver
    dtype: Any = np.float64
    note: str = ""
    #: The profiles that it is known to compute in, if any; see ``replay.profiles``.
    profiles: tuple[str, ...] = ()
    #: The format of its arrays where that is none of NumPy's (``"bfloat16"``, in float32 arrays).
    form: str = ""
    #: Drives it with each coordinate as a parameter of its own, where it takes several.
    divided: Driver | None = None
    #: What it was made from; code that can be read is proved, and not only run.
    subject: Subject | None = field(default=None, repr=False, compare=False)
    #: Where it computes its gradients itself: the loop, and the loss that it is said to minimize.
    training: Any = field(default=None, repr=False, compare=False)

    @property
    def format(self) -> str:
        """The name of the format of its arrays."""
        return self.form or np.dtype(self.dtype).name

    @classmethod
    def from_trajectory(cls, function: Callable[..., Any], name: str = "") -> Implementation:
        """From ``f(grad, x0, steps) -> points``, with or without the start.

        ``grad`` takes a point (one array, or the coordinates one by one) and returns an array.
        The points may be a list, an array of shape (n, d), or a generator.
        """

        def drive(x0: Array, oracle: Oracle, steps: int) -> Any:
            return function(oracle, x0.copy(), steps)

        return cls(name or _name(function), drive, subject=Subject("trajectory", function))

    @classmethod
    def from_step(
        cls, function: Callable[..., Any], state: Any = None, name: str = ""
    ) -> Implementation:
        """From a pure ``f(x, g, state) -> (x, state)``; ``state`` is what it starts from."""

        def drive(x0: Array, oracle: Oracle, steps: int) -> Any:
            x, memory = x0.copy(), state() if callable(state) else state
            for _ in range(steps):
                x, memory = function(x, oracle(x), memory)
                yield np.array(x, copy=True)

        return cls(name or _name(function), drive, subject=Subject("step", function, state))

    @classmethod
    def from_training(
        cls,
        function: Callable[..., Any],
        objective: Any,
        x0: Any = None,
        steps: int = 20,
        dtype: str = "float64",
        name: str = "",
    ) -> Implementation:
        """From ``f(parameters, steps) -> parameters per step``, a loop that trains a model.

        ``objective`` is the loss on data that it is said to minimize, as a whole or in batches:
        ``model.bind(...)`` or ``model.bind(...).batches(...)``. The loop is given a dict with an
        array for each parameter, and returns for every step such a dict, one vector, or a tuple
        of arrays, with or without the start; it computes its gradients itself. ``x0`` is the
        start (normal numbers of a fixed seed without one).

        >>> import symopt
        >>> fit = symopt.models.linear_regression.bind(X=[[1], [2], [4]], y=[1, 3, 4])
        >>> def train(start, steps):
        ...     w, b = start["w"], start["b"]
        ...     for _ in range(steps):
        ...         error = fit.data["X"] @ w + b - fit.data["y"]
        ...         w, b = w - 0.1 * fit.data["X"].T @ error / 3, b - 0.1 * error.mean()
        ...         yield w, b
        >>> code = Implementation.from_training(train, fit)
        >>> print(symopt.verify(code, "gradient_descent", eta=0.1).reason.split(";")[0])
        all 20 steps are those of gradient_descent on half of the gradient (a factor 1/2: ...)

        Raises :class:`~symopt.errors.InputError` for what is no model on data.
        """
        from symopt.verification.training import training_implementation

        return training_implementation(
            function, objective, x0, steps, dtype, name or _name(function)
        )

    @classmethod
    def from_torch_training(
        cls,
        make: Callable[[], Any],
        objective: Any,
        x0: Any = None,
        steps: int = 20,
        dtype: str = "float64",
        name: str = "",
    ) -> Implementation:
        """From a PyTorch module trained by a PyTorch optimizer.

        ``make()`` returns a new module, an optimizer, and a function that gives the loss of step
        t (of its batch), a tensor. The module's parameters are the model's in the same order; a
        matrix is kept transposed, as ``torch.nn.Linear`` does, unless its shape says otherwise.
        The other arguments are those of :meth:`from_training`. Raises
        :class:`~symopt.errors.MissingExtraError` without PyTorch.
        """
        from symopt.verification.adapters.torch_training import implementation

        return implementation(make, objective, x0, steps, dtype, name or _name(make))

    @classmethod
    def from_update(cls, make: Callable[[], Any], name: str = "") -> Implementation:
        """From ``make()``, an object with ``update(params, grads)`` (or ``step``, or callable).

        It is given a dictionary with one array ``"x"`` and works on it in place, or returns the
        new dictionary. What is consistent so is driven once more with a dictionary of several
        arrays, one for each coordinate.
        """

        def drive(x0: Array, oracle: Oracle, steps: int) -> Any:
            return _update(make, {"x": x0.copy()}, oracle, steps)

        def divided(x0: Array, oracle: Oracle, steps: int) -> Any:
            params = {f"x{i}": x0[i : i + 1].copy() for i in range(len(x0))}
            return _update(make, params, oracle, steps)

        return cls(name or _name(make), drive, divided=divided, subject=Subject("update", make))

    @classmethod
    def from_torch(
        cls, make: Callable[[Any], Any], dtype: str = "float64", name: str = ""
    ) -> Implementation:
        """From ``make(params)``, which returns a ``torch.optim.Optimizer`` on these parameters.

        ``dtype`` is ``"float64"``, ``"float32"`` or ``"bfloat16"``. Torch's default dtype is left
        as it is. Raises :class:`~symopt.errors.MissingExtraError` without PyTorch.
        """
        from symopt.verification.adapters.torch import implementation

        return implementation(make, dtype, name)

    @classmethod
    def from_optax(cls, transform: Any, dtype: str = "float64", name: str = "") -> Implementation:
        """From an optax ``GradientTransformation``, or a function without arguments making one.

        ``dtype`` is ``"float64"``, ``"float32"`` or ``"bfloat16"``; JAX's 64-bit mode is set for
        the run only. Raises :class:`~symopt.errors.MissingExtraError` without optax.
        """
        from symopt.verification.adapters.optax import implementation

        return implementation(transform, dtype, name)

    @classmethod
    def from_sklearn(cls, make: Callable[[Any], Any], name: str = "") -> Implementation:
        """From ``make(params)``, which returns one of scikit-learn's stochastic optimizers.

        ``params`` is a list of arrays. Raises :class:`~symopt.errors.MissingExtraError` without
        scikit-learn.
        """
        from symopt.verification.adapters.sklearn import implementation

        return implementation(make, name)

    @classmethod
    def from_keras(cls, make: Any, dtype: str = "float64", name: str = "") -> Implementation:
        """From ``make()``, which returns a Keras 3 optimizer, or from such an optimizer.

        An optimizer given as such is rebuilt from its configuration for every run. The backend
        is the one in use, or the first that is installed. Raises
        :class:`~symopt.errors.MissingExtraError` without Keras or a backend for it.
        """
        from symopt.verification.adapters.keras import implementation

        return implementation(make, dtype, name)

    def observe(
        self, x0: Sequence[float], gradients: Sequence[Sequence[float]], steps: int | None = None
    ) -> Observation:
        """Drive it with prescribed gradients, one for each new point that it asks about."""
        table = [np.asarray(row, dtype=self.dtype) for row in gradients]

        def answers(count: int, point: Array) -> Array:
            return table[min(count, len(table) - 1)]

        return self.watch(x0, answers, len(table) if steps is None else steps)

    def watch(
        self, x0: Sequence[float], answers: Callable[[int, Array], Array], steps: int
    ) -> Observation:
        """Drive it with any oracle.

        Raises :class:`ImplementationError` where it raises, or returns no sequence of points.
        """
        oracle = Oracle(answers, self.dtype, form=self.form)
        start = to_format(np.asarray(x0, dtype=self.dtype), self.form)
        spoken = io.StringIO()
        try:
            with contextlib.redirect_stdout(spoken), np.errstate(all="ignore"):
                result = self.drive(start.copy(), oracle, steps)
                points = list(_points(result, start, steps, self.dtype))
        except SymoptError:
            raise
        except (Exception, SystemExit) as error:
            raise ImplementationError(
                f"{self.name} raised {type(error).__name__}: {error}"
            ) from error
        if len(points) == steps:
            points = [start, *points]
        if len(points) != steps + 1:
            raise ImplementationError(
                f"{self.name} returned {len(points)} points for {steps} steps; {steps + 1} (with "
                f"the start) or {steps} are expected"
            )
        state = {key: np.array(rows) for key, rows in oracle.state.items()}
        return Observation(np.array(points), tuple(oracle.questions), spoken.getvalue(), state)


def _update(
    make: Callable[[], Any], params: dict[str, Array], oracle: Oracle, steps: int
) -> Iterator[Array]:
    """Points of an object with ``update(params, grads)`` over named arrays."""
    made = make()
    method = getattr(made, "update", None) or getattr(made, "step", None) or made
    names = list(params)
    for _ in range(steps):
        answer = oracle(np.concatenate([params[name] for name in names]))
        parts = np.split(answer, np.cumsum([len(params[name]) for name in names])[:-1])
        result = method(params, dict(zip(names, parts, strict=True)))
        if isinstance(result, Mapping):
            params = dict(result)
        yield np.concatenate([np.atleast_1d(params[name]) for name in names])


def to_format(values: Array, form: str) -> Array:
    """Rounded to nearest, ties to even, in a format that NumPy does not have.

    >>> to_format(np.array([0.1, 3.0], dtype=np.float32), "bfloat16").tolist()
    [0.10009765625, 3.0]
    """
    if form != "bfloat16":
        return values
    single = np.asarray(values, dtype=np.float32)
    bits = single.view(np.uint32)
    kept = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(
        0xFFFF0000
    )
    return np.where(np.isnan(single), single, kept.view(np.float32))


def _points(result: Any, start: Array, steps: int, dtype: Any) -> Any:
    if result is None or isinstance(result, (str, bytes, Mapping)):
        raise ImplementationError(f"it returned {type(result).__name__}, not a sequence of points")
    if isinstance(result, (list, tuple)):
        arrays = [id(point) for point in result if isinstance(point, np.ndarray)]
        if len(set(arrays)) < len(arrays):
            raise ImplementationError(
                "it returned one and the same array for several steps, changed in place; append "
                "copies"
            )
    try:
        iterator = iter(result)
    except TypeError:
        raise ImplementationError(
            f"it returned {type(result).__name__}, not a sequence of points"
        ) from None
    for count, point in enumerate(iterator):
        if count > steps + 1:
            raise ImplementationError(f"it returned more than {steps + 1} points")
        row = np.atleast_1d(np.asarray(point, dtype=dtype)).copy()
        if row.shape != start.shape:
            raise ImplementationError(
                f"point {count} has shape {row.shape}; the start has shape {start.shape}"
            )
        yield row


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", None) or type(function).__name__)
