"""Array expressions in print: bold matrices, transposes, elementwise products, rows of ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from symopt.presentation.blocks import Math
from symopt.presentation.names import Label
from symopt.statement.array.expression import Array

__all__ = ["array_math", "symbol_math"]

#: How tightly each form binds.
_SUM, _HADAMARD, _PRODUCT, _POWER, _ATOM = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class _Written:
    """One expression in both notations; ``wide`` estimates its width in em."""

    latex: str
    text: str
    wide: float
    binding: int = _ATOM

    def inside(self, least: int) -> _Written:
        if self.binding >= least:
            return self
        return _Written(rf"\left({self.latex}\right)", f"({self.text})", self.wide + 0.8, _ATOM)


def symbol_math(node: Array) -> Math:
    """The name of a parameter, of data or of an intermediate: bold unless it is a scalar.

    >>> from symopt.statement.array import parameter
    >>> symbol_math(parameter("W1", "d", "K")).latex, symbol_math(parameter("b")).text
    ('\\\\mathbf{W}_1', 'b')
    """
    written = _symbol(node.name, node.rank)
    return Math(written.latex, written.text, written.wide)


def derivative_math(node: Array) -> Math:
    """The gradient of the loss by a named array."""
    written = _derivative(node.name, node.rank)
    return Math(written.latex, written.text, written.wide)


def array_math(node: Array) -> Math:
    """An array expression as a formula; named intermediates by their names.

    >>> from symopt.statement.array import data, parameter
    >>> X, w, b = data("X", "n", "d"), parameter("w", "d"), parameter("b")
    >>> array_math(X @ w + b).latex
    '\\\\mathbf{X}\\\\,\\\\mathbf{w} + b\\\\,\\\\mathbf{1}'
    >>> array_math(X @ w + b).text
    'X w + b 1'
    """
    written = _write(node)
    return Math(written.latex, written.text, written.wide)


def pieces(node: Array) -> tuple[Math, ...]:
    """The terms of a sum, between which a line may be broken, each with its sign."""
    if node.op not in ("add", "sub") or node.name:
        return (array_math(node),)
    first = pieces(node.args[0])
    right = _write(node.args[1]).inside(_SUM + (node.op == "sub"))
    sign = "+" if node.op == "add" else "-"
    text = "+" if node.op == "add" else "−"
    return (*first, Math(f"{sign} {right.latex}", f"{text} {right.text}", right.wide + 1))


def _symbol(name: str, rank: int) -> _Written:
    label = Label(name)
    latex = label.latex
    if rank:
        base, underscore, index = latex.partition("_")
        bold = "boldsymbol" if base.startswith("\\") and "mathrm" not in base else "mathbf"
        base = base.removeprefix(r"\mathrm{").removesuffix("}") if "mathrm" in base else base
        latex = rf"\{bold}{{{base}}}{underscore}{index}"
    return _Written(latex, label.unicode, label.width * (1.15 if rank else 1))


def _derivative(name: str, rank: int) -> _Written:
    symbol = _symbol(name, rank)
    return _Written(
        rf"\frac{{\partial L}}{{\partial {symbol.latex}}}", f"∂L/∂{symbol.text}", symbol.wide + 0.8,
        _POWER,
    )  # fmt: skip


_ONE = _Written(r"\mathbf{1}", "1", 0.6)


def _write(node: Array) -> _Written:
    if node.op == "adjoint":
        return _derivative(node.name, node.rank)
    if node.name:
        return _symbol(node.name, node.rank)
    return _FORMS[node.op](node)


def _of(node: Array, least: int = _SUM) -> _Written:
    return _write(node).inside(least)


def _sum_of(latex: str, text: str) -> Callable[[Array], _Written]:
    def form(node: Array) -> _Written:
        a, b = _of(node.args[0]), _of(node.args[1], _SUM + (latex == "-"))
        return _Written(
            f"{a.latex} {latex} {b.latex}", f"{a.text} {text} {b.text}", a.wide + b.wide + 1.6, _SUM
        )

    return form


def _times(a: _Written, b: _Written) -> _Written:
    return _Written(rf"{a.latex}\,{b.latex}", f"{a.text} {b.text}", a.wide + b.wide + 0.2, _PRODUCT)


def _between(a: _Written, b: _Written, latex: str, text: str) -> _Written:
    """An elementwise operation, which binds looser than a matrix product."""
    return _Written(
        f"{a.latex} {latex} {b.latex}", f"{a.text} {text} {b.text}", a.wide + b.wide + 1.2,
        _HADAMARD,
    )  # fmt: skip


def _const(node: Array) -> _Written:
    top, bottom = node.value.numerator, node.value.denominator
    if bottom == 1:
        return _Written(str(top), str(top), 0.5 * len(str(top)), _ATOM if top >= 0 else _SUM)
    sign = "-" if top < 0 else ""
    digits = max(len(str(abs(top))), len(str(bottom)))
    return _Written(
        rf"{sign}\frac{{{abs(top)}}}{{{bottom}}}", f"{top}/{bottom}", 0.5 * digits + 0.4,
        _PRODUCT if top >= 0 else _SUM,
    )  # fmt: skip


def _neg(node: Array) -> _Written:
    a = _of(node.args[0], _PRODUCT)
    return _Written(f"-{a.latex}", f"−{a.text}", a.wide + 0.8, _SUM)


def _scale(node: Array) -> _Written:
    scalar, rest = node.args
    if scalar.op == "div" and scalar.args[0].op == "const" and scalar.args[0].value < 0:
        inner = _scale_of(-scalar.args[0].value, scalar.args[1], rest)
        return _Written(f"-{inner.latex}", f"−{inner.text}", inner.wide + 0.8, _SUM)
    return _times(_of(scalar, _PRODUCT), _of(rest, _PRODUCT))


def _scale_of(top: Any, bottom: Array, rest: Array) -> _Written:
    fraction = _quotient(_const(Array("const", (), (), top)), _of(bottom))
    return _times(fraction, _of(rest, _PRODUCT))


def _mul(node: Array) -> _Written:
    a, b = node.args
    if node.shape == ():
        return _times(_of(a, _PRODUCT), _of(b, _PRODUCT))
    return _between(_of(a, _HADAMARD), _of(b, _POWER), r"\odot", "⊙")


def _quotient(a: _Written, b: _Written) -> _Written:
    return _Written(
        rf"\frac{{{a.latex}}}{{{b.latex}}}",
        f"{a.inside(_PRODUCT).text}/{b.inside(_POWER).text}",
        max(a.wide, b.wide) + 0.3,
        _PRODUCT,
    )


def _div(node: Array) -> _Written:
    a, b = node.args
    if node.shape == ():
        return _quotient(_of(a), _of(b))
    if b.shape == ():
        one = _Written("1", "1", 0.5)
        return _times(_quotient(one, _of(b)), _of(a, _PRODUCT))
    return _between(_of(a, _POWER), _of(b, _POWER), r"\oslash", "⊘")


def _transposed(a: _Written) -> _Written:
    a = a.inside(_ATOM)
    return _Written(rf"{{{a.latex}}}^{{\top}}" if "^" in a.latex else rf"{a.latex}^{{\top}}",
                    f"{a.text}ᵀ", a.wide + 0.6, _POWER)  # fmt: skip


def _matmul(node: Array) -> _Written:
    a, b = node.args
    if a.rank == 1 and b.rank == 1:
        return _times(_transposed(_of(a)), _of(b, _PRODUCT))
    if a.rank == 1:  # a vector is a column everywhere
        return _times(_transposed(_of(b)), _of(a, _PRODUCT))
    return _times(_of(a, _PRODUCT), _of(b, _PRODUCT))


def _outer(node: Array) -> _Written:
    return _times(_of(node.args[0], _PRODUCT), _transposed(_of(node.args[1])))


def _broadcast(node: Array) -> _Written:
    (inner,) = node.args
    if node.value == "scalar":
        if inner.op == "const" and inner.value == 1:
            return _ONE
        return _times(_of(inner, _PRODUCT), _ONE)
    if node.value == "rows":
        return _times(_ONE, _transposed(_of(inner)))
    return _times(_of(inner, _PRODUCT), _transposed(_ONE))


def _sum(node: Array) -> _Written:
    (inner,) = node.args
    if node.value == 0:
        return _times(_transposed(_of(inner)), _ONE)
    if node.value == 1:
        return _times(_of(inner, _PRODUCT), _ONE)
    if inner.op == "apply" and inner.value[0] in ("square", "abs"):
        a = _of(inner.args[0])
        square = inner.value[0] == "square"
        norm = "F" if square and inner.rank == 2 else ("" if square else "1")
        power = "^2" if square else ""
        below = f"_{{{norm}}}" if norm else ""
        plain = "²" if square else "₁"
        return _Written(
            rf"\left\lVert {a.latex}\right\rVert{below}{power}", f"‖{a.text}‖{plain}",
            a.wide + 1.6, _POWER,
        )  # fmt: skip
    if inner.op == "mul" and inner.rank == 1:
        return _times(_transposed(_of(inner.args[0])), _of(inner.args[1], _PRODUCT))
    if inner.op == "mul":
        a, b = _of(inner.args[0]), _of(inner.args[1])
        return _Written(
            rf"\left\langle {a.latex}, {b.latex}\right\rangle", f"⟨{a.text}, {b.text}⟩",
            a.wide + b.wide + 1.4,
        )  # fmt: skip
    made = _times(_transposed(_ONE), _of(inner, _PRODUCT))
    return _times(made, _ONE) if inner.rank == 2 else made


def _called(latex: str, text: str, arg: _Written) -> _Written:
    return _Written(
        rf"{latex}\left({arg.latex}\right)", f"{text}({arg.text})",
        arg.wide + 0.5 * len(text) + 0.8, _POWER,
    )  # fmt: skip


_NAMES = {
    "exp": (r"\exp", "exp"), "log": (r"\log", "log"), "tanh": (r"\tanh", "tanh"),
    "sigmoid": (r"\sigma", "σ"), "softplus": (r"\operatorname{softplus}", "softplus"),
    "relu": (r"\operatorname{ReLU}", "ReLU"), "sign": (r"\operatorname{sign}", "sign"),
}  # fmt: skip
_WITH_THRESHOLD = {"huber": ("h", "h"), "clip": (r"\operatorname{clip}", "clip")}


def _apply(node: Array) -> _Written:
    name, *constants = node.value
    a = _of(node.args[0])
    if name in _NAMES:
        return _called(*_NAMES[name], a)
    if name == "sqrt":
        return _Written(rf"\sqrt{{{a.latex}}}", f"√({a.text})", a.wide + 0.9)
    if name == "abs":
        return _Written(rf"\left|{a.latex}\right|", f"|{a.text}|", a.wide + 0.6)
    if name in ("square", "power"):
        power = constants[0] if constants else 2
        base = a.inside(_ATOM)
        circle = r"\odot " if node.shape else ""
        return _Written(
            f"{{{base.latex}}}^{{{circle}{power}}}", f"{base.text}^{power}", base.wide + 1, _POWER
        )
    if name == "step":
        return _Written(
            rf"\mathbf{{1}}\left[{a.latex} > 0\right]", f"1[{a.text} > 0]", a.wide + 3, _POWER
        )
    delta = _const(Array("const", (), (), constants[0]))
    if name == "within":
        return _Written(
            rf"\mathbf{{1}}\left[\left|{a.latex}\right| \le {delta.latex}\right]",
            f"1[|{a.text}| ≤ {delta.text}]", a.wide + delta.wide + 4, _POWER,
        )  # fmt: skip
    latex, text = _WITH_THRESHOLD[name]
    return _called(f"{latex}_{{{delta.latex}}}", f"{text}_{delta.text}", a)


def _function(latex: str, text: str) -> Callable[[Array], _Written]:
    return lambda node: _called(rf"\operatorname{{{latex}}}", text, _of(node.args[0]))


_FORMS: dict[str, Callable[[Array], _Written]] = {
    "const": _const,
    "size": lambda node: _symbol(node.value, 0),
    "add": _sum_of("+", "+"),
    "sub": _sum_of("-", "−"),
    "neg": _neg,
    "mul": _mul,
    "scale": _scale,
    "div": _div,
    "matmul": _matmul,
    "outer": _outer,
    "transpose": lambda node: _transposed(_of(node.args[0])),
    "broadcast": _broadcast,
    "sum": _sum,
    "apply": _apply,
    "logsumexp": _function("logsumexp", "logsumexp"),
    "softmax": _function("softmax", "softmax"),
    "onehot": _function("onehot", "onehot"),
    "trace": _function("tr", "tr"),
    "eye": lambda node: _Written(r"\mathbf{I}", "I", 0.5),
}
