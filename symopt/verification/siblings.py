"""Siblings: rules of the catalogue that walk through the same points, proved and not assumed.

Two rules are siblings for k steps if, for all starts, all gradients and all hyperparameters, they
ask for gradients at the same points and report the same points. The rules' own memories may
differ: a velocity, a buffer and a difference of points. What one rule calls its learning rate may
be another's times 1 - beta; such maps are tried from a short list, and only what is proved stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Symbol

from symopt.derivation.opaque import is_elementwise, opaque_step
from symopt.errors import BudgetError, StatementError, UndefinedError
from symopt.execution.arithmetic import array
from symopt.execution.kernel import compile_source, function_source
from symopt.program.from_sympy import Reader
from symopt.program.graph import Graph, Label, Program
from symopt.program.normal_form import proved_equal, settled
from symopt.program.printers.python import ARRAY
from symopt.program.ranges import Range
from symopt.statement.library import rules
from symopt.statement.numbers import rational
from symopt.statement.rule import Hyperparameter, Rule
from symopt.statement.symbols import t
from symopt.verification.stepping import float_rule

__all__ = [
    "Sibling",
    "candidate_maps",
    "linear_size",
    "opaque_program",
    "proved_by_induction",
    "proved_same_points",
    "siblings",
    "specialized",
]

#: Hyperparameters that weigh an old value against a new one.
_DECAYS = ("mu", "beta", "beta1", "beta2", "rho")
#: Values at which a part of a rule vanishes, and which may therefore stand in a map.
_NEUTRAL: dict[str, tuple[int, ...]] = {
    "tau": (0,), "kappa": (0,), "lamda": (0,), "epsilon_root": (0,), "gamma": (1,), "mu": (0,),
    "eta": (1,),
}  # fmt: skip
#: Values at which the numeric screening compares, all different and none of them special.
_SAMPLE = {
    "eta": 0.3, "mu": 0.55, "beta": 0.65, "beta1": 0.6, "beta2": 0.8, "rho": 0.7, "epsilon": 0.02,
    "epsilon_root": 0.03, "lamda": 0.15, "tau": 0.35, "kappa": 0.12, "gamma": 0.9, "psi": 0.04,
    "delta": 0.8, "alpha": 0.45,
}  # fmt: skip


@dataclass(frozen=True)
class Sibling:
    """A rule of the catalogue, written in another rule's hyperparameters.

    ``rule`` is the statement with the map put in, ``name`` its name in the catalogue, ``map`` what
    each of its own hyperparameters stands for. It is proved to report the same points for
    ``steps`` steps, or for every number of steps if ``always``.
    """

    rule: Rule
    name: str
    title: str
    map: tuple[tuple[Symbol, Expr], ...]
    steps: int
    always: bool = False

    @property
    def renamed(self) -> dict[str, Expr]:
        """The part of the map that is neither an identity nor the rule's own default."""
        defaults = {entry.symbol: entry.default for entry in rules[self.name].parameters}
        return {
            symbol.name: value
            for symbol, value in self.map
            if symbol != value and value != defaults[symbol]
        }

    @property
    def text(self) -> str:
        """The map in words, such as ``eta = eta*(1 - beta)``; empty for the identity."""
        return ", ".join(f"{name} = {value}" for name, value in self.renamed.items())

    @property
    def is_degenerate(self) -> bool:
        """Whether a part of the rule vanishes that is there by default."""
        defaults = {entry.symbol: entry.default for entry in rules[self.name].parameters}
        return any(value == 0 and defaults[symbol] != 0 for symbol, value in self.map)

    def __str__(self) -> str:
        with_map = f" with {self.text}" if self.text else ""
        return f"{self.title}{with_map}, {self.proof}"

    @property
    def proof(self) -> str:
        """For how many steps equality is proved, in words."""
        return "proved for every step" if self.always else f"proved for {self.steps} steps"


