"""Running text for TeX: special characters escaped, characters of any language declared.

The source keeps the characters themselves. Those that pdfLaTeX does not know are declared in the
preamble, as a symbol, as a letter with its accent, or, where nothing else is left, by their code
point. LuaLaTeX and XeLaTeX set them from the font.
"""

from __future__ import annotations

import re
import unicodedata

from symopt.presentation.names import GREEK

__all__ = ["address", "declarations", "escape", "verbatim"]

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''",
    "`": r"\textasciigrave{}",
}  # fmt: skip
#: The typewriter font holds ASCII at its places; \\textless and the like are of another font.
_TYPED = {
    **{c: rf"\char{ord(c)}{{}}" for c in "\\{}_^~<>|\"'`"},
    **{c: rf"\{c}" for c in "$&#%"},
    "-": "-{}",
}
#: Base TeX has no Cyrillic font; the source keeps the letters, pdfLaTeX prints them in Latin ones.
_LATIN = "a b v g d e yo zh z i j k l m n o p r s t u f kh ts ch sh shch ' y ' e yu ya i yi ye g"
_CYRILLIC = dict(zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ", _LATIN.split(), strict=True))
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u030a": "r",
    "\u0327": "c", "\u030c": "v", "\u0304": "=", "\u0306": "u", "\u0307": ".", "\u030b": "H",
    "\u0323": "d", "\u0331": "b",
}  # fmt: skip
_KNOWN = {
    "ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}", "Ł": r"\L{}", "æ": r"\ae{}",
    "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}", "ı": r"\i{}", "đ": "d", "ð": "d", "þ": "th",
    "§": r"\S{}", "©": r"\copyright{}", "£": r"\pounds{}", "€": "EUR", "…": r"\dots{}",
    "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''", "\u00a0": "~",
    "\u2009": r"\,", "\u202f": r"\,", "‐": "-", "‑": "-", "•": r"\textbullet{}",
}  # fmt: skip
_SYMBOLS = {
    "·": r"\cdot", "×": r"\times", "±": r"\pm", "≤": r"\le", "≥": r"\ge", "≠": r"\neq",
    "≈": r"\approx", "→": r"\to", "←": r"\leftarrow", "∞": r"\infty", "√": r"\surd",
    "∇": r"\nabla", "∂": r"\partial", "∈": r"\in", "∑": r"\sum", "∏": r"\prod", "‖": r"\|",
    "⊙": r"\odot", "−": "-", "°": r"^{\circ}", "ϵ": r"\epsilon", "ϕ": r"\phi", "µ": r"\mu",
    "⇒": r"\Rightarrow", "∘": r"\circ",
    **{letter: rf"\{name}" for name, letter in GREEK.items()},
}  # fmt: skip


def escape(text: str) -> str:
    """Text of users as TeX sets it: nothing in it is a command.

    >>> escape("50% of x_1 & $5 {a} ~ \\\\input")
    '50\\\\% of x\\\\_1 \\\\& \\\\$5 \\\\{a\\\\} \\\\textasciitilde{} \\\\textbackslash{}input'
    """
    return " ".join(_word(word) for word in _printable(text).split(" "))


def _word(word: str) -> str:
    """A word, escaped; a long one, such as a path, may be broken after its punctuation."""
    parts = re.split(r"(?<=[/_.:=,-])(?=\w)", word) if len(word) > 16 else [word]
    escaped = ["".join(_SPECIAL.get(character, character) for character in p) for p in parts]
    return r"\allowbreak{}".join(re.sub(r"-(?=-)", "-{}", part) for part in escaped)


def address(url: str) -> str:
    """An address in typewriter letters, breakable after its slashes, dots and hyphens."""
    pieces = re.split(r"(?<=[/.=&_-])", url)
    breakable = r"\allowbreak{}".join(map(_plain_escape, pieces))
    return rf"\texttt{{{breakable}}}"


def _plain_escape(url: str) -> str:
    """For typewriter letters: straight quotes, hyphens that do not join, signs by their code."""
    return "".join(_TYPED.get(c, c) for c in _printable(url))


def _printable(text: str) -> str:
    plain = unicodedata.normalize("NFC", text)
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Cn") else c for c in plain)


def verbatim(text: str) -> str:
    """Lines of code in typewriter letters, with their blanks; long ones may be broken."""
    lines = []
    for line in text.expandtabs(4).splitlines():
        blanks = len(line) - len(line.lstrip())
        words = re.split(r"(?<=[/.=&_,()\[\]-])(?=\w)", line.strip())
        inner = r"\allowbreak{}".join(map(_plain_escape, words))
        inner = re.sub(r" (?= )", r"\\ ", inner)
        lines.append(rf"\hspace*{{{0.5 * blanks:g}em}}\texttt{{{inner}}}\\" if inner else r"~\\")
    return "\n".join(lines).removesuffix(r"\\")


def declarations(text: str) -> str:
    """The declarations, for pdfLaTeX, of every character of the text beyond ASCII.

    Chinese is set from the font of the package CJKutf8 where it is there.
    """
    characters = sorted({character for character in text if ord(character) > 127})
    if not characters:
        return ""
    wide = [character for character in characters if _is_chinese(character)]
    if any(ord(character) > 0xFFFF for character in characters):
        wide = []  # the package takes such characters to itself, and stops at what it does not know
    lines = [_declared(character) for character in characters if character not in wide]
    if wide:
        lines.append(_WITH_CJK % "\n".join(map(_declared, wide)))
    inside = "\n".join(lines)
    return f"\\ifdefined\\DeclareUnicodeCharacter\n{inside}\n\\fi\n"


#: The characters as they are where the package is there, and what to do without it.
_WITH_CJK = r"""\IfFileExists{CJKutf8.sty}{\usepackage{CJKutf8}%%
\AtBeginDocument{\begin{CJK}{UTF8}{gbsn}}\AtEndDocument{\clearpage\end{CJK}}}{%%
%s
}"""


def _declared(character: str) -> str:
    return rf"\DeclareUnicodeCharacter{{{ord(character):04X}}}{{{_command(character)}}}"


def _is_chinese(character: str) -> bool:
    """Whether the usual Chinese font has it, which also knows Japanese syllables."""
    try:
        return ord(character) >= 0x3000 and len(character.encode("gb2312")) == 2
    except UnicodeEncodeError:
        return False


def _command(character: str) -> str:
    if character in _KNOWN:
        return _KNOWN[character]
    if character in _SYMBOLS:
        return rf"\ensuremath{{{_SYMBOLS[character]}}}"
    if character.lower() in _CYRILLIC:
        latin = _CYRILLIC[character.lower()]
        return latin if character.islower() else latin.capitalize()
    pieces = unicodedata.normalize("NFD", character)
    if len(pieces) >= 2 and pieces[0].isascii() and all(c in _ACCENTS for c in pieces[1:]):
        made = {"i": r"\i{}", "j": r"\j{}"}.get(pieces[0], pieces[0])
        for accent in pieces[1:]:
            made = rf"\{_ACCENTS[accent]}{{{made}}}"
        return made
    form = unicodedata.decomposition(character).split()
    simple = unicodedata.normalize("NFKD", character)
    if simple.isascii() and simple and form and form[0] in ("<super>", "<sub>"):
        mark = "^" if form[0] == "<super>" else "_"
        return rf"\ensuremath{{{mark}{{{escape(simple)}}}}}"
    if simple.isascii() and simple:
        return escape(simple)
    if unicodedata.combining(character):
        return "{}"
    return rf"\texttt{{[U+{ord(character):04X}]}}"
