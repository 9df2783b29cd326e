"""The JavaScript of an explorer page: each rule with the objective's gradient, printed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from symopt.derivation.step import Step, objective_programs, step_program
from symopt.program.printers import javascript
from symopt.program.printers.python import clean_names
from symopt.statement.objective import Objective
from symopt.statement.rule import Rule

__all__ = ["RuleCode", "page_code", "value_code"]


@dataclass(frozen=True)
class RuleCode:
    """One rule on one objective in JavaScript, by the program that the Python kernel is made of.

    ``start_of_...`` maps a start and hyperparameters to all slots before step 1, ``step_of_...``
    maps ``t``, all slots and hyperparameters to all slots after step ``t``.

    >>> import symopt
    >>> code = RuleCode(symopt.rules.gradient_descent, symopt.objectives.saddle)
    >>> print(code.source)
    function start_of_gradient_descent(x, y, eta) {
        return [x, y];
    }
    function step_of_gradient_descent(t, x, y, eta) {
        let g_x, g_y, x_new, y_new;
        g_x = -x;
        g_y = 2.0 * y;
        x_new = x - eta * g_x;
        y_new = y - eta * g_y;
        return [x_new, y_new];
    }
    """

    rule: Rule
    objective: Objective

    @cached_property
    def step(self) -> Step:
        """The program that the kernel prints too; defaults that follow ``t`` are built in."""
        schedules = {
            entry.symbol: entry.default for entry in self.rule.parameters if entry.is_schedule
        }
        return step_program(self.rule, self.objective, tuple(sorted(schedules.items(), key=str)))

    @property
    def title(self) -> str:
        """The identifier that the names of both functions end in."""
        return clean_names([self.rule.name])[0]

    @property
    def source(self) -> str:
        step = self.step
        names: dict[Any, str] = {slot: step.identifier(slot) for slot in step.slots}
        hyper: dict[Any, str] = {("hyper", name): name for name in step.hyper}
        size = self.objective.dimension
        before: dict[Any, str] = {slot: names[slot] for slot in step.slots[:size]} | hyper
        after: dict[Any, str] = {("t",): "t"} | names | hyper
        old = {*after.values()}
        hints = {
            index: f"{name}_new" if name in old else name for index, name in step.names.items()
        }
        return "\n".join(
            [
                javascript.function(
                    f"start_of_{self.title}", step.start, before, outputs=step.slots
                ),
                javascript.function(
                    f"step_of_{self.title}", step.program, after, hints, step.slots
                ),
            ]
        )

    @property
    def inexact(self) -> tuple[str, ...]:
        """The operations by which the page's last digits may differ from Python's."""
        found = [*javascript.inexact(self.step.start), *javascript.inexact(self.step.program)]
        return tuple(dict.fromkeys(found))


def value_code(objective: Objective) -> str:
    """The function ``value`` from the coordinates to the objective's value.

    >>> import symopt
    >>> print(value_code(symopt.objectives.saddle))
    function value(x, y) {
        return [y * y - 0.5 * (x * x)];
    }
    """
    value, _ = objective_programs(objective)
    return javascript.function(
        "value", value, {symbol.name: symbol.name for symbol in objective.variables}
    )


def page_code(objective: Objective, codes: tuple[RuleCode, ...]) -> str:
    """All printed functions, what they call, and the table ``CODE`` of the rules by name."""
    table = ", ".join(
        f"{json.dumps(code.rule.name)}: "
        f"{{start: start_of_{code.title}, step: step_of_{code.title}}}"
        for code in codes
    )
    return "\n".join(
        [
            javascript.runtime(),
            value_code(objective),
            *[code.source for code in codes],
            f"const CODE = {{{table}}};",
        ]
    )