def specialized(
    rule: Rule, values: Mapping[Symbol, Expr], parameters: Iterable[Any] = ()
) -> Rule | None:
    """A rule with expressions put in for hyperparameters; ``None`` where that leaves no rule.

    ``parameters`` are the :class:`~symopt.statement.rule.Hyperparameter` that may then occur.
    """
    known = {entry.symbol: entry for entry in (*parameters, *rule.parameters)}
    lines = [(target, expression.xreplace(values)) for target, expression in rule.update]
    state = {symbol: value.xreplace(values) for symbol, value in rule.state.items()}
    used = {s for _, expression in lines for s in expression.free_symbols}
    used |= {s for value in state.values() for s in value.free_symbols}
    own = {target for target, _ in lines} | set(state)
    if any(symbol in own for value in values.values() for symbol in value.free_symbols):
        return None
    try:
        return Rule(
            rule.title, rule.source, {s: known[s] for s in known if s in used}, state, lines,
            name=rule.name, family=rule.family,
        )  # fmt: skip
    except StatementError:
        return None


def opaque_program(
    rule: Rule, steps: int, size: int, *, cut: bool, states: bool = False
) -> Program:
    """The first steps with opaque gradients.

    Outputs are the points ``("x", t, i)`` and the questions ``("ask", t, n, i)``. With ``cut``
    every step starts from a fresh point ``("x", t, i)``: two rules that agree for all of those
    agree all the more where the points are their own. With ``states`` the memory after each step
    is an output too, ``("slot", t, name, i)``.
    """
    step = opaque_step(rule, size)
    graph = Graph()
    points = [graph.input(("x", 0, index)) for index in range(size)]
    bindings: dict[Label, int] = {("x", index): points[index] for index in range(size)}
    memory = graph.inline(step.start, bindings)
    outputs: dict[Label, int] = {}
    for time in range(1, steps + 1):
        inputs: dict[Label, int] = {slot: memory[slot] for slot in step.slots[size:]}
        inputs.update({("x", index): points[index] for index in range(size)})
        inputs["t",] = graph.const(time)
        for number, index in product(range(1, step.asks + 1), range(size)):
            inputs["g", number, index] = graph.input(("g", time, number, index))
        memory = graph.inline(step.program, inputs)
        for number, index in product(range(1, step.asks + 1), range(size)):
            outputs["ask", time, number, index] = memory["ask", number, index]
        points = [memory["x", index] for index in range(size)]
        outputs.update({("x", time, index): points[index] for index in range(size)})
        if states:
            outputs.update({("slot", time, *slot): memory[slot] for slot in step.slots[size:]})
        if cut:
            points = [graph.input(("x", time, index)) for index in range(size)]
    return graph.program(outputs)


@lru_cache(maxsize=1024)
def proved_same_points(first: Rule, second: Rule, steps: int) -> bool:
    """Whether two rules are proved to ask at and report the same points; ``False`` is unknown.

    Hyperparameters of the same name have the same, arbitrary, value.

    >>> proved_same_points(rules.momentum, rules.heavy_ball, 8)
    True
    >>> proved_same_points(rules.momentum, rules.nesterov, 8)
    False
    """
    size = _size(first, second)
    if opaque_step(first, size).asks != opaque_step(second, size).asks:
        return False
    if proved_by_induction(first, second):
        return True
    return any(_proved(first, second, steps, size, cut) for cut in (True, False))


def _size(first: Rule, second: Rule) -> int:
    return 1 if is_elementwise(first) and is_elementwise(second) else 2


@lru_cache(maxsize=1024)
def proved_by_induction(first: Rule, second: Rule) -> bool:
    """Whether rules with the same memory are proved equal for every step; ``False`` is unknown.

    They start equal, and one step from one and the same arbitrary state, at any t, leads both to
    the same questions, points and memory.

    >>> proved_by_induction(rules.adamw, rules.adamw_optax)
    True
    """
    size = _size(first, second)
    one, other = opaque_step(first, size), opaque_step(second, size)
    if set(one.program.outputs) != set(other.program.outputs):
        return False
    return proved_equal(one.start, other.start) and proved_equal(one.program, other.program)


