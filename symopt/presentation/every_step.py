"""A result of ``symopt.closed_form`` in print: as text, as formulas, and as a document."""

from __future__ import annotations

import sympy
from sympy import Expr, Symbol

from symopt.derivation.branches import Branch
from symopt.derivation.every_step import EveryStep, Motion
from symopt.derivation.recurrence import upright
from symopt.presentation.breaking import pieces
from symopt.presentation.document import (
    Block,
    Cite,
    Document,
    EquationLine,
    Equations,
    Math,
    Paragraph,
    Section,
    math,
    spans,
)  # fmt: skip
from symopt.presentation.names import Label
from symopt.presentation.order import Roles
from symopt.statement.symbols import t

__all__ = ["every_step_document", "every_step_latex", "every_step_text"]

_TITLES = {
    "geometric": "A power of one root",
    "distinct": "Two real roots",
    "double": "One double root",
    "complex": "Two complex roots",
}
_REST = Symbol("x_inf", real=True)


def _roles(result: EveryStep) -> Roles:
    letters = (*result.rule.hyperparameters, *result.quadratic.constants)
    return Roles(hyperparameters=tuple(dict.fromkeys(letters)))


def _name(result: EveryStep, number: int) -> str:
    """The coordinate along a direction: the variable, or y with a number."""
    vector = result.motions[number].direction.vector
    if [part for part in vector if part != 0] == [1]:
        return str(result.quadratic.variables[list(vector).index(1)].name)
    return f"y{number + 1}"


def _shown(expression: Expr) -> Expr:
    """Factored where that is shorter."""
    factored = upright(sympy.factor(expression))
    return min((sympy.expand(expression), factored), key=sympy.count_ops)


def _definitions(motion: Motion) -> list[tuple[Symbol, Expr]]:
    """What the formulas of the branches use, in the letters of the rule."""
    found: list[tuple[Symbol, Expr]] = []

    def define(name: str, value: Expr) -> None:
        found.append((Symbol(name, real=True), value))

    if len(motion.coefficients) == 1:
        define("q", _shown(-motion.coefficients[0]))
    elif len(motion.coefficients) == 2:
        define("s", _shown(-motion.coefficients[1]))
        define("p", _shown(motion.coefficients[0]))
        gap = motion.discriminant
        s, p = Symbol("s", real=True), Symbol("p", real=True)
        define("Delta", s**2 - 4 * p if gap is None or gap.free_symbols else gap)
    else:
        for power, value in enumerate(motion.coefficients):
            define(f"a_{power}", _shown(value))
    define("x_inf", motion.rest)
    for number, value in enumerate(motion.first):
        define(f"d_{number}", _shown(value))
    return found


def _formula(motion: Motion, branch: Branch) -> Expr:
    """x_t in a branch; a rest at 0 is left out, and a late start counts from its step."""
    values = {_REST: sympy.S.Zero} if motion.rest == 0 else {}
    return branch.formula.xreplace({**values, t: t - motion.offset})


def _lets(branch: Branch) -> list[tuple[Math, Expr]]:
    """The letters of a branch; an angle is given by its cosine."""
    return [
        (math(sympy.cos(letter)), sympy.cos(value))
        if letter.name == "theta"
        else (math(letter), value)
        for letter, value in branch.lets
    ]


def _recurrence(motion: Motion) -> Expr:
    """The recurrence of the distance from rest, with letters e_0 for e_t, e_1 for e_{t+1}."""
    size = len(motion.coefficients)
    e = [Symbol(f"e{number}", real=True) for number in range(size)]
    if size == 1:
        return Symbol("q", real=True) * e[0]
    if size == 2:
        return Symbol("s", real=True) * e[1] - Symbol("p", real=True) * e[0]
    return sum((-Symbol(f"a_{k}", real=True) * e[k] for k in range(size)), sympy.S.Zero)


def _times(size: int) -> dict[Symbol, Label]:
    return {
        Symbol(f"e{number}", real=True): Label("e", f"t+{number}" if number else "t")
        for number in range(size + 1)
    }


