"""A proof by linearity written out as a Python script that needs SymPy and nothing else.

Both rules are linear in their memory and the gradients, and the same at every step after the
first. By Cayley and Hamilton they are equal for ever if they are for n + 1 steps, where n is the
number of entries of both memories, points included.
"""

from __future__ import annotations

from typing import Any

from symopt.derivation.opaque import OpaqueStep
from symopt.statement.rule import Rule
from symopt.verification.certificates.sympy_script import Script, assembled
from symopt.verification.relation import Equality, shared_ranges

__all__ = ["linear_script"]


def linear_script(first: Rule, second: Rule, claim: str) -> str:
    """The script; ``claim`` says in words what it proves.

    >>> from symopt.statement.library import rules
    >>> exec(linear_script(rules.momentum, rules.heavy_ball, "They are equal."))
    momentum is linear: 3 identities hold
    heavy_ball is linear: 3 identities hold
    the first 5 steps: 10 identities hold
    """
    script = _Linear(Equality(first, second, {}, (), shared_ranges(first, second)), False)
    return assembled(claim, script.linear_parts())


class _Linear(Script):
    def linear_parts(self) -> list[str]:
        parts = []
        for name, step in zip(self.rules, (self.ours, self.theirs), strict=True):
            parts += list(self._rule(name, step))
        count = 1 + len(self.ours.slots) + len(self.theirs.slots)
        parts += [self._linear(0), self._linear(1), self._steps(count)]
        known = [f'    "{self.names["hyper", n]}": "{self._known(("hyper", n))}",'
                 for n in dict.fromkeys((*self.ours.hyper, *self.theirs.hyper))]  # fmt: skip
        lines = ["HYPER = {", *known, "}"]
        for number, step in enumerate((self.ours, self.theirs)):
            lines.append(f"INPUTS = dict.fromkeys({self._moving(step)!r}.split(), 'real')")
            lines.append('INPUTS |= {"s": "counter from 2", "t": "counter from 2", **HYPER}')
            name = self.rules[number]
            lines.append(f'prove("{name} is linear", {name}_is_linear, INPUTS)')
        gradients = " ".join(f"g{k}" for k in range(1, count + 1))
        lines.append(f'INPUTS = {{**dict.fromkeys("x {gradients}".split(), "real"), **HYPER}}')
        lines.append(f'prove("the first {count} steps", first_steps, INPUTS)')
        return [*parts, "\n".join(lines)]

    def _moving(self, step: OpaqueStep) -> str:
        words = ["g", *[self.names[slot] for slot in step.slots]]
        return " ".join([*[f"{word}_1" for word in words], *[f"{word}_2" for word in words]])

    def _linear(self, number: int) -> str:
        """A step from a sum is the sum of the steps, whichever steps those are."""
        step, name = (self.ours, self.theirs)[number], self.rules[number]
        moving = self._moving(step)
        hyper = " ".join(self.names[label] for label in self._hyper(step))
        words = ["g", *[self.names[slot] for slot in step.slots]]
        summed = {word: f"{word}_1 + {word}_2" for word in words}
        calls = [
            self._called(step, name, "s", {word: f"{word}_1" for word in words}),
            self._called(step, name, "t", {word: f"{word}_2" for word in words}),
            self._called(step, name, "t", summed),
        ]
        return "\n".join(
            [
                f"def {name}_is_linear(R):",
                '    """After the first, a step from a sum is the sum of the steps."""',
                f"    {moving.replace(' ', ', ')} = R.inputs({moving!r})",
                "    s, t = R.inputs('s t')",
                *([f"    [{hyper.replace(' ', ', ')}] = [R.inputs(n) for n in {hyper!r}.split()]"]
                  if hyper else []),
                f"    one = {calls[0]}",
                f"    two = {calls[1]}",
                f"    both = {calls[2]}",
                "    for k, value in enumerate(both):",
                '        yield f"entry {k}", R.same(value, one[k] + two[k])',
            ]
        )  # fmt: skip

    def _called(self, step: OpaqueStep, name: str, time: str, texts: dict[str, str]) -> str:
        words: list[Any] = [
            time if label == ("t",) else self.names[label] for label in self._arguments(step)
        ]
        return f"{name}({', '.join(['R', *[texts.get(word, word) for word in words]])})"

    def _steps(self, count: int) -> str:
        """Both rules from one start, for as many steps as decide it."""
        hyper = list(dict.fromkeys((*self.ours.hyper, *self.theirs.hyper)))
        names = [self.names["hyper", name] for name in hyper]
        lines = ["def first_steps(R):", '    """Both from one start, with the same gradients."""']
        lines.append("    x_a = x_b = x = R.inputs('x')")
        if names:
            shown = " ".join(names)
            lines.append(f"    [{', '.join(names)}] = [R.inputs(n) for n in {shown!r}.split()]")
        for number, step in enumerate((self.ours, self.theirs)):
            memory = [f"{self.names[slot]}_{'ab'[number]}" for slot in step.slots[1:]]
            if memory:
                given = ["R", *[self.names[label] for label in self._start_arguments(step)]]
                call = f"{self.rules[number]}_start({', '.join(given)})"
                lines.append(f"    [{', '.join(memory)}] = {call}")
        lines.append(f"    for k in range(1, {count} + 1):")
        lines.append("        g = R.inputs(f'g{k}')")
        for number, step in enumerate((self.ours, self.theirs)):
            letter = "ab"[number]
            slots = [self.names[slot] for slot in step.slots]
            results = ["asked_" + letter, *[f"{name}_{letter}" for name in slots]]
            texts = {name: f"{name}_{letter}" for name in slots}
            call = self._called(step, self.rules[number], "R.number(k)", texts)
            lines.append(f"        {', '.join(results)} = {call}")
        lines.append('        yield f"the point of gradient {k}", R.same(asked_a, asked_b)')
        lines.append('        yield f"x after step {k}", R.same(x_a, x_b)')
        return "\n".join(lines)
