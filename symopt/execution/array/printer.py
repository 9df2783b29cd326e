"""NumPy code of array expressions: matrix operations into buffers that are made once."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from symopt.statement.array.expression import Array, order
from symopt.statement.array.objective import ArrayObjective

__all__ = ["WORDS", "kernel_source"]

#: What generated code calls; the kernel brings these names.
WORDS = (
    "absolute", "add", "copysign", "copyto", "divide", "dot", "empty", "exp", "eye", "greater",
    "less_equal", "log", "log1p", "maximum", "minimum", "multiply", "negative", "number", "onehot",
    "power", "reduce_max", "reduce_sum", "sign", "sqrt", "subtract", "tanh", "trace",
)  # fmt: skip
_OWN = ("theta", "grad", "prepare", "value", "gradient")

_BINARY = {"add": "add", "sub": "subtract", "mul": "multiply", "scale": "multiply", "div": "divide"}
_SIGNS = {"add": "+", "sub": "-", "mul": "*", "scale": "*", "div": "/"}
_UNARY = {"exp": "exp", "log": "log", "tanh": "tanh", "sqrt": "sqrt", "abs": "absolute",
          "sign": "sign"}  # fmt: skip
_VIEWS = ("let", "adjoint", "transpose", "broadcast")


@dataclass
class _Code:
    """The lines of one function of the generated kernel; ``setup`` are those that run once."""

    names: dict[Array, str]
    setup: list[str]
    taken: set[str]
    lines: list[str] = field(default_factory=list)
    #: How buffers are named; a buffer of the same shape is used again when nothing reads it.
    prefix: str = "a"
    #: Whether other functions read what this one computes.
    lasting: bool = False
    free: dict[tuple[Any, ...], list[str]] = field(default_factory=dict)
    temporary: set[str] = field(default_factory=set)
    written: dict[Array, str] = field(default_factory=dict)

    def fresh(self, hint: str) -> str:
        name, count = hint, 0
        while name in self.taken or keyword.iskeyword(name):
            count += 1
            name = f"{hint}_{count}"
        self.taken.add(name)
        return name

    def numbered(self) -> str:
        count = 1
        while f"{self.prefix}{count}" in self.taken:
            count += 1
        return self.fresh(f"{self.prefix}{count}")

    def buffer(self, shape: tuple[Any, ...]) -> str:
        pool = self.free.get(shape)
        if pool:
            return pool.pop()
        name = self.numbered()
        self.setup.append(f"{name} = empty({shape!r})")
        self.temporary.add(name)
        return name

    def release(self, name: str, shape: tuple[Any, ...]) -> None:
        if name in self.temporary:
            self.free.setdefault(shape, []).append(name)

    def view(self, text: str) -> str:
        """A view of a buffer, made once."""
        name = self.numbered()
        self.setup.append(f"{name} = {text}")
        return name

    def whole(self, node: Array) -> str:
        """The buffer of a node; what NumPy repeats by itself elsewhere is written out."""
        inner = node
        while inner.op in ("let", "adjoint"):
            inner = inner.args[0]
        if inner.op != "broadcast":
            return self.names[node]
        if node not in self.written:
            name = self.numbered()
            self.setup.append(f"{name} = empty({node.shape!r})")
            self.lines.append(f"copyto({name}, {self.names[node]})")
            self.written[node] = name
        return self.written[node]

    def emit(self, node: Array, target: str | None, dying: Sequence[Array] = ()) -> None:
        """The lines that compute a node, into ``target`` if it is given."""
        args = [self.whole(arg) if node.op in _WHOLE else self.names[arg] for arg in node.args]
        if node.op in _VIEWS:
            self.names[node] = self._seen(node, args[0])
        elif node.op == "const":
            value = float(node.value)
            self.names[node] = repr(value) if value >= 0 else f"({value!r})"
        elif node.shape == ():
            name = self.numbered()
            self.names[node] = name
            cell = name
            if self.lasting:  # what another function reads later
                self.setup.append(f"{name} = empty(())")
                cell = f"{name}[...]"
            self.lines += [line.replace("@", cell) for line in _scalar_lines(self, node, args)]
        else:
            out = target
            if out is None:
                for arg in dying:
                    if self.names[arg] in self.temporary and arg.shape == node.shape and (
                        node.op in _IN_PLACE
                    ):  # fmt: skip
                        out = self.names[arg]
                        break
            if out is None:
                out = self.buffer(node.shape)
            self.names[node] = out
            self.lines += _array_lines(self, node, args, out)

    def _seen(self, node: Array, arg: str) -> str:
        if node.op in ("let", "adjoint"):
            return arg
        if node.op == "transpose":
            return self.view(f"{arg}.T")
        if node.value == "columns":
            return self.view(f"{arg}[:, None]")
        return arg  # a scalar or a row, which NumPy repeats by itself


#: Operations on whole arrays: what is repeated must stand in full.
_WHOLE = {"sum", "matmul", "outer", "transpose", "broadcast", "softmax", "logsumexp", "trace"}
#: Elementwise operations may write over an argument that nothing else reads.
_IN_PLACE = {"add", "sub", "mul", "scale", "div", "neg", "softmax"}


def _scalar_lines(code: _Code, node: Array, args: list[str]) -> list[str]:
    op = node.op
    if op in _SIGNS:
        return [f"@ = {args[0]} {_SIGNS[op]} {args[1]}"]
    if op == "neg":
        return [f"@ = -{args[0]}"]
    if op == "sum":
        return [f"@ = reduce_sum({args[0]}, None)"] if node.args[0].shape else [f"@ = {args[0]}"]
    if op == "matmul":
        return [f"@ = dot({', '.join(args)})"]
    if op == "trace":
        return [f"@ = trace({args[0]})"]
    if op == "logsumexp":
        part = code.buffer(node.args[0].shape)
        code.release(part, node.args[0].shape)
        top = code.numbered()
        return [
            f"{top} = reduce_max({args[0]}, None)",
            f"subtract({args[0]}, {top}, {part})",
            f"exp({part}, {part})",
            f"@ = {top} + log(reduce_sum({part}, None))",
        ]
    assert op == "apply"
    cell = code.numbered()
    code.setup.append(f"{cell} = empty(())")
    return [*_apply_lines(code, node, args[0], cell), f"@ = number({cell})"]


def _array_lines(code: _Code, node: Array, args: list[str], out: str) -> list[str]:
    op = node.op
    if op in _BINARY:
        return [f"{_BINARY[op]}({args[0]}, {args[1]}, {out})"]
    if op == "neg":
        return [f"negative({args[0]}, {out})"]
    if op == "matmul":
        return [f"dot({args[0]}, {args[1]}, {out})"]
    if op == "outer":
        column = code.view(f"{args[0]}[:, None]")
        return [f"multiply({column}, {args[1]}, {out})"]
    if op == "sum":
        return [f"reduce_sum({args[0]}, {node.value}, None, {out})"]
    if op == "apply":
        return _apply_lines(code, node, args[0], out)
    if op == "onehot":
        return [f"onehot({args[0]}, {out})"]
    if op == "eye":
        return [f"copyto({out}, eye({node.shape[0]}))"]
    if op == "softmax":
        heights = (*node.shape[:-1], 1)
        top = code.buffer(heights)
        code.release(top, heights)
        return [
            f"reduce_max({args[0]}, -1, None, {top}, True)",
            f"subtract({args[0]}, {top}, {out})",
            f"exp({out}, {out})",
            f"reduce_sum({out}, -1, None, {top}, True)",
            f"divide({out}, {top}, {out})",
        ]
    assert op == "logsumexp"
    matrix = node.args[0].shape
    part, top = code.buffer(matrix), code.buffer((matrix[0], 1))
    code.release(part, matrix)
    code.release(top, (matrix[0], 1))
    flat = code.view(f"{top}[:, 0]")
    return [
        f"reduce_max({args[0]}, 1, None, {top}, True)",
        f"subtract({args[0]}, {top}, {part})",
        f"exp({part}, {part})",
        f"reduce_sum({part}, 1, None, {out})",
        f"log({out}, {out})",
        f"add({out}, {flat}, {out})",
    ]


def _apply_lines(code: _Code, node: Array, arg: str, out: str) -> list[str]:
    name, *constants = node.value
    if name in _UNARY:
        return [f"{_UNARY[name]}({arg}, {out})"]
    return _FUNCTIONS[name](code, node, arg, out, *constants)


def _sigmoid(code: _Code, node: Array, arg: str, out: str) -> list[str]:
    return [
        f"negative({arg}, {out})", f"exp({out}, {out})", f"add({out}, 1.0, {out})",
        f"divide(1.0, {out}, {out})",
    ]  # fmt: skip


def _softplus(code: _Code, node: Array, arg: str, out: str) -> list[str]:
    """max(u, 0) + log(1 + exp(-|u|))."""
    part = _part(code, node)
    return [
        f"absolute({arg}, {part})", f"negative({part}, {part})", f"exp({part}, {part})",
        f"log1p({part}, {part})", f"maximum({arg}, 0.0, out={out})", f"add({out}, {part}, {out})",
    ]  # fmt: skip


def _part(code: _Code, node: Array) -> str:
    """A further buffer of the node's shape, free again after its lines."""
    if node.shape == ():
        name = code.numbered()
        code.setup.append(f"{name} = empty(())")
        return name
    name = code.buffer(node.shape)
    code.release(name, node.shape)
    return name


