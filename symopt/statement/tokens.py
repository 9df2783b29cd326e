"""The words of symopt's small expression language, and how its errors point at one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from symopt.errors import ParseError

__all__ = ["MAX_LENGTH", "Token", "complaint", "stray", "tokens"]

#: Longer texts are refused before anything looks at them.
MAX_LENGTH = 20_000
_SHOWN = 56  # how much of a long text an error shows

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_WORDS = re.compile(
    rf"""
    (?P<space>\s+)
  | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
  | (?P<name>[^\W\d{_SUPERSCRIPTS}][^\W{_SUPERSCRIPTS}]*)
  | (?P<superscript>⁻?[{_SUPERSCRIPTS}]+)
  | (?P<operator>\*\*|[-+*/^(),·⋅×−])
    """,
    re.VERBOSE,
)
_PLAIN = {"^": "**", "·": "*", "⋅": "*", "×": "*", "−": "-"}
_TO_DIGITS = str.maketrans(_SUPERSCRIPTS + "⁻", "0123456789-")

_ADVICE = {
    ".": "the language has no attributes; write a decimal point between digits only",
    "[": "the language has no indexing; use round parentheses",
    "{": "use round parentheses",
    "]": "use round parentheses",
    "}": "use round parentheses",
    "=": "give the expression alone, without an equation",
    "<": "comparisons are not part of the language; max(a, b) and min(a, b) are",
    ">": "comparisons are not part of the language; max(a, b) and min(a, b) are",
    "|": "write abs(...) for an absolute value",
    "!": "factorials are not part of the language",
    "√": "write sqrt(...)",
    "÷": "write /",
    "–": "write - for minus",
    "\\": "this is not LaTeX; write names without a backslash",
    "'": "text inside an expression means nothing; remove the quotes",
    '"': "text inside an expression means nothing; remove the quotes",
}


@dataclass(frozen=True)
class Token:
    """A word of the text: what kind, its plain spelling, and where it stands.

    Kinds are ``number``, ``name``, ``superscript``, ``stray`` and ``end``; for operators the plain
    operator is the kind.
    """

    kind: str
    text: str
    position: int
    length: int


def complaint(text: str, position: int, length: int, message: str) -> ParseError:
    """The error that points at a piece of the text with a line of carets.

    >>> print(complaint("x + z", 4, 1, "'z' is not a known name"))
    cannot read the expression, column 5: 'z' is not a known name
        x + z
            ^
    """
    first = max(0, position - _SHOWN // 2)
    last = min(len(text), first + _SHOWN)
    shown = "".join(
        c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text[first:last]
    )
    before = "…" if first > 0 else ""
    after = "…" if last < len(text) else ""
    carets = "^" * max(1, min(length, last - position))
    return ParseError(
        f"cannot read the expression, column {position + 1}: {message}\n"
        f"    {before}{shown}{after}\n"
        f"    {' ' * (len(before) + position - first)}{carets}"
    )


def tokens(text: str) -> Iterator[Token]:
    """The words of a text in order, spaces left out, closed by an ``end``.

    >>> [token.text for token in tokens("2·x² − 1e-3")]
    ['2', '*', 'x', '2', '-', '1e-3', '']

    A character that belongs to no word is a ``stray``: the reader complains when it gets there.
    """
    position = 0
    while position < len(text):
        match = _WORDS.match(text, position)
        if match is None:
            yield Token("stray", text[position], position, 1)
            position += 1
            continue
        kind, word = str(match.lastgroup), match.group()
        if kind == "operator":
            kind = word = _PLAIN.get(word, word)
        elif kind == "superscript":
            word = word.translate(_TO_DIGITS)
        if kind != "space":
            yield Token(kind, word, position, match.end() - position)
        position = match.end()
    yield Token("end", "", len(text), 1)


def stray(character: str) -> str:
    """What is wrong with a character that is not of the language, and what to write instead."""
    shown = repr(character) if character.isprintable() else f"U+{ord(character):04X}"
    advice = _ADVICE.get(character, "remove it; use names, numbers, + - * / ** ( ) and functions")
    return f"the character {shown} is not part of the language: {advice}"
