"""Kernels: one generated, readable Python function for a rule on an objective."""

from __future__ import annotations

import heapq
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import CodeType
from typing import TYPE_CHECKING, Any

from sympy import Expr, Symbol

from symopt.derivation.step import Step, objective_programs, step_program
from symopt.execution.arithmetic import Arithmetic, float64
from symopt.program.graph import ARITY, Program
from symopt.program.printers.python import (
    ARRAY,
    FLOAT,
    RESERVED,
    Dialect,
    Printer,
    clean_names,
)
from symopt.statement.library import objectives, rules
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule

if TYPE_CHECKING:
    from symopt.execution.machine_kernel import MachineKernel

__all__ = ["Kernel", "compile_source", "function_source", "kernel", "loop_source"]


@dataclass(frozen=True)
class Kernel:
    """A generated whole-loop function, kept with its readable source.

    ``function(*x0, *hyperparameters, steps, record)`` runs ``steps`` steps and calls ``record``
    with the tuple of all slots (``slots`` names them) after each. Calling the kernel itself is
    more convenient: it takes a start and keyword hyperparameters, and returns the final point.

    >>> import symopt
    >>> k = symopt.kernel("gradient_descent", "half_square")
    >>> print(k.source)
    def gradient_descent_on_half_square(w, eta, steps, record):
        for t in range(1, steps + 1):
            w = w - eta * w
            record((w,))
    >>> k([1.0], steps=2, eta=0.5)
    (0.25,)
    """

    step: Step
    dialect: Dialect
    source: str

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the recorded quantities, in order."""
        return tuple(self.step.identifier(slot) for slot in self.step.slots)

    @cached_property
    def batch_source(self) -> str:
        """The source of the loop that runs many lanes at once, every result into a buffer.

        >>> import symopt
        >>> print(symopt.kernel("gradient_descent", "half_square").batch_source)
        def gradient_descent_on_half_square(w, eta, steps, record, buffers, masks):
            (r0,) = buffers
            k0 = number(eta)
            for t in range(1, steps + 1):
                multiply(w, k0, r0)
                subtract(w, r0, w)
                record((w,))
        """
        from symopt.execution.lanes import lane_kernel

        return lane_kernel(self.step).source

    def bind(self, arithmetic: Arithmetic) -> Callable[..., None]:
        """The function, with the names in its source bound to one arithmetic."""
        return compile_source(self.source, arithmetic)

    @cached_property
    def function(self) -> Callable[..., None]:
        """The function in binary64."""
        return self.bind(float64())

    def __call__(self, x0: Sequence[float], *, steps: int, **hyper: float) -> tuple[float, ...]:
        """The point after ``steps`` steps of plain binary64 arithmetic."""
        from symopt.execution.run import run

        settings: dict[str, Any] = dict(hyper)
        final = run(self.step.rule, self.step.objective, x0, steps, record="final", **settings)
        return tuple(float(value) for value in final.x[-1])


def kernel(
    rule: Rule | str, objective: Objective | str, backend: str = "python"
) -> Kernel | MachineKernel:
    """The generated kernel of a rule on an objective, with its ``.source``.

    ``backend`` is ``"python"`` (one trajectory on Python floats), ``"numpy"`` (arrays; what runs
    batches in blocks is :attr:`~Kernel.batch_source`) or
    ``"llvm"``: then the source is the text of LLVM, see
    :class:`~symopt.execution.machine_kernel.MachineKernel`.

    Raises :class:`~symopt.errors.InputError` for another backend.

    >>> kernel("adam", "beale").slots
    ('x1', 'x2', 'm_x1', 'm_x2', 'v_x1', 'v_x2')
    """
    from symopt.execution.choice import check_backend
    from symopt.execution.machine_kernel import machine_kernel

    dialects = {"python": FLOAT, "numpy": ARRAY}
    check_backend(backend, (*dialects, "llvm"))
    if backend == "llvm":
        return machine_kernel(rules.resolve(rule), objectives.resolve(objective))
    return build_kernel(rules.resolve(rule), objectives.resolve(objective), dialects[backend])


def build_kernel(
    rule: Rule,
    objective: Objective,
    dialect: Dialect,
    schedules: Mapping[Symbol, Expr] | None = None,
) -> Kernel:
    """The kernel in one dialect, with some hyperparameters bound to expressions of ``t``."""
    default = (
        {entry.symbol: entry.default for entry in rule.parameters if entry.is_schedule}
        if schedules is None
        else schedules
    )
    step = step_program(rule, objective, bindings(default))
    return Kernel(step, dialect, loop_source(step, dialect))


def bindings(schedules: Mapping[Symbol, Expr]) -> tuple[tuple[Symbol, Expr], ...]:
    """Schedules as the key of a step's program."""
    return tuple(sorted(schedules.items(), key=str)) if schedules else ()


