"""The whole loop for a block of lanes: scalars as in plain Python, arrays into buffers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from symopt.derivation.step import Slot, Step
from symopt.execution import arithmetic as numbers
from symopt.execution.kernel import bound, compile_source, identifiers, invariants, listed, wrapped
from symopt.program.printers.numpy import CALLS, PREDICATES, lane_code
from symopt.program.printers.python import ARRAY, RESERVED, Printer, clean_names

__all__ = ["LaneKernel", "lane_kernel", "varying"]

_WORDS = frozenset({*CALLS.values(), "square", "copyto", "number", "buffers", "masks"})


@dataclass(frozen=True)
class LaneKernel:
    """The source of a block's loop, and how many buffers and masks it needs.

    ``function(*slots, *hyperparameters, steps, record, buffers, masks)`` changes the arrays of
    the slots that ``varies`` marks, and calls ``record`` with the tuple of all slots after each
    step; the arrays are changed by the next one.
    """

    source: str
    varies: tuple[bool, ...]
    buffers: int
    masks: int

    def bind(self, dtype: type[np.floating[Any]]) -> Callable[..., None]:
        """The function on arrays of one dtype."""
        return compile_source(self.source, numbers.lanes(dtype))


def varying(step: Step) -> frozenset[Slot]:
    """The slots that differ from lane to lane; all coordinates of a name are alike."""
    found = {slot for slot in step.slots if slot[0] == "x"}
    while True:
        start = step.start.depends_on(found)
        after = step.program.depends_on(found)
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
def lane_kernel(step: Step) -> LaneKernel:
    """The loop of one step's program on blocks of lanes.

    >>> import symopt
    >>> print(lane_kernel(symopt.kernel("gradient_descent", "half_square").step).source)
    def gradient_descent_on_half_square(w, eta, steps, record, buffers, masks):
        (r0,) = buffers
        k0 = number(eta)
        for t in range(1, steps + 1):
            multiply(w, k0, r0)
            subtract(w, r0, w)
            record((w,))
    """
    program = step.program
    names = identifiers(step, _WORDS)
    lanes = varying(step)
    differs = program.depends_on(lanes)
    outputs = {slot: program.outputs[slot] for slot in step.slots}
    powers = {arg for node in program.nodes if node.op == "pow" for arg in node.args}
    operands = {
        arg
        for index, node in enumerate(program.nodes)
        if differs[index]
        for arg in node.args
        if not differs[arg]
    }
    ends = [outputs[slot] for slot in step.slots if not differs[outputs[slot]]]
    scalars = sorted({*operands, *ends})

    fixed = invariants(step, ARRAY, list(outputs.values()))
    fixed = [index for index in fixed if not differs[index]]
    head, known = bound(step, ARRAY, names, fixed)
    printer = Printer(program, ARRAY, names, known=known)
    body, texts = printer.lines(scalars, indent=" " * 8)
    value = dict(zip(scalars, texts, strict=True))
    changes = program.depends_on([*step.slots, ("t",)])
    taken = {*names.values(), *known.values(), *RESERVED, *_WORDS}
    wrap: dict[str, str] = {}
    for index, text in value.items():
        truth = program.nodes[index].op in PREDICATES
        if index in powers:  # an array to the power of 2.0 is not one to an array of 2.0
            continue
        if index in operands and not changes[index] and not truth:
            if text not in wrap:
                name = f"k{len(wrap)}"
                while name in taken:
                    name += "_"
                wrap[text] = name
            value[index] = wrap[text]
        elif not text.isidentifier() and changes[index]:
            value[index] = printer.name(index)
            body.append(f"        {value[index]} = {text}")
    head += [f"    {name} = number({text})" for text, name in wrap.items()]

    code = lane_code(
        program,
        {names[slot]: outputs[slot] for slot in step.slots if slot in lanes},
        {i: names[n.value] for i, n in enumerate(program.nodes) if n.value in lanes},
        value,
        frozenset({*taken, *wrap.values(), *value.values()}),
    )
    parameters = [*step.slots, *[("hyper", name) for name in step.hyper]]
    title = f"{step.rule.name}_on_{step.objective.name or 'objective'}"
    lines = wrapped(
        f"def {clean_names([title])[0]}("
        f"{', '.join([*(names[p] for p in parameters), 'steps', 'record', 'buffers', 'masks'])}):"
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
        len(code.buffers),
        len(code.masks),
    )
