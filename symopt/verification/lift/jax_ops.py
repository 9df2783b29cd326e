"""What JAX's primitives mean on arrays of nodes: an interpreter of jaxprs."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from symopt.errors import LiftError
from symopt.verification.lift.arrays import Array
from symopt.verification.lift.remainders import REMAINDER
from symopt.verification.lift.traced_float import Session

__all__ = ["Interpreter", "UnknownPeriodError", "drawn", "is_draw"]

_UNARY = {
    "neg": "neg", "sqrt": "sqrt", "rsqrt": "rsqrt", "sign": "sign", "abs": "abs", "exp": "exp",
    "log": "log", "square": "square", "tanh": "tanh", "sin": "sin", "cos": "cos", "tan": "tan",
    "atan": "atan", "sinh": "sinh", "cosh": "cosh", "not": "not",
}  # fmt: skip
_BINARY = {
    "add": "add", "add_any": "add", "sub": "sub", "mul": "mul", "div": "div", "pow": "pow",
    "max": "max", "min": "min", "gt": "gt", "lt": "lt", "ge": "ge", "le": "le", "eq": "eq",
    "ne": "ne", "and": "and", "or": "or", "xor": "xor",
}  # fmt: skip
_REDUCTIONS = {
    "reduce_sum": "add", "reduce_prod": "mul", "reduce_max": "max", "reduce_min": "min",
    "reduce_and": "and", "reduce_or": "or",
}  # fmt: skip
_SAME = frozenset({"stop_gradient", "copy", "copy_p", "reduce_precision", "real", "conj",
                   "optimization_barrier", "sharding_constraint", "pvary"})  # fmt: skip
_RESHAPES = frozenset({"reshape", "squeeze", "expand_dims"})
_CALLS = frozenset({"jit", "pjit", "closed_call", "core_call", "custom_jvp_call",
                    "custom_vjp_call", "custom_vjp_call_jaxpr", "remat", "checkpoint", "remat2",
                    "custom_jvp_call_jaxpr", "custom_lin"})  # fmt: skip
_RANDOM = ("random_", "threefry", "rng_")
#: JAX's own names of functions that draw random numbers.
_DRAWS = frozenset({"normal", "normal_real", "uniform", "bernoulli", "randint", "truncated_normal",
                    "threefry_split", "threefry_fold_in", "split", "fold_in", "random_bits",
                    "rademacher", "gumbel", "laplace", "exponential", "threefry_seed"})  # fmt: skip
_MAX_LOOPS = 1000


class UnknownPeriodError(LiftError):
    """A remainder by a number that is not known; ``settings`` are those that it is made of."""

    def __init__(self, settings: frozenset[str]) -> None:
        super().__init__("a remainder by what is no known whole number cannot be lifted")
        self.settings = settings


class Interpreter:
    """Runs jaxprs on arrays of nodes."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.nodes = session.nodes
        #: The labels of the random numbers, draw by draw, in the order of the trace.
        self.draws: list[list[list[Any]]] = []
        #: Every step draws anew: the draws of all steps have the same labels.
        self.phase = "start"

    def run(self, jaxpr: Any, constants: Sequence[Any], inputs: Sequence[Array]) -> list[Array]:
        """The outputs of a jaxpr.

        Raises :class:`~symopt.errors.LiftError`, which names the primitive and the line of code,
        for what has no meaning on nodes.
        """
        known: dict[Any, Array] = {}

        def read(variable: Any) -> Array:
            if hasattr(variable, "val"):  # a literal
                return self.nodes.constants(np.asarray(variable.val))
            return known[variable]

        for variable, constant in zip(jaxpr.constvars, constants, strict=True):
            known[variable] = self._constant(constant)
        known.update(zip(jaxpr.invars, inputs, strict=True))
        for equation in jaxpr.eqns:
            values = [read(variable) for variable in equation.invars]
            try:
                results = self._apply(equation, values)
            except LiftError as error:
                if isinstance(error, UnknownPeriodError):
                    raise
                place = _place(equation)
                if place and place not in str(error) and ".py:" not in str(error):
                    raise LiftError(f"{place}: {error}") from error
                raise
            known.update(zip(equation.outvars, results, strict=True))
        return [read(variable) for variable in jaxpr.outvars]

    def _constant(self, value: Any) -> Array:
        return self.nodes.constants(np.asarray(value))

    def _apply(self, equation: Any, values: list[Array]) -> list[Array]:
        name, settings = equation.primitive.name, equation.params
        if name in _UNARY:
            return [self.nodes.each(_UNARY[name], values[0])]
        if name == "lt" and self._is_remainder_below_zero(values):
            return [np.full(equation.outvars[0].aval.shape, self.nodes.constant(0))]
        if name in _BINARY:
            if self._never_overflows(equation, name, values):
                return [np.full(equation.outvars[0].aval.shape, self.nodes.constant(1))]
            return [self.nodes.each(_BINARY[name], *values)]
        if name in _SAME:
            return [values[0]]
        if name in _RESHAPES:
            return [values[0].reshape(equation.outvars[0].aval.shape)]
        if name in _REDUCTIONS:
            return [self.nodes.fold(_REDUCTIONS[name], values[0], tuple(settings["axes"]))]
        if is_draw(equation):
            return self._opaque(equation, "random numbers")
        if name in _CALLS:
            return self._call(settings, values)
        special = getattr(self, f"_{name}", None)
        if special is None:
            raise LiftError(f"JAX's {name} is not an operation that can be lifted")
        results: list[Array] = special(equation, settings, values)
        return results

    def _is_remainder_below_zero(self, values: list[Array]) -> bool:
        """Whether it asks for a remainder of a counter to be below 0, for the sign's sake."""
        graph = self.session.graph
        entries = [graph.nodes[int(node)] for node in values[0].ravel()]
        limits = [graph.value(int(node)) for node in values[1].ravel()]
        return all(limit == 0 for limit in limits) and all(
            entry.op == "input" and entry.value[0] == REMAINDER for entry in entries
        )

    def _never_overflows(self, equation: Any, name: str, values: list[Array]) -> bool:
        """Whether it asks for a counter to be below the largest integer of its type."""
        kind = getattr(equation.invars[0].aval, "dtype", None)
        if name not in ("lt", "ne") or kind is None or np.dtype(kind).kind not in "iu":
            return False
        limit = self.session.graph.value(int(values[1].ravel()[0])) if values[1].size else None
        if values[1].size != 1 or limit != np.iinfo(np.dtype(kind)).max:
            return False
        self.session.note("counters are taken not to overflow")
        return True

    def _call(self, settings: Any, values: list[Array]) -> list[Array]:
        inner = next(
            settings[key] for key in ("jaxpr", "call_jaxpr", "fun_jaxpr") if key in settings
        )
        return self._inner(inner, values)

    def _inner(self, inner: Any, values: list[Array]) -> list[Array]:
        if hasattr(inner, "jaxpr"):
            return self.run(inner.jaxpr, inner.consts, values)
        return self.run(inner, (), values)

    def _opaque(self, equation: Any, what: str) -> list[Array]:
        """Unknown numbers: nothing is assumed of them, and no rule can state them."""
        graph = self.session.graph
        results: list[Array] = []
        labels: list[list[Any]] = []
        for variable in equation.outvars:
            shape = variable.aval.shape
            own: list[Any] = [
                ("opaque", f"{self.phase} {len(self.draws)} {len(labels)}", index, what)
                for index in range(int(np.prod(shape, dtype=int)))
            ]
            flat = [graph.input(label) for label in own]
            labels.append(own)
            results.append(np.array(flat, dtype=np.int64).reshape(shape))
        self.draws.append(labels)
        return results

    # One method per primitive that needs its settings.

    def _integer_pow(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        return [self.nodes.each("pow", values[0], self.nodes.constants(settings["y"]))]

    def _log1p(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        return [self.nodes.each("log", self.nodes.each("add", self.nodes.constants(1), values[0]))]

    def _expm1(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        return [self.nodes.each("sub", self.nodes.each("exp", values[0]), self.nodes.constants(1))]

    def _exp2(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        return [self.nodes.each("pow", self.nodes.constants(2), values[0])]

    def _cbrt(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        third = np.array(self.session.graph.const(Fraction(1, 3)), dtype=np.int64)
        root = self.nodes.each("pow", self.nodes.each("abs", values[0]), third)
        return [self.nodes.each("mul", self.nodes.each("sign", values[0]), root)]

    def _rem(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        """The remainder of a counter; what is no counter is refused once counters are known."""
        graph = self.session.graph

        def remainder(node: int, by: int) -> int:
            known, divisor = graph.value(node), graph.value(by)
            if known is not None and divisor:
                return graph.const(known - int(known / divisor) * divisor)
            if divisor is None or divisor.denominator != 1 or divisor < 1:
                raise UnknownPeriodError(self._settings(by))
            return graph.input((REMAINDER, node, int(divisor), _place(equation)))

        pairs = np.broadcast_arrays(*values)
        rows = zip(pairs[0].ravel(), pairs[1].ravel(), strict=True)
        flat = [remainder(int(a), int(b)) for a, b in rows]
        return [np.array(flat, dtype=np.int64).reshape(pairs[0].shape)]

    def _settings(self, node: int) -> frozenset[str]:
        inputs = self.session.graph.program({"node": node}).inputs
        return frozenset(
            str(label[1]) for label in inputs if isinstance(label, tuple) and label[0] == "hyper"
        )

    def _logistic(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        grown = self.nodes.each("exp", self.nodes.each("neg", values[0]))
        one = self.nodes.constants(1)
        return [self.nodes.each("div", one, self.nodes.each("add", one, grown))]

    def _is_finite(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        self.session.note("all values are taken to be finite")
        return [np.full(values[0].shape, self.nodes.constant(1), dtype=np.int64)]

    def _convert_element_type(self, equation: Any, settings: Any, values: Any) -> list[Array]:
        new = np.dtype(settings["new_dtype"])
        old = np.dtype(equation.invars[0].aval.dtype)
        if new.kind == "b":
            return [self.nodes.each("not", self.nodes.each("not", values[0]))]
        if new.kind in "iu" and old.kind == "f":
            known = [self.session.graph.value(int(node)) for node in values[0].ravel()]
            if any(value is None or value.denominator != 1 for value in known):
                raise LiftError(f"a cast to {new} rounds to whole numbers; it cannot be lifted")
        elif new.kind not in "iu" and new.itemsize < 8:
            self.session.note(f"a cast to {new} is no part of the rule")
        return [values[0]]

    def _select_n(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        result = values[-1]
        if len(values) == 3:
            return [self.nodes.each("select", values[0], values[2], values[1])]
        for case in range(len(values) - 3, -1, -1):
            here = self.nodes.each("eq", values[0], self.nodes.constants(case))
            result = self.nodes.each("select", here, values[1 + case], result)
        return [result]

    def _clamp(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        low, value, high = values
        return [self.nodes.each("min", self.nodes.each("max", value, low), high)]

    def _broadcast_in_dim(self, equation: Any, settings: Any, values: Any) -> list[Array]:
        shape = [1] * len(settings["shape"])
        for axis, target in enumerate(settings["broadcast_dimensions"]):
            shape[target] = values[0].shape[axis]
        return [np.broadcast_to(values[0].reshape(shape), settings["shape"])]

    def _transpose(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        return [np.transpose(values[0], settings["permutation"])]

    def _rev(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        return [np.flip(values[0], settings["dimensions"])]

    def _concatenate(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        return [np.concatenate(values, axis=settings["dimension"])]

    def _stack(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        return [np.stack(values, axis=settings["axis"])]

    def _running(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        """Sums, products and extrema of all entries up to each."""
        op = {"cumsum": "add", "cumprod": "mul", "cummax": "max", "cummin": "min"}
        rows = np.moveaxis(values[0], settings["axis"], 0)
        rows = rows[::-1] if settings["reverse"] else rows
        found = [rows[0]]
        for row in rows[1:]:
            found.append(self.nodes.each(op[equation.primitive.name], found[-1], row))
        made = np.stack(found[::-1] if settings["reverse"] else found)
        return [np.moveaxis(made, 0, settings["axis"])]

    _cumsum = _cumprod = _cummax = _cummin = _running

    def _slice(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        strides = settings["strides"] or [1] * values[0].ndim
        bounds = zip(settings["start_indices"], settings["limit_indices"], strides, strict=True)
        return [values[0][tuple(slice(*bound) for bound in bounds)]]

    def _split(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        return list(np.split(values[0], np.cumsum(settings["sizes"])[:-1], axis=settings["axis"]))

    def _iota(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        shape, axis = settings["shape"], settings["dimension"]
        row = np.arange(shape[axis]).reshape([-1 if i == axis else 1 for i in range(len(shape))])
        return [self.nodes.constants(np.broadcast_to(row, shape))]

    def _dot_general(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        (left, right), (left_batch, right_batch) = settings["dimension_numbers"]
        a, b = values
        free_a = [i for i in range(a.ndim) if i not in left and i not in left_batch]
        free_b = [i for i in range(b.ndim) if i not in right and i not in right_batch]
        batch = [a.shape[i] for i in left_batch]
        count = int(np.prod(batch, dtype=int))
        inner = int(np.prod([a.shape[i] for i in left], dtype=int))
        rows = np.transpose(a, [*left_batch, *free_a, *left]).reshape(count, -1, inner)
        columns = np.transpose(b, [*right_batch, *right, *free_b]).reshape(count, inner, -1)
        shape = [*batch, *[a.shape[i] for i in free_a], *[b.shape[i] for i in free_b]]
        return [self.nodes.product(rows, columns).reshape(shape)]

    def _argmax(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        raise LiftError("the position of a maximum cannot be lifted")

    def _cond(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        chosen, operands = values[0], values[1:]
        known = self.session.graph.value(int(chosen))
        branches = settings["branches"]
        if known is not None:
            return self._inner(branches[min(max(int(known), 0), len(branches) - 1)], operands)
        results = [self._inner(branch, operands) for branch in branches]
        joined = results[-1]
        for case in range(len(branches) - 2, -1, -1):
            here = self.nodes.each("le", chosen, self.nodes.constants(case))
            joined = [
                self.nodes.each("select", here, then, otherwise)
                for then, otherwise in zip(results[case], joined, strict=True)
            ]
        return joined

    def _while(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        first, second = settings["cond_nconsts"], settings["body_nconsts"]
        asked, done = values[:first], values[first : first + second]
        state = values[first + second :]
        for _ in range(_MAX_LOOPS):
            goes_on = self._inner(settings["cond_jaxpr"], [*asked, *state])[0]
            known = self.session.graph.value(int(goes_on))
            if known is None:
                raise LiftError("a loop whose length depends on the data cannot be lifted")
            if not known:
                return state
            state = self._inner(settings["body_jaxpr"], [*done, *state])
        raise LiftError(f"a loop of more than {_MAX_LOOPS} rounds is not lifted")

    def _scan(self, equation: Any, settings: Any, values: list[Array]) -> list[Array]:
        fixed, carried = settings["num_consts"], settings["num_carry"]
        constants, state = values[:fixed], values[fixed : fixed + carried]
        rows = values[fixed + carried :]
        order = range(settings["length"])
        collected: list[list[Array]] = []
        for index in reversed(order) if settings["reverse"] else order:
            inputs = [*constants, *state, *[np.asarray(row[index]) for row in rows]]
            results = self._inner(settings["jaxpr"], inputs)
            state = results[:carried]
            collected.append(results[carried:])
        if settings["reverse"]:
            collected.reverse()
        return [*state, *[np.stack(column) for column in zip(*collected, strict=True)]]


def is_draw(equation: Any) -> bool:
    """Whether an equation draws random numbers, or makes keys for that."""
    name = equation.primitive.name
    called = str(equation.params.get("name", "")).strip("_")
    return bool(name.startswith(_RANDOM) or called in _DRAWS)


def drawn(jaxpr: Any, constants: Sequence[Any], inputs: Sequence[Any]) -> tuple[Any, list[Any]]:
    """The outputs of a jaxpr on numbers, and what its draws gave, in their order.

    Raises :class:`~symopt.errors.LiftError` for a draw in a loop or a branch.
    """
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, constants, strict=True))
    known.update(zip(jaxpr.invars, inputs, strict=True))
    draws: list[Any] = []
    for equation in jaxpr.eqns:
        values = [entry.val if hasattr(entry, "val") else known[entry] for entry in equation.invars]
        settings, inner = equation.params, None
        draws_here = is_draw(equation)
        if equation.primitive.name in _CALLS:
            keys = ("jaxpr", "call_jaxpr", "fun_jaxpr")
            inner = next(settings[key] for key in keys if key in settings)
        if inner is not None:
            plain = getattr(inner, "jaxpr", inner)
            results, more = drawn(plain, getattr(inner, "consts", ()), values)
            draws += [] if draws_here else more
        else:
            if equation.primitive.name in ("cond", "while", "scan") and "random_" in str(settings):
                raise LiftError(f"{_place(equation)}: random numbers in a loop or a branch")
            results = equation.primitive.bind(*values, **settings)
            if not equation.primitive.multiple_results:
                results = [results]
        if draws_here:
            draws.append(results)
        known.update(zip(equation.outvars, results, strict=True))
    outputs = [entry.val if hasattr(entry, "val") else known[entry] for entry in jaxpr.outvars]
    return outputs, draws


def _place(equation: Any) -> str:
    """The file and line of the code that made an equation, where JAX tells."""
    try:
        from jax._src import source_info_util

        frame = source_info_util.user_frame(equation.source_info.traceback)
    except (ImportError, AttributeError, TypeError):
        return ""
    if frame is None:
        return ""
    return f"{frame.file_name.rpartition('/')[2]}:{frame.start_line}"
