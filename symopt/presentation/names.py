"""Names in print: ``beta1`` is beta with index 1, ``m_hat`` has a hat, ``v_max`` a superscript.

A :class:`Label` is a symbol's name with the time index that a line gives it; it is written for
LaTeX, for a terminal, or as the ASCII name that the parser reads back.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

__all__ = ["GREEK", "Label", "Phrase", "Style", "superscript"]


class Style(Enum):
    """What a text is written for."""

    LATEX = "latex"
    UNICODE = "unicode"
    ASCII = "ascii"


#: LaTeX command -> letter. ``lamda`` is how SymPy's users spell lambda.
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ",
    "eta": "η", "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν",
    "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ",
    "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ",
    "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ",
    "Omega": "Ω", "ell": "ℓ",
}  # fmt: skip
_LETTERS = {letter: name for name, letter in GREEK.items()}
_SPELLINGS = {"lamda": "lambda", "lam": "lambda", "eps": "epsilon"}
_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307"}
_POWERS = {"max", "min"}
_SUBSCRIPTS = dict(
    zip("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True)
)
_SUPERSCRIPTS = dict(
    zip(
        "0123456789+-=()abcdefghijklmnoprstuvwxyz",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ",
        strict=True,
    )
)


def superscript(text: str) -> str | None:
    """The text in Unicode superscripts, or nothing where a character has none.

    >>> superscript("t-1")
    'ᵗ⁻¹'
    """
    return _mapped(text, _SUPERSCRIPTS)


def _mapped(text: str, table: dict[str, str]) -> str | None:
    if all(character in table for character in text):
        return "".join(table[character] for character in text)
    return None


@dataclass(frozen=True)
class Label:
    """A symbol in print: its name, the coordinate and the step at which it is meant.

    ``time`` is ``"t-1"`` or a number, ``coordinate`` the name of a variable; empty if none.

    >>> Label("m_hat", "t").latex
    '\\\\hat m_t'
    >>> Label("beta1").latex, Label("v_max", "t-1").latex, Label("x0", "2").latex
    ('\\\\beta_1', 'v^{\\\\max}_{t-1}', 'x_{0,2}')
    >>> Label("beta1").unicode, Label("m_hat", "t-1").unicode
    ('β₁', 'm̂ₜ₋₁')
    """

    name: str
    time: str = ""
    coordinate: str = ""

    def written(self, style: Style) -> str:
        if style is Style.LATEX:
            return self.latex
        return self.unicode if style is Style.UNICODE else self.ascii

    @property
    def ascii(self) -> str:
        """The name as the parser reads it, with coordinate and time in brackets."""
        inner = ", ".join(part for part in (self.coordinate, self.time) if part)
        return f"{self.name}[{inner}]" if inner else self.name

    @property
    def width(self) -> float:
        """An upper estimate of the printed width, in em."""
        base, _, powers, indices = _split(self.name)
        body = 0.62 if len(base) == 1 or base in GREEK else 0.56 * len(base)
        inner = [part for part in (*indices, self.coordinate, self.time) if part]
        index = sum(0.38 * len(part) for part in inner) + 0.2 * max(len(inner) - 1, 0)
        return body + max(index, 0.36 * sum(map(len, powers)))

    @property
    def latex(self) -> str:
        base, accents, powers, indices = _split(self.name)
        text = _latex_word(base)
        for accent in accents:
            body = text if len(text) == 1 or text.startswith("\\") else f"{{{text}}}"
            text = f"\\{accent} {body}"
        if powers:
            text += f"^{{{','.join(_latex_word(power) for power in powers)}}}"
        parts = [_latex_word(index) for index in indices]
        if self.coordinate:
            parts.append(Label(self.coordinate).latex)
        if self.time:
            parts.append(self.time)
        inner = ",".join(parts)
        if inner:
            text += f"_{inner}" if len(inner) == 1 or _is_command(inner) else f"_{{{inner}}}"
        return text

    @property
    def unicode(self) -> str:
        base, accents, powers, indices = _split(self.name)
        text = GREEK.get(base, base) + "".join(_ACCENTS[accent] for accent in accents)
        if powers:
            text += _mapped("".join(powers), _SUPERSCRIPTS) or "^" + ",".join(powers)
        plain = [GREEK.get(index, "∞" if index == "inf" else index) for index in indices]
        if self.coordinate:
            plain.append(self.coordinate)
        if self.time:
            plain.append(self.time)
        if not plain:
            return text
        small = [_mapped(index, _SUBSCRIPTS) for index in plain]
        if None in small:
            return f"{text}_{','.join(plain)}" if len(plain) == 1 else f"{text}_({','.join(plain)})"
        return text + ",".join(part for part in small if part)


@dataclass(frozen=True)
class Phrase(Label):
    """A label that is written as given, such as the norm of a vector."""

    as_latex: str = ""
    as_unicode: str = ""
    as_wide: float = 0.0

    @property
    def latex(self) -> str:
        return self.as_latex

    @property
    def unicode(self) -> str:
        return self.as_unicode

    @property
    def width(self) -> float:
        return self.as_wide


def _split(name: str) -> tuple[str, list[str], list[str], list[str]]:
    """Base letter or word, accents, superscripts and subscripts of a name."""
    first, *rest = [part for part in name.split("_") if part] or [name]
    match = re.fullmatch(r"(.*?\D)(\d+)", first)
    base, digits = (match[1], [match[2]]) if match else (first, [])
    base = _SPELLINGS.get(base, _LETTERS.get(base, base))
    accents: list[str] = []
    powers: list[str] = []
    indices: list[str] = digits
    for part in rest:
        if part in _ACCENTS:
            accents.append(part)
        elif part in _POWERS:
            powers.append(part)
        else:
            indices.append(_SPELLINGS.get(part, _LETTERS.get(part, part)))
    return base, accents, powers, indices


def _is_command(text: str) -> bool:
    return re.fullmatch(r"\\[A-Za-z]+", text) is not None


def _latex_word(word: str) -> str:
    if word in GREEK:
        return f"\\{word}"
    if word in _POWERS:
        return f"\\{word}"
    if word == "inf":
        return r"\infty"
    if (len(word) == 1 and word.isascii()) or word.isdigit():
        return word
    return rf"\mathrm{{{_ascii_letters(word)}}}"


def _ascii_letters(word: str) -> str:
    """A word of any script in letters that every TeX sets: ``é`` is e, ``权`` its code point."""
    plain = []
    for character in unicodedata.normalize("NFKD", word):
        if character.isascii():
            plain.append(r"\_" if character == "_" else character)
        elif character in _LETTERS:
            plain.append(_LETTERS[character])
        elif not unicodedata.combining(character):
            plain.append(f"U{ord(character):X}")
    return "".join(plain)
