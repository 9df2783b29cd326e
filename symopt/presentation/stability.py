"""A result of ``symopt.stability`` in print: as text, as one formula, and as a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import sympy
from sympy import Expr, Matrix, Symbol

from symopt.derivation.optimum import Optimum
from symopt.derivation.recurrence import Z, characteristic, upright
from symopt.derivation.region import Region
from symopt.derivation.stability import Stability
from symopt.errors import InputError
from symopt.presentation.breaking import abbreviated, part_names, pieces
from symopt.presentation.document import (
    Block,
    Cite,
    Document,
    EquationLine,
    Equations,
    Inline,
    Items,
    Math,
    Paragraph,
    Section,
    Spans,
    math,
    spans,
)  # fmt: skip
from symopt.presentation.names import Label
from symopt.presentation.order import Roles

__all__ = ["matrix_math", "roles_of", "stability_document", "stability_latex", "stability_text"]

#: What is wider than this, in em, does not fit a line in one piece.
_WIDEST = 27.0


def roles_of(result: Stability) -> Roles:
    """Hyperparameters, then the curvature, then states."""
    return Roles(hyperparameters=(*result.rule.hyperparameters, result.curvature), variables=(Z,))


def matrix_math(matrix: Matrix, roles: Roles) -> Math:
    """A matrix, or a column, as a formula in both notations."""
    entries = [[math(entry, roles) for entry in matrix.row(i)] for i in range(matrix.rows)]
    latex = r" \\ ".join(" & ".join(entry.latex for entry in row) for row in entries)
    text = "; ".join(", ".join(entry.text for entry in row) for row in entries)
    widths = [max(row[j].width for row in entries) for j in range(matrix.cols)]
    return Math(rf"\begin{{pmatrix}} {latex} \end{{pmatrix}}", f"[{text}]", sum(widths) + 3.0)


def _states(names: Iterable[str], time: str) -> Math:
    labels = [Label(name, time) for name in names]
    latex = r" \\ ".join(label.latex for label in labels)
    text = ", ".join(label.unicode for label in labels)
    width = max(label.width for label in labels) + 1.5
    if len(labels) == 1:
        return Math(labels[0].latex, labels[0].unicode, width)
    return Math(rf"\begin{{pmatrix}} {latex} \end{{pmatrix}}", f"({text})", width)


def _chain(region: Region, roles: Roles) -> list[Math]:
    """The readable inequalities, ``0 < eta lambda < bound`` as one where there is one bound."""
    variable = math(region.scale * region.step, roles)
    if region.empty:
        return [Math(r"\text{nowhere}", "nowhere", 4.0)]
    if region.limit is None:
        return [math(part, roles) for part in region.inequalities]
    bound = math(region.limit, roles)
    return [
        Math(
            f"0 < {variable.latex} < {bound.latex}",
            f"0 < {variable.text} < {bound.text}",
            variable.width + bound.width + 4.0,
        )
    ]


def _joined(parts: Sequence[Math], word: str = " and ") -> Spans:
    result: list[str | Inline] = []
    for index, part in enumerate(parts):
        if index:
            result.append(", " if index < len(parts) - 1 else word)
        result.append(part)
    return spans(*result)


def _plain(parts: Spans) -> str:
    return "".join(getattr(part, "text", "") for part in parts)


def stability_text(result: Stability) -> str:
    """The result in a few lines for a terminal."""
    roles = roles_of(result)
    curvature = math(result.curvature, roles).text
    kind = "" if result.linear else ", linearized at " + ", ".join(
        f"{Label(name).unicode} = {math(value, roles).text}" for name, value in result.fixed.items()
    )  # fmt: skip
    lines = [
        f"{result.rule.title} on a quadratic of curvature {curvature}{kind}",
        f"  {_states(result.states, 't').text} = M {_states(result.states, 't-1').text}, "
        f"M = {matrix_math(result.matrix, roles).text}",
        f"  polynomial  {' '.join(part.text for part in _polynomial(result.seen, roles))}",
        f"  stable      {_plain(_joined(_chain(result.region, roles)))}",
        f"              where {_plain(_joined(_assumptions(result.region, roles)))}",
    ]
    if result.rate is not None:
        lines += [f"  rate        {text}" for text in _rate_texts(result, roles)]
    try:
        best = result.optimum()
    except InputError:
        pass
    else:
        chosen = {**best.fixed, **best.hyperparameters}
        parts = [f"{math(s, roles).text} = {math(v, roles).text}" for s, v in chosen.items()]
        lines.append(f"  best        {', '.join(parts)}: rate {math(best.rate, roles).text}")
        lines.append(f"              on curvatures from m to L, {best.scope}, proved")
    return "\n".join([*lines, *(f"  note        {note}" for note in result.notes)])


def _assumptions(region: Region, roles: Roles) -> list[Math]:
    return [math(part, roles) for part in region.assumptions]


def _polynomial(coefficients: Sequence[Expr], roles: Roles) -> tuple[Math, ...]:
    """The monic polynomial in z by falling powers, a piece for each, its coefficient first."""
    size = len(coefficients)
    parts = [_power(size)]
    for power in range(size - 1, -1, -1):
        value = upright(sympy.factor(coefficients[power]))
        if value == 0:
            continue
        negative = value.could_extract_minus_sign()
        value = upright(-value) if negative else value
        body = Math("", "", 0.0) if value == 1 and power else math(value, roles)
        base = _power(power)
        left, right = ("(", ")") if value.is_Add and power else ("", "")
        sign = "-" if negative else "+"
        parts.append(
            Math(
                f"{sign} {left}{body.latex}{right} {base.latex}".replace("  ", " ").rstrip(),
                f"{sign} {left}{body.text}{right} {base.text}".replace("  ", " ").rstrip(),
                body.width + 2.5,
            )
        )
    return tuple(parts)


def _polynomial_lines(
    left: Math, coefficients: Sequence[Expr], roles: Roles, names: Iterator[Symbol]
) -> list[EquationLine]:
    """The polynomial; coefficients that do not fit a line get names."""
    parts = _polynomial(coefficients, roles)
    if max(part.width for part in parts) <= _WIDEST:
        return [EquationLine(left, parts)]
    letters = [sympy.S.Zero if value == 0 else next(names) for value in coefficients]
    lines = [EquationLine(left, _polynomial(letters, roles))]
    for letter, value in zip(letters, coefficients, strict=True):
        if value == 0:
            continue
        lines += _lines(math(letter), upright(sympy.factor(value)), roles, names)
    return lines


def _lines(
    left: Math | None,
    value: Expr,
    roles: Roles,
    names: Iterator[Symbol],
    reason: Spans = (),
    relation: str = "=",
) -> list[EquationLine]:
    """An equation, followed by what its parts stand for where it is too wide to be broken."""
    lets, short = abbreviated(value, names, roles=roles)
    return [
        EquationLine(left, pieces(short, roles=roles), reason, relation),
        *(EquationLine(math(name), pieces(part, roles=roles)) for name, part in lets),
    ]


def _power(power: int) -> Math:
    if power == 0:
        return Math("", "", 0.0)
    return math(Z**power)


#: The discriminant, where a formula for the rate uses it.
_DELTA = Symbol("Delta", real=True)


def _rate_cases(result: Stability) -> list[tuple[Expr, Expr | None]]:
    """The spectral radius in its cases, in terms of the discriminant."""
    if len(result.seen) == 1:
        return [(sympy.Abs(sympy.factor(-result.seen[0])), None)]
    if len(result.seen) != 2:
        return []
    trace = sympy.Abs(_trace(result))
    return [
        (sympy.sqrt(upright(sympy.factor(result.seen[0]))), sympy.Lt(_DELTA, 0, evaluate=False)),
        ((trace + sympy.sqrt(_DELTA)) / 2, None),
    ]


def _trace(result: Stability) -> Expr:
    """The sum of the roots: expanded, or one quotient."""
    value = upright(sympy.factor(-result.seen[1]))
    return value if sympy.denom(value).free_symbols else sympy.expand(value)


def _discriminant(result: Stability, roles: Roles) -> EquationLine:
    """``Delta = trace**2 - 4 product``, as it is thought of."""
    square = math(_trace(result), roles)
    value = upright(sympy.factor(4 * result.seen[0]))
    product = math(value, roles)
    left, right = ("(", ")") if value.is_Add or product.text.startswith("-") else ("", "")
    return EquationLine(
        math(_DELTA),
        (
            Math(f"({square.latex})^2", f"({square.text})²", square.width + 1.5),
            Math(f"- {left}{product.latex}{right}", f"- {left}{product.text}{right}",
                 product.width + 2.0),
        ),
    )  # fmt: skip


def _rate_texts(result: Stability, roles: Roles) -> list[str]:
    texts = []
    for value, condition in _rate_cases(result):
        text = math(value, roles).text
        if condition is not None:
            text += f"  if {math(condition, roles).text}"
        elif len(result.seen) == 2:
            line = _discriminant(result, roles)
            text += f"  else, with Δ = {' '.join(part.text for part in line.right)}"
        texts.append(text)
    return texts


def stability_latex(result: Stability) -> str:
    """The region as one displayed formula, for a notebook."""
    roles = roles_of(result)
    body = r",\quad ".join(part.latex for part in _chain(result.region, roles))
    return f"$\\displaystyle {body}$"


def stability_document(result: Stability) -> Document:
    """The derivation of a region of stability, its rate and its optimum."""
    roles = roles_of(result)
    rule, names = result.rule, part_names()
    blocks: list[Block] = [
        Paragraph(
            spans(f"{rule.title} is stated by ", Cite(rule.source), ". On a quadratic each "
                  "direction of curvature ", math(result.curvature, roles), " moves by itself, so "
                  "one coordinate is enough; in several dimensions every curvature must satisfy "
                  "what is said of one.")
        ),
        *([Paragraph(spans(f"This rule is stated because it is wrong: {rule.defect}."))]
          if rule.defect else []),
        _iteration(result, roles, names),
        _region_section(result, roles, names),
    ]  # fmt: skip
    if result.rate is not None:
        blocks.append(_rate_section(result, roles))
    try:
        blocks.append(_optimum_section(result.optimum(), roles))
    except InputError as refusal:
        if result.linear:
            blocks.append(
                Section(spans("The best hyperparameters"), (Paragraph(spans(f"{refusal}.")),))
            )
    return Document(f"Stability of {rule.title}", tuple(blocks), (rule.source,))


def _iteration(result: Stability, roles: Roles, names: Iterator[Symbol]) -> Section:
    blocks: list[Block] = []
    if result.linear:
        blocks.append(
            Paragraph(
                spans("With the gradient put in, one step is linear (measured from the point where "
                      "the rule rests):")
            )
        )  # fmt: skip
    else:
        fixed = [
            Math(f"{Label(n).latex} = {math(v, roles).latex}",
                 f"{Label(n).unicode} = {math(v, roles).text}", 6.0)
            for n, v in result.fixed.items()
        ]  # fmt: skip
        blocks.append(
            Paragraph(
                (*spans("The step leaves "), *_joined(fixed), *spans(" where they are, the minimum "
                 "being at 0. Near there it is, up to what is small against the distance:"))
            )
        )  # fmt: skip
        blocks.append(Items(tuple(spans(note) for note in result.notes)))
    blocks.append(Equations(tuple(_step_lines(result, roles))))
    if result.linear and result.notes:
        blocks.append(Items(tuple(spans(note) for note in result.notes)))
    blocks.append(Paragraph(spans("Characteristic polynomial:")))
    full = characteristic(result.matrix)
    blocks.append(
        Equations(
            tuple(
                _polynomial_lines(Math(r"\det(z I - M)", "det(z I - M)", 6.0), full, roles, names)
            )
        )
    )
    if len(result.seen) < len(result.states):
        blocks.append(Paragraph(spans("The factor whose roots x sees:")))
        blocks.append(
            Equations(
                tuple(_polynomial_lines(Math("P(z)", "P(z)", 2.0), result.seen, roles, names))
            )
        )
    return Section(spans("One step as a matrix"), tuple(blocks))


def _step_lines(result: Stability, roles: Roles) -> list[EquationLine]:
    """The step as a matrix, or, where that is too wide, a line per state."""
    before, after = _states(result.states, "t-1"), _states(result.states, "t")
    matrix = matrix_math(result.matrix, roles)
    if matrix.width + before.width <= _WIDEST:
        right = Math(
            f"{matrix.latex} {before.latex}",
            f"{matrix.text} {before.text}",
            matrix.width + before.width,
        )
        return [EquationLine(after, (right,))]
    letters = [Symbol(name, real=True) for name in result.states]
    labels = {letter: Label(letter.name, "t-1") for letter in letters}
    lines = []
    for row, name in enumerate(result.states):
        terms = [
            EquationLine(
                None,
                pieces(upright(sympy.factor(entry)) * letter, roles=roles, labels=labels),
            )
            for entry, letter in zip(result.matrix.row(row), letters, strict=True)
            if entry != 0
        ]
        row_parts = tuple(
            piece
            if index == 0 or piece.text.startswith(("-", "+"))
            else Math(f"+ {piece.latex}", f"+ {piece.text}", piece.width + 1.0)
            for index, piece in enumerate(part for term in terms for part in term.right)
        )
        left = Label(name, "t")
        lines.append(EquationLine(Math(left.latex, left.unicode, left.width), row_parts))
    return lines


def _region_section(result: Stability, roles: Roles, names: Iterator[Symbol]) -> Section:
    region = result.region
    zero = Math("0", "0", 0.5)
    lines: list[EquationLine] = []
    for condition, name in zip(region.conditions, _names(len(result.seen)), strict=True):
        lines += _lines(zero, upright(sympy.factor(condition)), roles, names, spans(name), "<")
    chain = _chain(region, roles)
    readable: list[Block]
    if max(part.width for part in chain) <= _WIDEST:
        readable = [
            Paragraph(
                (*spans("For "), *_joined(_assumptions(region, roles)),
                 *spans(" this says the same as "), *_joined(chain),
                 *spans("; conditions that are missing follow from these."))
            )
        ]  # fmt: skip
    else:
        readable = [
            Paragraph(
                (*spans("For "), *_joined(_assumptions(region, roles)),
                 *spans(" this says the same as the following; conditions that are missing follow "
                        "from these."))
            ),
            Equations(tuple(_readable_lines(region, roles, names))),
        ]  # fmt: skip
    blocks: list[Block] = [
        Paragraph(
            spans("x converges from every state exactly if all roots lie inside the unit circle, "
                  "which by the criterion of Jury (of Schur and Cohn from degree three on) is:")
        ),
        Equations(tuple(lines)),
        *readable,
        Paragraph(
            spans("On the boundary x stays bounded where the roots on the circle are simple, and "
                  "grows like t where one is double; outside it diverges from almost every state.")
        ),
    ]  # fmt: skip
    return Section(spans("Where it is stable"), tuple(blocks))


def _readable_lines(region: Region, roles: Roles, names: Iterator[Symbol]) -> list[EquationLine]:
    variable = math(region.scale * region.step, roles)
    lines: list[EquationLine] = []
    for bound in region.lower:
        lines += _lines(variable, bound, roles, names, relation=">")
    for bound in region.upper:
        lines += _lines(variable, bound, roles, names, relation="<")
    for part in region.rest:
        lines += _lines(Math("0", "0", 0.5), part, roles, names, relation="<")
    return lines


def _names(size: int) -> list[str]:
    ends = ["the polynomial at 1", "the polynomial at -1, with the sign of its degree"]
    if size == 1:
        return ends
    stages = [f"reduction {number}" for number in range(1, size - 1)]
    return [*ends, *stages, "one minus the product of the roots" if size == 2 else "last reduction"]


def _rate_section(result: Stability, roles: Roles) -> Section:
    lines = []
    for index, (value, condition) in enumerate(_rate_cases(result)):
        left = Math(r"\varrho", "ϱ", 0.7) if index == 0 else None
        reason: Spans = ()
        if condition is not None:
            reason = (*spans("if "), math(condition, roles))
        elif index:
            reason = spans("else")
        lines.append(EquationLine(left, pieces(value, roles=roles), reason))
    if len(result.seen) == 2:
        lines.append(_discriminant(result, roles))
    return Section(
        spans("How fast"),
        (
            Paragraph(
                spans("The distance shrinks in the long run by the spectral radius per step (times "
                      "a power of t where the largest root is double):")
            ),
            Equations(tuple(lines)),
        ),
    )  # fmt: skip


def _optimum_section(best: Optimum, roles: Roles) -> Section:
    chosen = {**best.fixed, **best.hyperparameters}
    lines = [EquationLine(math(s, roles), pieces(v, roles=roles)) for s, v in chosen.items()]
    lines.append(EquationLine(Math(r"\varrho", "ϱ", 0.7), pieces(best.rate, roles=roles),
                              spans("the largest rate on the interval")))  # fmt: skip

    def identities(part: Sequence[int]) -> list[Block]:
        found: list[Block] = []
        for index in part:
            identity = best.identities[index]
            found.append(Equations((EquationLine(math(identity.left), pieces(identity.right)),)))
            found.append(Paragraph(spans(f"{identity.meaning}.")))
        return found

    m, L = math(Symbol("m")), math(Symbol("L"))
    return Section(
        spans("The best hyperparameters"),
        (
            Paragraph(
                spans("For curvatures between ", m, " and ", L, ", ", best.scope, ", nothing beats")
            ),
            Equations(tuple(lines)),
            Section(
                spans("Nothing is better"),
                (
                    Paragraph(spans("Write A and B for what multiplies the learning rate in the "
                                    "polynomial at curvature m and at L (a and b for their roots), "
                                    "and r for the largest rate.")),
                    *identities(range(best.attained_from)),
                ),
            ),
            Section(
                spans("It is attained"),
                tuple(identities(range(best.attained_from, len(best.identities)))),
            ),
        ),
    )  # fmt: skip