def _proved(first: Rule, second: Rule, steps: int, size: int, cut: bool) -> bool:
    # The first step is tried by itself: most of what cannot be proved fails there, at no cost.
    stages = sorted({1, min(2, steps), min(4, steps), steps})
    return all(
        proved_equal(
            opaque_program(first, stage, size, cut=cut),
            opaque_program(second, stage, size, cut=cut),
        )
        for stage in stages
    )


@lru_cache(maxsize=512)
def linear_size(rule: Rule) -> int | None:
    """The number of slots of a rule that is linear in them and the same at every later step.

    ``None`` for all others. By Cayley and Hamilton two such rules with m and n slots that agree
    for m + n steps after the first agree for ever.

    >>> linear_size(rules.momentum_pytorch), linear_size(rules.adam)
    (2, None)
    """
    if not is_elementwise(rule):
        return None
    step = opaque_step(rule, 1)
    # Two steps that look the same do not make a rule: t > 20 is false in both. So t is symbolic.
    try:
        later = settled(step.program, {("t",): Range.counter(2)})
    except (BudgetError, UndefinedError):
        return None
    if ("t",) in later.inputs:
        return None
    varies = later.depends_on(
        label for label in later.inputs if isinstance(label, tuple) and label[0] != "hyper"
    )
    for index, node in enumerate(later.nodes):
        moving = [varies[arg] for arg in node.args]
        linear = (
            node.op in ("input", "neg")
            or (node.op in ("add", "sub") and all(moving))
            or (node.op == "mul" and sum(moving) == 1)
            or (node.op == "div" and not moving[1])
        )
        if varies[index] and not linear:
            return None
    return len(step.slots)


def _for_ever(first: Rule, second: Rule, steps: int) -> bool:
    if proved_by_induction(first, second):
        return True
    sizes = [linear_size(first), linear_size(second)]
    return all(sizes) and steps > 1 + sum(size or 0 for size in sizes)


def _pools(rule: Rule, special: Mapping[Symbol, Expr]) -> dict[str, tuple[Expr, ...]]:
    """For each hyperparameter of any rule, what it may be in terms of this rule's own.

    ``special`` are those of the rule that have a special value.
    """
    own: dict[str, Expr] = {entry.name: entry.symbol for entry in rule.parameters}
    own.update({symbol.name: value for symbol, value in special.items()})
    decays = [own[name] for name in _DECAYS if name in own]
    pools: dict[str, list[Expr]] = {}
    for name in _SAMPLE:
        pool: list[Expr] = [own[name]] if name in own else []
        if name in _DECAYS:
            pool += [value for decay in decays if name not in own for value in (decay, 1 - decay)]
            pool += [1 - own["rho"]] if "rho" in own else []
        pool += [sympy.Integer(value) for value in _NEUTRAL.get(name, ())]
        pools[name] = pool
    if "eta" in own:
        eta = own["eta"]
        pools["eta"] += [
            f for decay in decays if decay != 1 for f in (eta * (1 - decay), eta / (1 - decay))
        ]
        if "tau" in own:
            pools["eta"].append(eta * (1 - own["tau"]))
        if "gamma" in own:
            pools["eta"].append(eta * own["gamma"])
        if "lamda" in own:
            lamda = own["lamda"]
            kept = 1 - eta * lamda
            pools["eta"] += [eta * kept, *([eta / kept] if kept != 0 else [])]
            pools["lamda"] += [eta * lamda, lamda * kept]
            pools["lamda"] += [lamda / value for value in (eta, kept) if value != 0]
    pools["tau"] += decays
    if "epsilon" in own:
        epsilon = own["epsilon"]
        pools["epsilon_root"].append(epsilon)
        pools["epsilon"] += [sympy.sqrt(epsilon), epsilon**2, sympy.Integer(0)]
        for decay in (value for value in decays if value not in (0, 1)):
            correction = sympy.sqrt(1 - decay**t)
            pools["epsilon"] += [epsilon * correction, epsilon / correction]
    return {name: tuple(dict.fromkeys(pool)) for name, pool in pools.items()}


