"""``symopt.explore``: rules on an objective as one interactive page that runs without a network."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from sympy import Expr

from symopt.derivation.algebraic import to_decimal
from symopt.derivation.step import objective_programs
from symopt.errors import InexactError, InputError
from symopt.execution.files import written
from symopt.execution.run import run
from symopt.presentation import drawing, html
from symopt.presentation.breaking import pieces
from symopt.presentation.calculus import function_name
from symopt.presentation.document import EquationLine, Equations
from symopt.presentation.explore_code import RuleCode, page_code
from symopt.presentation.names import Label
from symopt.presentation.notation import plain
from symopt.presentation.order import Roles
from symopt.presentation.page import from_template
from symopt.presentation.sheets import algorithm
from symopt.presentation.sliders import decimal_text, domain, scale
from symopt.program.printers import javascript
from symopt.statement.library import objectives
from symopt.statement.library import rules as all_rules
from symopt.statement.numbers import exact, rational
from symopt.statement.objective import Objective
from symopt.statement.rule import Hyperparameter, Rule

__all__ = ["OFFERED", "Explorer", "explore"]

#: The rules that a page offers unless others are asked for.
OFFERED = (
    "gradient_descent", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "adamax",
    "amsgrad", "adabelief", "nadam", "adamw", "lion", "rprop",
)  # fmt: skip
#: What the page opens with, where it offers them; else its first two rules.
_FIRST = ("gradient_descent", "momentum", "adam")
_POWERS = (javascript.WHOLE_POWERS,)
#: How many steps the page opens with, and the learning rates that are tried for its opening.
STEPS = 1000
_RATE, _RATES = "eta", ("1", "0.1", "0.01", "0.001", "0.0001")
_SCRIPTS = ("explore_run.js", "explore_draw.js", "explore_page.js")


@dataclass(frozen=True)
class Explorer:
    """An interactive page: rules to choose from on one objective of two variables.

    :meth:`html` gives the page, :meth:`save` writes it. ``codes`` hold the printed JavaScript.

    >>> page = explore("saddle", rules=("momentum", "lion"))
    >>> [(code.rule.name, code.inexact) for code in page.codes]
    [('momentum', ()), ('lion', ())]
    """

    objective: Objective
    codes: tuple[RuleCode, ...]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that the page offers."""
        return tuple(code.rule for code in self.codes)

    @cached_property
    def code(self) -> str:
        """The printed JavaScript: ``value``, and ``start_of_...`` and ``step_of_...`` per rule."""
        return page_code(self.objective, self.codes)

    @cached_property
    def data(self) -> dict[str, Any]:
        """What the page knows beside its code, ready for JSON."""
        objective = self.objective
        points, origin = _points(objective)
        minima = [point["value"] for point in points if point["kind"] == "minimum"]
        window = _window(objective, points)
        _, _, values = drawing.grid(objective, window)
        lowest = min(minima) if minima else None
        start = objective.start or tuple(
            exact(repr(float(low + 0.8 * (high - low)))) for low, high in window
        )
        first = [name for name in _FIRST if name in {rule.name for rule in self.rules}]
        starts = [decimal_text(Fraction(rational(value))) for value in start]
        return {
            "objective": {
                "name": objective.name,
                "title": objective.title,
                "variables": [Label(symbol.name).unicode for symbol in objective.variables],
                "window": window,
                "start": starts,
                "points": points,
                "origin": origin,
                "lowest": lowest,
                "levels": _levels(values, lowest),
            },
            "rules": [_rule_data(code, starts if minima else None) for code in self.codes],
            "steps": STEPS,
            "first": first if len(first) > 1 else [rule.name for rule in self.rules[:2]],
        }

    @property
    def agreement(self) -> str:
        """For which rules the page's numbers are the Python kernel's, and why not for others."""
        return " ".join(self._agreements)

    @property
    def _agreements(self) -> list[str]:
        equal = [code.rule.title for code in self.codes if not code.inexact]
        parts = []
        if equal:
            parts.append(f"Bit for bit the same: {', '.join(equal)}.")
        powers = [code.rule.title for code in self.codes if code.inexact == _POWERS]
        if powers:
            parts.append(
                "Up to last digits, since this page rounds powers with an integer exponent (such "
                "as βᵗ) to nearest, and the C library that Python calls is not always that "
                f"exact: {', '.join(powers)}."
            )
        others: dict[tuple[str, ...], list[str]] = {}
        for code in self.codes:
            library = tuple(what for what in code.inexact if what not in _POWERS)
            if library:
                others.setdefault(library, []).append(code.rule.title)
        for operations, titles in others.items():
            parts.append(
                f"Up to last digits, since browsers and C libraries compute "
                f"{', '.join(operations)} each in their own way: {', '.join(titles)}."
            )
        inexact = javascript.inexact(objective_programs(self.objective)[0])
        if inexact:
            parts.append(f"Values of f up to last digits, because of {', '.join(inexact)}.")
        return parts

    def html(self) -> str:
        """The page: one file that loads nothing.

        >>> page = explore("saddle", rules=("momentum",)).html()
        >>> page.startswith("<!DOCTYPE html>"), "://" in page.replace("http://www.w3.org", "")
        (True, False)
        """
        from markupsafe import Markup

        templates = files("symopt.presentation") / "templates"
        script = "\n".join(
            ['"use strict";', self.code, *[(templates / n).read_text("utf-8") for n in _SCRIPTS]]
        )
        style = "\n".join((templates / n).read_text("utf-8") for n in ("base.css", "explore.css"))
        data = json.dumps(self.data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return from_template(
            "explore.html.j2",
            title=Markup(html.clean(f"Explore {self.objective.title}")),
            formula=Markup(html.block(_formula(self.objective))),
            boxes={rule.name: Markup(html.block(algorithm(rule))) for rule in self.rules},
            agreements=self._agreements,
            printed=self.code,
            script=Markup(script),
            script_hash=_hash(script),
            style_hash=_hash(style),
            steps=STEPS if self.data["objective"]["lowest"] is not None else None,
            style=Markup(style),
            data=Markup(data.replace("<", "\\u003c")),
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page; an existing file is replaced as a whole or not at all.

        Raises :class:`~symopt.errors.InputError` for a name that does not end in ``.html`` and
        :class:`~symopt.errors.OutputError` where the file cannot be written.
        """
        target = Path(path)
        if target.suffix.lower() not in (".html", ".htm"):
            raise InputError(f"{target}: an interactive page is HTML; name it {target.stem}.html")
        return written(target, self.html())

    def _repr_html_(self) -> str:
        """In a notebook: the page in a frame of its own."""
        return (
            f'<iframe srcdoc="{html.clean(self.html())}" width="100%" height="900" '
            'style="border: 0"></iframe>'
        )


def explore(objective: Objective | str, rules: Sequence[Rule | str] = OFFERED) -> Explorer:
    """An interactive page: trajectories of rules on an objective of two variables.

    The page computes with JavaScript printed from the programs of which the Python kernels are
    made, in the same order of operations. A rule that needs nothing but ``+ - * /``, roots and
    comparisons gives the numbers of :func:`symopt.run` in ``float64``, bit for bit; the page says
    which of its rules these are.

    Raises :class:`~symopt.errors.InputError` for an objective of other than two variables, for
    rules given twice or not at all, and for constants beyond the range of binary64, and
    :class:`~symopt.errors.UnknownNameError` for names that are not known.

    >>> page = explore("beale", rules=("momentum", "adam"))
    >>> [rule.name for rule in page.rules]
    ['momentum', 'adam']
    >>> print(page.agreement)
    Bit for bit the same: Momentum. Up to last digits, since this page rounds powers with an
    integer exponent (such as βᵗ) to nearest, and the C library that Python calls is not always
    that exact: Adam.
    """
    stated = objectives.resolve(objective)
    if stated.dimension != 2:
        raise InputError(
            f"{stated.name or stated.title} has {stated.dimension} variable"
            f"{'s' * (stated.dimension != 1)}; a page with a contour map needs 2 "
            "(see objective.in_dimension)"
        )
    given = [rules] if isinstance(rules, str | Rule) else list(rules)
    if not given:
        raise InputError(f"explore needs at least one rule, such as {OFFERED[0]!r}")
    chosen = [all_rules.resolve(rule) for rule in given]
    names = [rule.name for rule in chosen]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"the page would offer two rules named {twice[0]!r}; name each once")
    for rule in chosen:
        if not re.fullmatch(r"\w+", rule.name, re.ASCII):
            raise InputError(
                f"the page tells rules by name, and {rule.name!r} ({rule.title}) is not a plain "
                "one; give it letters, digits and underscores"
            )
        for entry in rule.parameters:
            if not entry.is_schedule and not entry.default.is_Rational:
                raise InputError(
                    f"{rule.name}: the default {entry.default} of {entry.name} is not a rational "
                    "number; a page can only start from numbers"
                )
    return Explorer(stated, tuple(RuleCode(rule, stated) for rule in chosen))


def _formula(objective: Objective) -> Equations:
    right = pieces(objective.expression, roles=Roles(variables=objective.variables))
    return Equations((EquationLine(function_name(objective), right),))


def _rule_data(code: RuleCode, start: Sequence[str] | None) -> dict[str, Any]:
    rule = code.rule
    own = set(code.step.hyper)
    return {
        "name": rule.name,
        "title": rule.title,
        "source": rule.source.text,
        "defect": rule.defect,
        "slots": [code.step.identifier(slot) for slot in code.step.slots],
        "hyper": [_hyper_data(entry) for entry in rule.parameters if entry.name in own],
        "schedules": [
            f"{Label(entry.name).unicode} = {plain(entry.default)}"
            for entry in rule.parameters
            if entry.name not in own
        ],
        "inexact": code.inexact,
        "opens": _opening(code, start),
    }


def _opening(code: RuleCode, start: Sequence[str] | None) -> dict[str, str]:
    """The learning rate, a power of ten or the default, that comes lowest in as many steps.

    None is better than the default on an objective without a minimum, whose start is not given.
    """
    rule = code.rule
    if start is None or _RATE not in code.step.hyper:
        return {}
    entry = rule.parameter(_RATE)
    rates = [decimal_text(Fraction(rational(entry.default))), *_RATES]
    reached: dict[str, float] = {}
    for rate in rates:
        settings: dict[str, Any] = {_RATE: rate}
        ended = run(rule, code.objective, start, STEPS, record="final", **settings)
        reached[rate] = float(ended.values[-1])
    finite = {rate: f for rate, f in reached.items() if math.isfinite(f)}
    return {_RATE: min(finite, key=lambda rate: finite[rate])} if finite else {}


def _hyper_data(entry: Hyperparameter) -> dict[str, Any]:
    return {
        "name": entry.name,
        "symbol": Label(entry.name).unicode,
        "meaning": entry.meaning,
        "value": decimal_text(Fraction(rational(entry.default))),
        "scale": scale(entry),
        "domain": domain(entry),
    }


def _window(objective: Objective, points: list[dict[str, Any]]) -> drawing.Window:
    """The objective's own window, else one around its critical points and its start."""
    if objective.window:
        return drawing.window_of(objective, (), None)
    cloud = [point["x"] for point in points]
    if objective.start:
        cloud.append([float(value) for value in objective.start])
    if not cloud:
        return ((-5.0, 5.0),) * objective.dimension
    low, high = np.min(cloud, axis=0), np.max(cloud, axis=0)
    margin = np.maximum(0.5 * (high - low), 2.0)
    return tuple((float(a), float(b)) for a, b in zip(low - margin, high + margin, strict=True))


def _points(objective: Objective) -> tuple[list[dict[str, Any]], str]:
    """Critical points with kind and value, and where they are from."""
    try:
        found = objective.critical_points()
    except InexactError:
        listed = [
            {"kind": point.kind, "x": [float(c) for c in point.point], "value": float(point.value),
             "text": _point_text(point.point, point.value)}
            for point in objective.known
        ]  # fmt: skip
        return listed, "as the literature gives them, not derived here"
    exactly = [
        {"kind": point.kind, "x": [_float(c) for c in point.point], "value": _float(point.value),
         "text": _point_text(point.point, point.value)}
        for point in found
    ]  # fmt: skip
    return exactly, "all of them, derived exactly"


def _float(value: Expr) -> float:
    """The nearest binary64 number, up to the last digit."""
    return float(to_decimal(value, 20))


def _point_text(point: Sequence[Expr], value: Expr) -> str:
    return f"({', '.join(map(_short, point))}), f = {_short(value)}"


def _short(value: Expr) -> str:
    return str(value) if value.is_Rational and len(str(value)) < 16 else to_decimal(value, 8)


def _levels(values: Any, lowest: float | None) -> list[float]:
    return [float(level) for level in np.unique(drawing.levels_of(values, lowest))]


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