def identifiers(step: Step, words: Collection[str] = ()) -> dict[Any, str]:
    """The name of every input in generated code that uses ``words`` for itself."""
    labels: list[Any] = [*step.slots, *[("hyper", name) for name in step.hyper]]
    cleaned = clean_names([step.identifier(label) for label in labels], {*RESERVED, *words, "t"})
    return {**dict(zip(labels, cleaned, strict=True)), ("t",): "t"}


@lru_cache(maxsize=512)
def loop_source(step: Step, dialect: Dialect) -> str:
    """The source of the whole loop."""
    names = identifiers(step)
    size = step.objective.dimension
    parameters = [names[slot] for slot in step.slots[:size]]
    parameters += [names["hyper", name] for name in step.hyper]
    title = clean_names([f"{step.rule.name}_on_{step.objective.name or 'objective'}"])[0]
    lines = wrapped(f"def {title}({', '.join([*parameters, 'steps', 'record'])}):")
    memory = step.slots[size:]
    if memory:
        start = Printer(step.start, dialect, names, prefix="s")
        before, texts = start.lines([step.start.outputs[slot] for slot in memory])
        lines += before
        lines += [f"    {names[slot]} = {text}" for slot, text in zip(memory, texts, strict=True)]
    wanted = [step.program.outputs[slot] for slot in step.slots]
    fixed = invariants(step, dialect, wanted)
    taken = {*names.values(), *RESERVED}
    before, known = bound(step, dialect, names, fixed)
    lines += before
    taken |= set(known.values())
    lines.append("    for t in range(1, steps + 1):")
    printer = Printer(step.program, dialect, names, known=known, hints=_hints(step, taken))
    body, texts = printer.lines(wanted, indent=" " * 8)
    targets = [names[slot] for slot in step.slots]
    body, texts = _in_place(body, targets, texts)
    lines += _assign(body, targets, texts)
    lines += wrapped(f"        record({listed(targets)})")
    return "\n".join(lines)


def bound(
    step: Step, dialect: Dialect, names: Mapping[Any, str], fixed: Sequence[int]
) -> tuple[list[str], dict[int, str]]:
    """The lines that give nodes a name before the loop, and the name of each."""
    constants = Printer(step.program, dialect, names, prefix="c")
    lines, texts = constants.lines(fixed)
    known: dict[int, str] = {}
    for index, text in zip(fixed, texts, strict=True):
        known[index] = text if text.isidentifier() else constants.name(index)
        if known[index] != text:
            lines.append(f"    {known[index]} = {text}")
    return lines, known


def _hints(step: Step, taken: set[str]) -> dict[int, str]:
    """Names of the rule's lines for the nodes that hold them.

    A new value of state gets another name than the old one, which is still needed.
    """
    return {index: f"{name}_new" if name in taken else name for index, name in step.names.items()}


def invariants(step: Step, dialect: Dialect, wanted: Sequence[int]) -> list[int]:
    """The largest operations that neither state nor ``t`` enters, needed in every branch."""
    program = step.program
    varies = program.depends_on([*step.slots, ("t",)])
    needed = Printer(program, dialect, {}).unconditional(wanted)
    fixed: dict[int, None] = {}
    for index in needed:
        for arg in program.nodes[index].args if varies[index] else ():
            node = program.nodes[arg]
            fraction = node.op == "const" and node.value.denominator != 1
            expensive = fraction and not dialect.cheap_literals
            if not varies[arg] and (ARITY[node.op] or expensive or node.op in ("pi", "e")):
                fixed[arg] = None
    return sorted(fixed)


_WORD = re.compile(r"[A-Za-z_]\w*")