def _huber(code: _Code, node: Array, arg: str, out: str, delta: Any) -> list[str]:
    """With c = u cut to [-delta, delta] it is c * (u - c/2)."""
    part, d = _part(code, node), repr(float(delta))
    return [
        f"minimum({arg}, {d}, out={part})", f"maximum({part}, -{d}, out={part})",
        f"multiply({part}, 0.5, {out})", f"subtract({arg}, {out}, {out})",
        f"multiply({part}, {out}, {out})",
    ]  # fmt: skip


def _clip(code: _Code, node: Array, arg: str, out: str, delta: Any) -> list[str]:
    d = repr(float(delta))
    return [f"minimum({arg}, {d}, out={out})", f"maximum({out}, -{d}, out={out})"]


def _within(code: _Code, node: Array, arg: str, out: str, delta: Any) -> list[str]:
    return [f"absolute({arg}, {out})", f"less_equal({out}, {float(delta)!r}, {out})"]


_FUNCTIONS: dict[str, Callable[..., list[str]]] = {
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "huber": _huber,
    "clip": _clip,
    "within": _within,
    "square": lambda code, node, arg, out: [f"multiply({arg}, {arg}, {out})"],
    "power": lambda code, node, arg, out, n: [f"power({arg}, {n}, {out})"],
    "relu": lambda code, node, arg, out: [f"maximum({arg}, 0.0, out={out})"],
    "step": lambda code, node, arg, out: [f"greater({arg}, 0.0, {out})"],
}


