"""Lifted rules in forms that can be compared: up to names, and directions as whole steps."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from sympy import Symbol

from symopt.derivation.opaque import is_elementwise, opaque_step
from symopt.errors import SymoptError
from symopt.program.graph import Label, Program
from symopt.statement.library import rules
from symopt.statement.rule import Rule
from symopt.statement.symbols import eta, hyperparameter, x
from symopt.verification.naming import SPELLINGS, renamed

__all__ = ["at_defaults", "respelled", "same_up_to_names", "step_along"]

#: Letters that code has for something else than the catalogue.
_OTHERWISE = frozenset({"gamma"})


def same_up_to_names(rule: Rule) -> Hashable:
    """A key that two rules share only if their steps are one program up to the names of states.

    >>> same_up_to_names(rules.adam) == same_up_to_names(rules.adam.named("mine"))
    True
    >>> same_up_to_names(rules.adam) == same_up_to_names(rules.adam_epsilon_hat)
    False
    """
    size = 1 if is_elementwise(rule) else 2
    step = opaque_step(rule, size)
    reader = _Reader()
    asked = [label for label in step.program.outputs if label[0] == "ask"]  # type: ignore[index]
    points: list[Label] = [("x", index) for index in range(size)]
    code = [reader.read(step.program, [*asked, *points])]
    done = 0
    while done < len(reader.slots):  # states are named in the order in which they are needed
        slot = list(reader.slots)[done]
        code += [reader.read(step.program, [slot]), reader.read(step.start, [slot])]
        done += 1
    parameters = tuple(
        sorted((entry.name, str(entry.domain), str(entry.default)) for entry in rule.parameters)
    )
    return size, step.asks, parameters, tuple(code)


class _Reader:
    """Programs as nested data in which hidden slots are numbers."""

    def __init__(self) -> None:
        self.slots: dict[Label, int] = {}

    def read(self, program: Program, labels: list[Label]) -> Hashable:
        places: dict[int, int] = {}
        code: list[Hashable] = []
        pending = [program.outputs[label] for label in reversed(labels)]
        while pending:
            index = pending[-1]
            node = program.nodes[index]
            missing = [arg for arg in reversed(node.args) if arg not in places]
            if index in places or not missing:
                pending.pop()
            if index in places:
                continue
            if missing:
                pending += missing
                continue
            value = self._label(node.value) if node.op == "input" else node.value
            places[index] = len(code)
            code.append((node.op, tuple(places[arg] for arg in node.args), value))
        return tuple(code), tuple(places[program.outputs[label]] for label in labels)

    def _label(self, label: Label) -> Hashable:
        if isinstance(label, tuple) and label[0] not in ("x", "g", "hyper", "t"):
            return "state", self.slots.setdefault(label, len(self.slots))
        return label


def step_along(rule: Rule) -> Rule | None:
    """The rule x <- x - eta u where the given one says x <- x + u; ``None`` where it cannot be.

    Transformations of optax give a direction and leave the learning rate to others. One that has
    a learning rate of its own is followed as x <- x - u.

    >>> from symopt.statement.source import Source
    >>> from symopt.statement.symbols import g, grad, m, mu
    >>> trace = Rule("Trace", Source("optax0.2.8", "_accumulation.py"), {mu: "9/10"}, {m: 0},
    ...              [(g, grad(x)), (m, mu * m + g), (x, m + x)])
    >>> step_along(trace).update[-1].expression
    -eta*m + x
    """
    places = [index for index, (target, _) in enumerate(rule.update) if target == x]
    if len(places) != 1:
        return None
    last = places[0]
    if any(expression.has(x) for _, expression in rule.update[last + 1 :]):
        return None  # it would be told another point than the transformation is
    step = (rule.update[last].expression - x).expand(deep=False)
    own = eta in rule.hyperparameters
    lines = [
        *rule.update[:last],
        (x, x - (step if own else eta * step)),
        *rule.update[last + 1 :],
    ]
    try:
        return Rule(
            title=f"{rule.title}, as a direction",
            source=rule.source,
            hyperparameters={
                **({} if own else {eta: "1/10"}),
                **{entry.symbol: entry for entry in rule.parameters},
            },
            state=dict(rule.state),
            update=lines,
            note=rule.note,
        )
    except SymoptError:
        return None


def respelled(rule: Rule) -> tuple[Rule, Mapping[str, str]]:
    """The rule in the letters of the catalogue, and what the code calls them.

    >>> from symopt.statement.source import Source
    >>> from symopt.statement.symbols import g, grad, hyperparameter
    >>> lr = hyperparameter("lr")
    >>> rule = Rule("Mine", Source("pytorch2.13.0", "mine.py"), {lr: "1/10"}, {},
    ...             [(g, grad(x)), (x, x - lr * g)])
    >>> made, names = respelled(rule)
    >>> made.update[-1].expression, names
    (-eta*g + x, {'eta': 'lr'})
    """
    taken = {entry.name for entry in rule.parameters}
    taken |= {symbol.name for symbol in (*rule.state, *rule.temporaries)}
    letters = {entry.name for stated in rules.values() for entry in stated.parameters}
    names: dict[Symbol, Symbol] = {}
    told: dict[str, str] = {}
    for entry in rule.parameters:
        if entry.name in letters and entry.name not in _OTHERWISE:
            continue
        for letter in SPELLINGS.get(entry.name, ()):
            if letter not in taken:
                names[entry.symbol] = hyperparameter(letter)
                told[letter] = entry.name
                taken.add(letter)
                break
    made = renamed(rule, names) if names else None
    return (made, told) if made is not None else (rule, {})


def at_defaults(rule: Rule, names: frozenset[str]) -> Rule | None:
    """The rule with these hyperparameters at their defaults; ``None`` where that is no rule.

    >>> at_defaults(rules.adamw, frozenset({"lamda"})).hyperparameters
    mappingproxy({eta: 1/1000, beta1: 9/10, beta2: 999/1000, epsilon: 1/100000000})
    """
    from symopt.verification.siblings import specialized

    return specialized(
        rule, {entry.symbol: entry.default for entry in rule.parameters if entry.name in names}
    )