def every_step_text(result: EveryStep) -> str:
    """The branches along each direction for a terminal."""
    roles = _roles(result)
    lines = [f"{result.rule.title} on {_where(result, roles).text}, for every t"]
    for number, motion in enumerate(result.motions):
        name = _name(result, number)
        curvature = math(motion.direction.curvature, roles).text
        late = f", from t = {motion.offset} on" if motion.offset else ""
        lines.append(f"  along {Label(name).unicode}, of curvature {curvature}{late}:")
        for letter, value in _definitions(motion):
            lines.append(f"    {math(letter).text} = {math(value, roles).text}")
        left = Label(name, "t").unicode
        if not motion.branches:
            size = len(motion.coefficients)
            right = math(_recurrence(motion), labels=_times(size)).text
            lines.append(f"    {left} = x∞ + eₜ with {Label('e', f't+{size}').unicode} = {right}")
        for branch in motion.branches:
            if branch.condition is not None:
                lines.append(f"    if {math(branch.condition).text}:")
            lines.append(f"      {left} = {math(_formula(motion, branch)).text}")
            for known, value in _lets(branch):
                lines.append(f"        {known.text} = {math(value).text}")
    if any(_name(result, n).startswith("y") for n in range(len(result.motions))):
        for variable, parts in zip(result.quadratic.variables, _combined(result), strict=True):
            lines.append(f"  {Label(variable.name, 't').unicode} = {parts.text}")
    lines.append("  proved by induction, from the rule's own program")
    return "\n".join(lines)


def _where(result: EveryStep, roles: Roles) -> Math:
    return math(result.quadratic.expression, roles)


def _combined(result: EveryStep) -> list[Math]:
    """Each variable as a sum over the directions."""
    letters = [Symbol(_name(result, n), real=True) for n in range(len(result.motions))]
    labels = {letter: Label(letter.name, "t") for letter in letters}
    return [
        math(
            sum(
                (motion.direction.vector[row] * letter
                 for motion, letter in zip(result.motions, letters, strict=True)),
                sympy.S.Zero,
            ),
            labels=labels,
        )
        for row in range(len(result.quadratic.variables))
    ]  # fmt: skip


def every_step_latex(result: EveryStep) -> str:
    """The formulas of the first direction, for a notebook."""
    motion = result.motions[0]
    left = Label(_name(result, 0), "t").latex
    rows = [
        math(_formula(motion, branch)).latex
        + ("" if branch.condition is None else rf", & {math(branch.condition).latex}")
        for branch in motion.branches
    ]
    if not rows:
        size = len(motion.coefficients)
        body = math(_recurrence(motion), labels=_times(size)).latex
        return f"$\\displaystyle e_{{t+{size}}} = {body}$"
    if len(rows) == 1:
        return f"$\\displaystyle {left} = {rows[0].split(', &')[0]}$"
    cases = r" \\ ".join(rows)
    return rf"$\displaystyle {left} = \begin{{cases}} {cases} \end{{cases}}$"


def every_step_document(result: EveryStep) -> Document:
    """The closed form as a derivation: recurrence, first values, branches, inductions."""
    roles = _roles(result)
    rule = result.rule
    blocks: list[Block] = [
        Paragraph(
            spans(f"{rule.title} is stated by ", Cite(rule.source), ". On ",
                  _where(result, roles), " it is linear in its state, and along each direction in "
                  "which the quadratic has one curvature x moves by itself.")
        )
    ]  # fmt: skip
    for number, motion in enumerate(result.motions):
        blocks.append(_motion_section(result, number, motion, roles))
    if any(_name(result, n).startswith("y") for n in range(len(result.motions))):
        lines = [
            EquationLine(_label(variable.name, "t"), (part,))
            for variable, part in zip(result.quadratic.variables, _combined(result), strict=True)
        ]
        blocks.append(
            Section(
                spans("The point"),
                (Paragraph(spans("The directions together:")), Equations(tuple(lines))),
            )
        )
    return Document(f"{rule.title} on a quadratic, for every step", tuple(blocks), (rule.source,))


def _label(name: str, time: str = "") -> Math:
    label = Label(name, time)
    return Math(label.latex, label.unicode, label.width)