def kernel_source(objective: ArrayObjective, gradients: Mapping[str, Array], title: str) -> str:
    """The source of a function that makes views and buffers and returns three functions.

    ``prepare()`` computes what depends on data alone, and is called again after the given arrays
    of data got other numbers. ``gradient()`` reads ``theta`` and writes ``grad``; ``value()``
    reads ``theta`` and returns the loss.
    """
    setup: list[str] = []
    taken = {*WORDS, *_OWN}
    names: dict[Array, str] = {}
    views: list[str] = []
    targets: list[tuple[Array, str]] = []
    start = 0
    first = _Code(names, setup, taken)
    for leaf in (*objective.parameters, *objective.data):
        names[leaf] = first.fresh(leaf.name)
    for leaf in objective.parameters:
        count = prod(int(dim) for dim in leaf.shape)
        part = f"[{start}:{start + count}]"
        start += count
        shaped = f".reshape({leaf.shape!r})" if leaf.rank != 1 else ""
        target = first.fresh(f"d_{names[leaf]}")
        views += [f"{names[leaf]} = theta{part}{shaped}", f"{target} = grad{part}{shaped}"]
        targets.append((gradients[leaf.name], target))
    roots = [root for root, _ in targets]
    fixed = _data_only([objective.loss, *roots])
    arguments = ", ".join(["theta", "grad", *(names[leaf] for leaf in objective.data)])
    first.prefix, first.lasting = "c", True
    for node in order(*fixed):
        if node not in names:
            first.emit(node, None)
    shared = dict(names)
    value = _Code(dict(shared), setup, taken, prefix="v")
    _function(value, [objective.loss], {})
    gradient = _Code(dict(shared), setup, taken, prefix="a")
    _function(gradient, roots, dict(targets))
    for root, target in targets:
        if gradient.names[root] != target:
            gradient.lines.append(f"{target}[...] = {gradient.names[root]}")
    body = [*views, *setup]
    body += ["def prepare():", *_indented(first.lines or ["pass"])]
    result = value.names[objective.loss]
    body += ["def value():", *_indented([*value.lines, f"return float({result})"])]
    body += ["def gradient():", *_indented(gradient.lines)]
    body += ["return prepare, value, gradient"]
    return "\n".join([f"def {title}({arguments}):", *_indented(body)])


def _indented(lines: Sequence[str]) -> list[str]:
    return ["    " + line for line in lines]


def _data_only(roots: list[Array]) -> list[Array]:
    """The largest expressions of data alone that an expression of parameters uses."""
    nodes = order(*roots)
    varies: set[Array] = set()
    for node in nodes:
        if node.op == "parameter" or any(arg in varies for arg in node.args):
            varies.add(node)
    found: dict[Array, None] = {}
    for node in nodes:
        for arg in node.args if node in varies else ():
            if arg not in varies and arg.op not in ("const", "data", "labels"):
                found[arg] = None
    return list(found)


def _function(code: _Code, roots: list[Array], targets: Mapping[Array, str]) -> None:
    """Emit all nodes below the roots that have no name yet."""
    nodes = [node for node in order(*roots) if node not in code.names]
    last: dict[Array, int] = {}
    for place, node in enumerate(nodes):
        for arg in node.args:
            for source in _behind(arg):
                last[source] = place
    for root in roots:
        for source in _behind(root):
            last[source] = len(nodes)
    for place, node in enumerate(nodes):
        if node in code.names:
            continue
        sources = dict.fromkeys(source for arg in node.args for source in _behind(arg))
        dying = [] if node.op in _VIEWS else [
            source for source in sources if last[source] == place and source.op not in _VIEWS
            and source in code.names
        ]  # fmt: skip
        code.emit(node, targets.get(node), [arg for arg in dying if arg in node.args])
        for source in dying:
            if code.names[source] != code.names[node]:
                code.release(code.names[source], source.shape)


def _behind(node: Array) -> list[Array]:
    """The node, and what it is a view of."""
    found = [node]
    while node.op in _VIEWS:
        node = node.args[0]
        found.append(node)
    return found
