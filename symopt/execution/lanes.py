"""The whole loop for a block of lanes: scalars as in plain Python, arrays into buffers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from symopt.derivation.step import Slot, Step
from symopt.execution import arithmetic as numbers
from symopt.execution.kernel import bound, compile_source, identifiers, invariants, listed, wrapped
from symopt.program.graph import Label
from symopt.program.printers.numpy import CALLS, PREDICATES, lane_code
from symopt.program.printers.python import ARRAY, GROUPS, RESERVED, Printer, clean_names

__all__ = ["LaneKernel", "lane_inputs", "lane_kernel", "varying"]

_WORDS = frozenset({*CALLS.values(), "square", "copyto", "number", "buffers", "masks", "spread"})


@dataclass(frozen=True)
class LaneKernel:
    """The source of a block's loop, and how many buffers and masks it needs.

    ``function(*slots, *hyperparameters, steps, record, buffers, masks)`` changes the arrays of
    the slots that ``varies`` marks, and calls ``record`` with the tuple of all slots after each
    step; the arrays are changed by the next one.

    Where hyperparameters differ from lane to lane, what follows from them alone is computed once
    for each group of lanes with the same numbers: ``grouped`` marks such slots, and a further
    argument ``spread`` turns an array over groups into one over lanes. ``powers`` says whether
    powers are among them.
    """

    source: str
    varies: tuple[bool, ...]
    grouped: tuple[bool, ...]
    powers: bool
    buffers: int
    masks: int

    def bind(self, dtype: type[np.floating[Any]]) -> Callable[..., None]:
        """The function on arrays of one dtype."""
        return compile_source(self.source, numbers.lanes(dtype))


def varying(step: Step) -> frozenset[Slot]:
    """The slots that the point enters, and that differ from lane to lane therefore."""
    return _reached(step, {slot for slot in step.slots if slot[0] == "x"})


def lane_inputs(step: Step, over: Iterable[str] = ()) -> frozenset[Label]:
    """The slots and hyperparameters that differ from lane to lane, ``over`` being among these."""
    settings: set[Label] = {("hyper", name) for name in over}
    return frozenset({*settings, *varying(step), *_reached(step, settings)})


def _reached(step: Step, labels: set[Label]) -> frozenset[Slot]:
    """The slots that depend on these inputs; all coordinates of a name are alike."""
    found: set[Slot] = {slot for slot in step.slots if slot in labels}
    while True:
        start = step.start.depends_on({*labels, *found})
        after = step.program.depends_on({*labels, *found})
        names = {
            slot[0]
            for slot in step.slots
            if start[step.start.outputs[slot]] or after[step.program.outputs[slot]]
        }
        more = {slot for slot in step.slots if slot[0] in names}
        if more <= found:
            return frozenset(found)
        found |= more


@lru_cache(maxsize=256)
def lane_kernel(step: Step, over: frozenset[str] = frozenset()) -> LaneKernel:
    """The loop of one step's program on blocks of lanes; ``over`` differs from lane to lane too.

    >>> import symopt
    >>> step = symopt.kernel("gradient_descent", "half_square").step
    >>> print(lane_kernel(step).source)
    def gradient_descent_on_half_square(w, eta, steps, record, buffers, masks):
        (r0,) = buffers
        k0 = number(eta)
        for t in range(1, steps + 1):
            multiply(w, k0, r0)
            subtract(w, r0, w)
            record((w,))
    >>> print(*lane_kernel(step, frozenset({"eta"})).source.splitlines()[:3], sep="\\n")
    def gradient_descent_on_half_square(w, eta, steps, record, buffers, masks, spread):
        (r0,) = buffers
        k0 = spread(eta)
    """
    program = step.program
    dialect = GROUPS if over else ARRAY
    names = identifiers(step, _WORDS)
    lanes = varying(step)
    settings: set[Label] = {("hyper", name) for name in over}
    groups = _reached(step, settings) - lanes
    differs = program.depends_on(lanes)
    grouped = program.depends_on({*settings, *groups})
    outputs = {slot: program.outputs[slot] for slot in step.slots}
    powers = {
        arg for i, node in enumerate(program.nodes) if node.op == "pow" and differs[i]
        for arg in node.args
    }  # fmt: skip
    operands = {
        arg
        for index, node in enumerate(program.nodes)
        if differs[index]
        for arg in node.args
        if not differs[arg]
    }
    operands |= {outputs[slot] for slot in lanes if not differs[outputs[slot]]}
    ends = [outputs[slot] for slot in step.slots if slot not in lanes]
    scalars = sorted({*operands, *ends})

    fixed = invariants(step, dialect, list(outputs.values()))
    fixed = [index for index in fixed if not differs[index]]
    head, known = bound(step, dialect, names, fixed)
    printer = Printer(program, dialect, names, known=known)
    body, texts = printer.lines(scalars, indent=" " * 8)
    value = dict(zip(scalars, texts, strict=True))
    changes = program.depends_on([*step.slots, ("t",)])
    taken = {*names.values(), *known.values(), *RESERVED, *_WORDS}
    taken |= {printer.name(index) for index in scalars}

    def fresh(name: str) -> str:
        while name in taken:
            name += "_"
        taken.add(name)
        return name

    read: dict[int, str] = {}  # how lanes read what they share
    wrap: dict[str, str] = {}
    for index, text in value.items():
        call = "spread" if grouped[index] else "number"
        # An array to the power of 2.0 is not one to an array of 2.0.
        plain = not grouped[index] and (index in powers or program.nodes[index].op in PREDICATES)
        if index in operands and not plain and not changes[index]:
            whole = f"{call}({text})"
            if whole not in wrap:
                wrap[whole] = fresh(f"k{len(wrap)}")
            read[index] = wrap[whole]
            continue
        if not text.isidentifier() and changes[index] and (plain or index in ends):
            printed, text = text, printer.name(index)
            value[index] = text
            body.append(f"        {text} = {printed}")
        read[index] = text
        if index in operands and not plain:
            read[index] = fresh(f"k{index}")
            body.append(f"        {read[index]} = {call}({text})")
    head += [f"    {name} = {text}" for text, name in wrap.items()]

    code = lane_code(
        program,
        {names[slot]: outputs[slot] for slot in step.slots if slot in lanes},
        {i: names[n.value] for i, n in enumerate(program.nodes) if n.value in lanes},
        read,
        frozenset({*taken, *value.values()}),
        frozenset(index for index in operands if grouped[index]),
    )
    parameters = [*step.slots, *[("hyper", name) for name in step.hyper]]
    title = f"{step.rule.name}_on_{step.objective.name or 'objective'}"
    more = ["steps", "record", "buffers", "masks", *(["spread"] if over else [])]
    lines = wrapped(
        f"def {clean_names([title])[0]}({', '.join([*(names[p] for p in parameters), *more])}):"
    )
    for own, given in ((code.buffers, "buffers"), (code.masks, "masks")):
        if own:
            lines += wrapped(f"    {listed(own)} = {given}")
    lines += head
    lines.append("    for t in range(1, steps + 1):")
    lines += body
    lines += [f"        {line}" for line in code.lines]
    moves = {
        **code.rotation,
        **{
            names[slot]: value[outputs[slot]]
            for slot in step.slots
            if slot not in lanes and value[outputs[slot]] != names[slot]
        },
    }
    if moves:
        lines += wrapped(f"        {listed(moves)} = {listed(moves.values())}")
    lines += wrapped(f"        record({listed(names[slot] for slot in step.slots)})")
    return LaneKernel(
        "\n".join(lines),
        tuple(slot in lanes for slot in step.slots),
        tuple(slot in groups for slot in step.slots),
        any(grouped[i] and not differs[i] and n.op == "pow" for i, n in enumerate(program.nodes)),
        len(code.buffers),
        len(code.masks),
    )
