"""Rows of formulas that fit the line: shared by LaTeX and Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symopt.presentation.blocks import EquationLine, Math, Spans

__all__ = ["filled", "flat", "groups", "text_width", "width_of"]


def filled(
    line: EquationLine,
    room: float,
    *,
    relation: str = "",
    mark: Callable[[str], str] = lambda row: row,
) -> list[str]:
    """The rows of one equation in LaTeX, each as full as the room in em allows.

    ``mark`` is put on each row of a marked line.
    """
    sign = relation or line.relation
    rows: list[str] = []
    current, used = "", 0.0
    for piece in line.right:
        if current and used + piece.width > room - (2.0 if rows else 0.0):
            rows.append(current)
            current, used = piece.latex, piece.width
        else:
            current += (" " if current else "") + piece.latex
            used += piece.width
    rows.append(current)
    if line.marked:
        rows = [mark(row) for row in rows]
    left = line.left.latex if line.left else ""
    if line.marked and left:
        left = mark(left)
    first = f"{left} &{sign} {rows[0]}" if sign else f"{left} & {rows[0]}"
    return [first, *(rf"&\phantom{{{sign}}}\quad {row}" for row in rows[1:])]


def groups(lines: Sequence[EquationLine]) -> list[list[EquationLine]]:
    """The lines that follow from one reason, together."""
    found: list[list[EquationLine]] = []
    for line in lines:
        if line.reason or not found:
            found.append([])
        found[-1].append(line)
    return found


def width_of(line: EquationLine) -> tuple[float, float]:
    """The widths of both sides of an equation set in one line."""
    return line.left.width if line.left else 0.0, sum(piece.width for piece in line.right)


def flat(line: EquationLine) -> str:
    """The right-hand side in one row of LaTeX."""
    return " ".join(piece.latex for piece in line.right)


def text_width(parts: Spans) -> float:
    """The width of running text in em, about."""
    from symopt.presentation.blocks import plain

    return sum(
        (part.width or 0.55 * len(part.text))
        if isinstance(part, Math)
        else 0.5 * len(plain((part,)))
        for part in parts
    )