def _motion_section(result: EveryStep, number: int, motion: Motion, roles: Roles) -> Section:
    name = _name(result, number)
    size = len(motion.coefficients)
    defined = [
        EquationLine(math(letter), pieces(value, roles=roles))
        for letter, value in _definitions(motion)
    ]
    rest = Math(r"x_\infty", "x∞", 1.2)
    body: list[Block] = [
        Paragraph(
            spans("The distance ", _label("e", "t"), " of ", _label(name, "t"), " from ", rest,
                  f" satisfies, from t = {motion.offset} on,")
        ),
        Equations(
            (EquationLine(_label("e", f"t+{size}"),
                          pieces(_recurrence(motion), labels=_times(size))),)
        ),
        Paragraph(
            spans("which is proved from the rule's own program, stepped from an arbitrary state. "
                  "Here, with the first distances ", *_first(size), ":")
        ),
        Equations(tuple(defined)),
    ]  # fmt: skip
    if motion.offset:
        body.append(
            Paragraph(
                spans("The first step of this rule is another one, so the count begins after it; ",
                      _label(name, "0"), " is the start.")
            )
        )  # fmt: skip
    if motion.rest != 0 and sympy.denom(motion.rest).free_symbols:
        below = math(sympy.denom(motion.rest), roles)
        body.append(
            Paragraph(
                spans("This supposes that ", below, " is not 0: otherwise nothing rests, and x "
                      "moves on for ever.")
            )
        )  # fmt: skip
    if not motion.branches:
        body.append(
            Paragraph(
                spans(f"The roots of a polynomial of degree {size} are not written out. ",
                      _label("e", "t"), " is the first row of the companion matrix to the power t "
                      "times the first distances, computed exactly.")
            )
        )  # fmt: skip
    for branch in motion.branches:
        body.append(_branch_section(name, motion, branch))
    curvature = math(motion.direction.curvature, roles)
    return Section(spans("Along ", _label(name), ", of curvature ", curvature), tuple(body))


def _first(size: int) -> list[Math | str]:
    found: list[Math | str] = []
    for number in range(size):
        found += [_label(f"d_{number}"), " and " if number == size - 2 else ", "]
    return found[:-1]


def _branch_section(name: str, motion: Motion, branch: Branch) -> Section:
    formula = EquationLine(_label(name, "t"), pieces(_formula(motion, branch)))
    lets = [EquationLine(left, pieces(value)) for left, value in _lets(branch)]
    blocks: list[Block] = [Equations((formula, *lets))]
    if branch.kind == "double":
        blocks.append(
            Paragraph(spans("At the first step the second term is 0, and a power 0 of 0 is 1."))
        )
    if branch.kind == "complex":
        blocks.append(
            Paragraph(
                spans("By induction, with ", math(Symbol("C")), " and ", math(Symbol("S")),
                      " for the cosine and the sine times the power, which the addition theorems "
                      "carry on, and ", math(Symbol("w")), " for the root of ",
                      math(-Symbol("Delta")), ":")
            )
        )  # fmt: skip
    elif branch.kind == "distinct":
        blocks.append(
            Paragraph(
                spans("By induction, for all values of the letters, with ", math(Symbol("w")),
                      " for the root of ", math(Symbol("Delta")), ", so that ", math(Symbol("p")),
                      " is a quarter of the difference of the squares of ", math(Symbol("s")),
                      " and ", math(Symbol("w")), ":")
            )
        )  # fmt: skip
    else:
        blocks.append(Paragraph(spans("By induction, for all values of the letters:")))
    order = len(motion.coefficients)
    for step in branch.proof:
        time = step.place.removeprefix("t = ") if step.place.startswith("t = ") else f"t+{order}"
        lines = [EquationLine(_label("e", time), pieces(step.left))]
        if step.left != step.right:
            lines.append(EquationLine(None, pieces(step.right)))
        place = f"At {step.place}:" if step.place.startswith("t = ") else f"F{step.place[1:]}:"
        blocks += [Paragraph(spans(place)), Equations(tuple(lines))]
    title = spans(_TITLES[branch.kind])
    if branch.condition is not None:
        title = spans(*title, ": ", math(branch.condition))
    return Section(title, tuple(blocks))
