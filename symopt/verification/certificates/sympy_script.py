"""A proof by induction written out as a Python script that needs SymPy and nothing else.

Both rules stand in it as functions, line by line as they are stated, then the relation between
their memories, and the claims: after the first step, and after every later one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from itertools import chain
from typing import Any

from symopt.derivation.opaque import OpaqueStep, opaque_step
from symopt.program.graph import Program
from symopt.program.printers.python import FLOAT, RESERVED, Dialect, Printer, clean_names
from symopt.program.ranges import Range
from symopt.verification.certificates.related import relation_program
from symopt.verification.relation import Equality

__all__ = ["Script", "assembled", "sympy_script"]


def _literal(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    return f"Fraction({value.numerator}, {value.denominator})"


def _call(name: str, known: str = "") -> str:
    more = f', known="{known}"' if known else ""
    return f'R.function("{name}", {{}}{more})'


_DIALECT = Dialect(
    {
        **FLOAT.operations,
        "sqrt": "R.sqrt({})", "abs": "R.absolute({})", "sign": "R.sign({})",
        "max": "R.maximum({}, {})", "min": "R.minimum({}, {})", "real_pow": "R.power({}, {})",
        "exp": _call("exp", "positive"), "cosh": _call("cosh", "positive"),
        **{name: _call(name) for name in ("log", "sin", "cos", "tan", "atan", "sinh", "tanh")},
    },
    _literal,
    pi='R.function("pi", known="positive")',
    e='R.function("e", known="positive")',
)  # fmt: skip
_TAKEN = RESERVED | {"R", "Real", "Reals", "Fraction", "Split", "Void", "prove", "ring", "sympy",
                     "Any", "Callable", "Iterator", "Mapping", "INPUTS", "relation"}  # fmt: skip


def sympy_script(equalities: tuple[Equality, ...], claim: str) -> str:
    """The script; ``claim`` says in words what it proves.

    >>> from symopt.statement.library import rules
    >>> from symopt.verification.relation import proved_always
    >>> buffer, velocity = rules.momentum_buffer, rules.momentum
    >>> v, b = next(iter(velocity.state)), next(iter(buffer.state))
    >>> eta = buffer.parameter("eta").symbol
    >>> text = sympy_script((proved_always(buffer, velocity, {v: -eta * b}),), "They are equal.")
    >>> exec(compile(text, "certificate", "exec"))
    the first step: 3 identities hold
    every later step: 3 identities hold
    """
    several = len(equalities) > 1
    parts = chain.from_iterable(Script(e, several).parts() for e in equalities)
    return assembled(claim, parts)


def assembled(claim: str, parts: Iterable[str]) -> str:
    """A script: what it proves, the checker, and its own parts."""
    source = files(__package__).joinpath("checker.py").read_text(encoding="utf-8")
    imports = source.split('"""\n', 1)[1].split("__all__", 1)[0].strip()
    kernel = source.split("# --- begin", 1)[1].split("# --- end", 1)[0].strip("\n# ")
    quoted = claim.replace("\\", "\\\\").replace('"""', "'''")
    whole = [f'"""{quoted}\n"""', imports, "# The checker\n#\n# " + kernel, *parts]
    return "\n\n".join(part.rstrip() + "\n" for part in whole)