def _sample(entry: Hyperparameter) -> float:
    """The value at which the screening looks at a hyperparameter, with nothing special about it."""
    if entry.name in _SAMPLE:
        return _SAMPLE[entry.name]
    near = sympy.Rational(9, 8) * entry.default + sympy.Rational(1, 64)
    return float(near if near in entry.domain else entry.default)


def _others(
    source: Rule, target: Rule, usual: Mapping[str, Sequence[Expr]]
) -> dict[str, tuple[Expr, ...]]:
    """What a hyperparameter may be that has no usual letter, or that the source does not have.

    Its namesake; else another one without a usual letter and with the same default; else the
    value that it has by default, which code may hold as a literal.
    """
    own = {entry.name: entry.symbol for entry in source.parameters}
    theirs = {entry.name for entry in target.parameters}
    strange = [
        entry
        for entry in source.parameters
        if entry.name not in _SAMPLE and entry.name not in theirs
    ]
    pools: dict[str, tuple[Expr, ...]] = {}
    for entry in target.parameters:
        if entry.name in own and entry.name not in _SAMPLE:
            pools[entry.name] = (own[entry.name],)
        elif entry.name not in own and not entry.is_schedule:
            alike = [other.symbol for other in strange if other.default == entry.default]
            known = usual.get(entry.name, ())
            pools[entry.name] = tuple(dict.fromkeys((*known, *alike, entry.default)))
    return pools


def _maps(rule: Rule, pools: Mapping[str, Sequence[Expr]]) -> Iterator[tuple[Expr, ...]]:
    """Candidate maps of a rule's hyperparameters: plain ones first, at most two unusual entries."""
    choices = [pools.get(entry.name, ()) for entry in rule.parameters]
    for indices in sorted(
        product(*[range(len(pool)) for pool in choices]),
        key=lambda chosen: (sum(map(bool, chosen)), sum(chosen)),
    ):
        if sum(map(bool, indices)) <= 2:
            yield tuple(pool[index] for pool, index in zip(choices, indices, strict=True))


def _gradients(steps: int, size: int) -> Any:
    return (
        np.random.default_rng(7).normal(size=(steps, size)) * np.geomspace(1, 0.05, steps)[:, None]
    )


class _Screen:
    """The numeric comparison that decides which maps are worth a proof."""

    def __init__(self, rule: Rule, pools: Mapping[str, Sequence[Expr]], steps: int) -> None:
        self.steps = steps
        self.pools = pools
        self.values = self._evaluate(rule, pools)
        self.gradients = _gradients(steps, 2)
        self.start = np.array([[0.7, -1.3]])
        sample = {entry.name: _sample(entry) for entry in rule.parameters}
        self.path = float_rule(rule, 2).run(self.start, self.gradients, lambda t: sample)

    def _evaluate(self, rule: Rule, pools: Mapping[str, Sequence[Expr]]) -> dict[Expr, list[float]]:
        """The value of every expression of the pools at each step."""
        own = [entry.symbol for entry in rule.parameters]
        entries = list(dict.fromkeys([*own, *(expr for pool in pools.values() for expr in pool)]))
        graph = Graph()
        symbols: dict[Expr, int] = {e.symbol: graph.input(e.name) for e in rule.parameters}
        reader = Reader(graph, {**symbols, t: graph.input("t")})
        nodes: dict[Label, int] = {index: reader.read(e) for index, e in enumerate(entries)}
        names: dict[Any, str] = {e.name: e.name for e in rule.parameters}
        source = function_source("maps", graph.program(nodes), {**names, "t": "t"}, ARRAY)
        function = compile_source(source, array(np.float64))
        sample = [_sample(entry) for entry in rule.parameters]
        columns = [function(*sample, step) for step in range(1, self.steps + 1)]
        return {expr: [float(column[i]) for column in columns] for i, expr in enumerate(entries)}

    def _value(self, expression: Expr, step: int) -> float:
        """The value at a step; numbers that no pool holds are their own."""
        if expression not in self.values:
            self.values[expression] = [float(expression)] * self.steps
        return self.values[expression][step - 1]

    def survivors(self, rule: Rule, maps: Sequence[tuple[Expr, ...]]) -> list[tuple[Expr, ...]]:
        names = [entry.name for entry in rule.parameters]

        def settings(step: int) -> dict[str, Any]:
            return {
                name: np.array([[self._value(chosen[i], step)] for chosen in maps])
                for i, name in enumerate(names)
            }

        with np.errstate(all="ignore"):
            path = float_rule(rule, 2).run(self.start, self.gradients, settings, len(maps))
            off = np.abs(path.points - self.path.points).max(axis=(0, 2))
            off = np.maximum(off, np.abs(path.asked - self.path.asked).max(axis=(0, 2)))
        return [chosen for chosen, size in zip(maps, off, strict=True) if size < 1e-10]