def _in_place(body: list[str], targets: list[str], texts: list[str]) -> tuple[list[str], list[str]]:
    """A new value takes the name of the old one where nothing further down needs the old one."""
    bindings: dict[str, list[int]] = {}
    last: dict[str, int] = {}
    for row, line in enumerate(body):
        if bound := re.match(r" +(\w+) = ", line):
            bindings.setdefault(bound[1], []).append(row)
        last.update(dict.fromkeys(_WORD.findall(line), row))
    returned = Counter(word for text in texts for word in set(_WORD.findall(text)))
    often = Counter(texts)
    renamed: dict[str, str] = {}
    for target, text in zip(targets, texts, strict=True):
        rows = bindings.get(text, [])
        if not text.isidentifier() or len(rows) != 1 or often[text] > 1 or text == target:
            continue
        if last.get(target, -1) > rows[0] or returned[target]:
            continue
        if not body[rows[0]].startswith(" " * 9):  # what a branch binds stays as it is
            renamed[text] = target
            last[target] = last[text]

    def rename(line: str) -> str:
        return _WORD.sub(lambda word: renamed.get(word[0], word[0]), line)

    return [rename(line) for line in body], [rename(text) for text in texts]


def _assign(body: list[str], targets: list[str], texts: list[str]) -> list[str]:
    """One line for each new value, in an order in which no old value is lost; else all at once."""
    pairs = {
        target: text for target, text in zip(targets, texts, strict=True) if target != text
    }  # fmt: skip
    places = {target: place for place, target in enumerate(pairs)}
    words = {target: set(_WORD.findall(text)) - {target} for target, text in pairs.items()}
    needed = Counter(word for used in words.values() for word in used)
    ready = [places[target] for target in pairs if not needed[target]]
    named = list(pairs)
    ordered: list[str] = []
    while ready:
        target = named[heapq.heappop(ready)]
        ordered.append(f"        {target} = {pairs.pop(target)}")
        for word in words[target]:
            needed[word] -= 1
            if not needed[word] and word in pairs:
                heapq.heappush(ready, places[word])
    if pairs:
        ordered.append(f"        {', '.join(pairs)} = {', '.join(pairs.values())}")
    return body + ordered


def wrapped(line: str) -> list[str]:
    """A line that parentheses hold together, broken inside of them where it is too long."""
    indent = line[: len(line) - len(line.lstrip())] + " " * 8
    parts = textwrap.wrap(
        line.replace(" = ", "\0=\0"),
        100,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [part.replace("\0=\0", " = ") for part in parts]


def listed(names: Iterable[str]) -> str:
    """Names as a tuple."""
    given = list(names)
    return f"({', '.join(given)}{',' if len(given) == 1 else ''})"


def function_source(name: str, program: Program, names: Mapping[Any, str], dialect: Dialect) -> str:
    """The source of a function of the given inputs that returns all outputs as a tuple."""
    cleaned = dict(zip(names, clean_names(names.values(), RESERVED), strict=True))
    lines = wrapped(f"def {clean_names([name])[0]}({', '.join(cleaned.values())}):")
    body, texts = Printer(program, dialect, cleaned).lines(list(program.outputs.values()))
    lines += body
    lines.append(f"    return {listed(texts)}")
    return "\n".join(lines)


def compile_source(source: str, arithmetic: Arithmetic) -> Callable[..., Any]:
    """The function that a generated source defines, in one arithmetic.

    The source comes from this package's printers alone: every identifier in it was cleaned.
    """
    namespace: dict[str, Any] = dict(arithmetic.functions)
    exec(_code(source), namespace)
    return namespace[source[4 : source.index("(")]]  # type: ignore[no-any-return]


@lru_cache(maxsize=512)
def _code(source: str) -> CodeType:
    return compile(source, f"<symopt kernel: {source[4 : source.index('(')]}>", "exec")


@lru_cache(maxsize=512)
def start_source(step: Step, dialect: Dialect) -> str:
    """The source of the function from a start and hyperparameters to all slots before step 1."""
    labels: list[Any] = [*step.slots[: step.objective.dimension]]
    labels += [("hyper", name) for name in step.hyper]
    names = {label: step.identifier(label) for label in labels}
    ordered = Program(step.start.nodes, {slot: step.start.outputs[slot] for slot in step.slots})
    return function_source("start", ordered, names, dialect)


def value_and_gradient(
    objective: Objective, arithmetic: Arithmetic
) -> tuple[Callable[..., tuple[Any]], Callable[..., tuple[Any, ...]]]:
    """The objective's value (a 1-tuple) and gradient as functions of its coordinates."""
    value, gradient = _objective_sources(objective, arithmetic.dialect)
    return compile_source(value, arithmetic), compile_source(gradient, arithmetic)


@lru_cache(maxsize=256)
def _objective_sources(objective: Objective, dialect: Dialect) -> tuple[str, str]:
    value, gradient = objective_programs(objective)
    names = {symbol.name: symbol.name for symbol in objective.variables}
    return (
        function_source("value", value, names, dialect),
        function_source("gradient", gradient, names, dialect),
    )