@dataclass
class Script:
    """The part of a script that is about one number of coordinates."""

    equality: Equality
    several: bool

    def __post_init__(self) -> None:
        size = self.size = self.equality.size
        first, second = self.equality.first, self.equality.second
        self.ours, self.theirs = opaque_step(first, size), opaque_step(second, size)
        self.tail = f"_{size}" if self.several else ""
        labels: list[Any] = [("x", index) for index in range(size)]
        asks = range(1, self.ours.asks + 1)
        labels += [("g", number, index) for number in asks for index in range(size)]
        labels += [
            ("hyper", name) for name in dict.fromkeys((*self.ours.hyper, *self.theirs.hyper))
        ]
        labels += [slot for step in (self.ours, self.theirs) for slot in step.slots[size:]]
        labels = list(dict.fromkeys(labels))
        names = [first.name + self.tail, second.name + self.tail]
        if names[0] == names[1]:
            names[1] += "_second"
        self.rules = clean_names(names, _TAKEN | {"t"})
        taken = _TAKEN | {"t", *self.rules, *(f"{name}_start" for name in self.rules)}
        words = clean_names([self._words(label) for label in labels], taken)
        self.names: dict[Any, str] = {**dict(zip(labels, words, strict=True)), ("t",): "t"}
        self.relation = f"relation{self.tail}"

    def _words(self, label: Any) -> str:
        if label[0] == "hyper":
            return str(label[1])
        parts = [str(label[0])]
        if label[0] == "g" and self.ours.asks > 1:
            parts = [f"g{label[1]}"]
        if self.size > 1 and label[-1] is not None:
            parts.append(str(label[-1] + 1))
        return "_".join(parts)

    def parts(self) -> Iterator[str]:
        for name, step in zip(self.rules, (self.ours, self.theirs), strict=True):
            yield from self._rule(name, step)
        yield self._relation()
        yield self._first_step()
        yield self._later_step()
        yield self._proofs()

    # The rules as functions

    def _function(
        self, name: str, arguments: list[Any], program: Program, wanted: list[Any],
        words: str, hints: Mapping[int, str],
    ) -> str:  # fmt: skip
        parameters = ", ".join(["R", *[self.names[label] for label in arguments]])
        own = {label: self.names[label] for label in program.inputs}
        known = set(own.values())
        hints = {i: f"{name}_new" if name in known else name for i, name in hints.items()}
        printer = Printer(program, _DIALECT, {**self.names, **own}, hints=hints)
        lines, texts = printer.lines([program.outputs[label] for label in wanted])
        body = "\n".join(lines)
        result = ", ".join(texts)
        returned = f"    return [{result}]"
        return f'def {name}({parameters}):\n    """{words}"""\n' + (
            f"{body}\n{returned}\n" if body else f"{returned}\n"
        )

    def _rule(self, name: str, step: OpaqueStep) -> Iterator[str]:
        memory = list(step.slots[self.size :])
        if memory:
            shown = ", ".join(self.names[slot] for slot in memory)
            yield self._function(
                f"{name}_start", self._start_arguments(step), step.start, memory,
                f"Before the first step: {shown}.", {},
            )  # fmt: skip
        shown = ", ".join(["the point of each gradient", *[self.names[s] for s in step.slots]])
        yield self._function(
            name, self._arguments(step), step.program, [*self._asks(step), *step.slots],
            f"One step: {shown}.", step.names,
        )  # fmt: skip

    def _asks(self, step: OpaqueStep) -> list[Any]:
        return [
            ("ask", number, index)
            for number in range(1, step.asks + 1)
            for index in range(self.size)
        ]

    def _hyper(self, step: OpaqueStep) -> list[Any]:
        return [("hyper", name) for name in step.hyper]

    def _start_arguments(self, step: OpaqueStep) -> list[Any]:
        return [*step.slots[: self.size], *self._hyper(step)]

    def _arguments(self, step: OpaqueStep) -> list[Any]:
        answers: list[Any] = [("g", number, index) for _, number, index in self._asks(step)]
        return [("t",), *answers, *step.slots, *self._hyper(step)]

    # The relation

    def _related(self) -> list[Any]:
        names = {symbol.name for symbol in self.equality.relation}
        return [slot for slot in self.theirs.slots[self.size :] if slot[0] in names]

    def _relation(self) -> str:
        program, outputs = relation_program(self.equality, self.ours, self.theirs)
        shown = ", ".join(self.names[slot] for slot in outputs) or "nothing"
        arguments: list[Any] = [("t",), *self.ours.slots, *self._hyper(self.ours)]
        return self._function(
            self.relation, arguments, program, outputs,
            f"The memory of {self.rules[1]} after step t, in terms of {self.rules[0]}'s: {shown}.",
            {},
        )  # fmt: skip

    # The claims

    def _given(self, memory: bool) -> list[Any]:
        labels = list(self.names)
        own = set(self.ours.slots[self.size :]) if memory else set()
        spare = set(self.ours.slots + self.theirs.slots) - set(self.ours.slots[: self.size])
        return [label for label in labels if label in own or label not in spare]

    def _reading(self, labels: list[Any]) -> list[str]:
        words = [self.names[label] for label in labels if label != ("t",)]
        shown = ", ".join(words)
        return [f'    {shown} = R.inputs("{" ".join(words)}")']

    def _calls(self, time: str, memories: list[list[str]]) -> list[str]:
        """Both rules make a step, each from its memory."""
        lines = []
        for number, step in enumerate((self.ours, self.theirs)):
            texts = dict(zip(step.slots[self.size :], memories[number], strict=True))
            given = [
                time if label == ("t",) else texts.get(label, self.names[label])
                for label in self._arguments(step)
            ]
            results = [f"{name}_{'ab'[number]}" for name in self._results(step)]
            lines.append(
                f"    {', '.join(results)} = {self.rules[number]}({', '.join(['R', *given])})"
            )
        return lines

    def _results(self, step: OpaqueStep) -> list[str]:
        asked = [f"asked{number + 1}" for number in range(len(self._asks(step)))]
        return [*asked, *[self.names[slot] for slot in step.slots]]

    def _claims(self, time: str) -> list[str]:
        asked = self._results(self.ours)[: len(self._asks(self.ours))]
        points = [self.names[slot] for slot in self.ours.slots[: self.size]]
        lines = []
        for name in asked:
            lines.append(f'    yield "the point of the gradient", R.same({name}_a, {name}_b)')
        for name in points:
            lines.append(f'    yield "{name}", R.same({name}_a, {name}_b)')
        related = self._related()
        if related:
            own = [f"{self.names[slot]}_a" for slot in self.ours.slots]
            hyper = [self.names[label] for label in self._hyper(self.ours)]
            given = ", ".join(["R", time, *own, *hyper])
            names = [self.names[slot] for slot in related]
            lines.append(f"    [{', '.join(n + '_r' for n in names)}] = {self.relation}({given})")
            for name in names:
                lines.append(f'    yield "{name} of {self.rules[1]}", R.same({name}_r, {name}_b)')
        for slot, word in self._kept():
            name = self.names[slot]
            lines.append(f'    yield "{name} is {word}", R.{word}({name}_a)')
        return lines

    def _kept(self) -> list[tuple[Any, str]]:
        """What the proof uses of the memory's sign."""
        ranges = self.equality.ranges
        return [
            (slot, "positive" if ranges[slot].positive else "nonnegative")
            for slot in self.ours.slots[self.size :]
            if slot in ranges
        ]

    def _first_step(self) -> str:
        lines = [f"def first_step{self.tail}(R):"]
        lines.append('    """From one start: the first step of both."""')
        lines += self._reading(self._given(memory=False))
        memories: list[list[str]] = []
        for number, step in enumerate((self.ours, self.theirs)):
            names = [f"{self.names[slot]}_{'ab'[number]}" for slot in step.slots[self.size :]]
            memories.append(names)
            if names:
                given = ["R", *[self.names[label] for label in self._start_arguments(step)]]
                lines.append(
                    f"    [{', '.join(names)}] = {self.rules[number]}_start({', '.join(given)})"
                )
        lines.append("    t = R.number(1)")
        return "\n".join([*lines, *self._calls("t", memories), *self._claims("t")])

    def _later_step(self) -> str:
        lines = [f"def later_step{self.tail}(R):"]
        lines.append('    """From related memories, at any t >= 2: the next step of both."""')
        lines += self._reading(self._given(memory=True))
        lines.append('    t = R.inputs("t")')
        ours = [self.names[slot] for slot in self.ours.slots[self.size :]]
        related = self._related()
        theirs = [f"{self.names[slot]}_b" for slot in self.theirs.slots[self.size :]]
        if related:
            own = [self.names[slot] for slot in self.ours.slots]
            hyper = [self.names[label] for label in self._hyper(self.ours)]
            given = ", ".join(["R", "t - 1", *own, *hyper])
            names = [f"{self.names[slot]}_b" for slot in related]
            lines.append(f"    [{', '.join(names)}] = {self.relation}({given})")
        for slot in self.theirs.slots[self.size :]:
            if slot not in related:
                name = f"{self.names[slot]}_b"
                lines.append(f'    {name} = R.inputs("{name}")  # no later result depends on it')
        return "\n".join([*lines, *self._calls("t", [ours, theirs]), *self._claims("t")])

    def _proofs(self) -> str:
        dead = [
            f"{self.names[slot]}_b"
            for slot in self.theirs.slots[self.size :]
            if slot not in self._related()
        ]
        lines = [f"INPUTS{self.tail} = {{"]
        for label in self._given(memory=True):
            lines.append(f'    "{self.names[label]}": "{self._known(label)}",')
        lines += [f'    "{name}": "real",' for name in dead]
        lines.append("}")
        words = f" in {self.size} coordinates" if self.several else ""
        for name, title in (("first", "the first step"), ("later", "every later step")):
            lines.append(f'prove("{title}{words}", {name}_step{self.tail}, INPUTS{self.tail})')
        return "\n".join(lines)

    def _known(self, label: Any) -> str:
        if label == ("t",):
            return "counter from 2"
        found = self.equality.ranges.get(label, Range())
        words = "positive" if found.positive else "nonnegative" if found.nonnegative else "real"
        return f"{words}, below 1" if found.unit else words