@lru_cache(maxsize=256)
def siblings(
    rule: Rule, steps: int = 8, fixed: tuple[tuple[str, Fraction], ...] = ()
) -> tuple[Sibling, ...]:
    """The rules of the catalogue that are proved to walk through the same points.

    Parameters
    ----------
    rule
        The rule; its own family is searched first.
    steps
        For how many steps equality is proved.
    fixed
        Hyperparameters at special values, such as ``("tau", Fraction(0))``: siblings for those
        values only are found too.

    >>> [sibling.name for sibling in siblings(rules.momentum)][:3]
    ['momentum_positive_velocity', 'momentum_buffer', 'momentum_negative_buffer']
    >>> {s.name: s.text for s in siblings(rules.momentum)}["momentum_ema"]
    'eta = eta/(1 - mu), beta = mu'
    """
    # A learning rate of 0 leaves no rule to speak of; what holds for all holds for it too.
    special = {
        rule.parameter(name).symbol: rational(value)
        for name, value in fixed
        if name != "eta" or value != 0
    }
    subject: Rule | None = specialized(rule, special) if special else rule
    if subject is None or any(entry.name not in _SAMPLE for entry in subject.parameters):
        return ()
    pools = _pools(subject, special)
    screen = _Screen(subject, pools, steps)
    others = sorted(rules.values(), key=lambda other: other.family != rule.family)
    found: list[Sibling] = []
    for other in others:
        if other == rule or is_elementwise(other) != is_elementwise(rule):
            continue
        maps = list(_maps(other, pools))
        for chosen in screen.survivors(other, maps) if maps else ():
            symbols = [entry.symbol for entry in other.parameters]
            mapping = dict(zip(symbols, chosen, strict=True))
            written = specialized(other, mapping, subject.parameters)
            if written is not None and proved_same_points(subject, written, steps):
                pairs = tuple(mapping.items())
                always = _for_ever(subject, written, steps)
                found.append(Sibling(written, other.name, other.title, pairs, steps, always))
                break
    return tuple(found)


@lru_cache(maxsize=8)
def _screen(source: Rule, steps: int) -> _Screen:
    return _Screen(source, _pools(source, {}), steps)


@lru_cache(maxsize=1024)
def candidate_maps(
    source: Rule, target: Rule, steps: int = 6, most: int = 8
) -> tuple[dict[Symbol, Expr], ...]:
    """What the hyperparameters of ``target`` may be in terms of those of ``source``.

    Plain maps come first. In floats the rules then walk through the same points for ``steps``
    steps: that is worth a proof, and proves nothing.

    >>> candidate_maps(rules.momentum, rules.momentum_ema)
    ({eta: eta/(1 - mu), beta: mu},)
    """
    if is_elementwise(source) != is_elementwise(target):
        return ()
    # The first steps tell most maps apart, and a long walk of many lanes takes its time.
    screens = [_screen(source, length) for length in sorted({min(2, steps), steps})]
    pools = {**screens[0].pools, **_others(source, target, screens[0].pools)}
    maps = list(_maps(target, pools))
    symbols = [entry.symbol for entry in target.parameters]
    for screen in screens:
        maps = screen.survivors(target, maps) if maps else []
    return tuple(dict(zip(symbols, chosen, strict=True)) for chosen in maps[:most])
