"""Every rule of matrix differentiation, proved against sympy.diff for all entries.

Each operation is weighted by an arbitrary array C, so that its whole Jacobian is proved and not
only the gradient of a sum.
"""

import numpy as np
import pytest
import sympy

from symopt import ArrayObjective
from symopt.array import (
    clip,
    columns,
    data,
    dot,
    exp,
    eye,
    frobenius,
    huber,
    let,
    log,
    logsumexp,
    mean,
    parameter,
    relu,
    rows,
    sigmoid,
    sign,
    softmax,
    square,
    step,
    tanh,
    total,
    trace,
    within,
)
from symopt.derivation.array.rules import _RULES, ELEMENTWISE_DERIVATIVES, FLAT, REASONS, adjoints
from symopt.program.normal_form import proved_equal
from symopt.statement.array.entries import evaluate
from symopt.statement.array.expression import Array, order
from symopt.statement.array.functions import ELEMENTWISE, absolute, apply
from symopt.statement.array.scalar import SYMBOLIC
from symopt.verification.array.gradient import _program, prove_gradient

n, m, k = 2, 3, 2
A, B = parameter("A", n, m), parameter("B", m, k)
u, v, s = parameter("u", n), parameter("v", m), parameter("s")
Q = parameter("Q", n, n)


def weighted(node):
    """The loss C . node, with as many weights as the node has entries."""
    return dot(data("C", *node.shape), node) if node.shape else data("C") * node


OPERATIONS = {
    "a matrix times a matrix": A @ B,
    "a matrix times a vector": A @ v,
    "a vector times a matrix": u @ A,
    "a vector times a vector": v @ v,
    "a column times a row": Array("outer", (u, v), (n, m)),
    "a transpose": A.T @ u,
    "a sum": A + A * 2,
    "a difference": A - A @ B @ B.T,
    "a minus": -A,
    "an elementwise product": A * (A + 1),
    "a scalar in front": s * A,
    "a product of scalars": s * (s + 1),
    "a quotient of arrays": A / (A + 2),
    "an array over a scalar": A / s,
    "a scalar over an array": 1 / u,
    "a quotient of scalars": s / (s + 3),
    "a bias in every row": A + v,
    "a vector in every row": rows(v, n) * A,
    "a vector in every column": columns(u, m) * A,
    "a scalar in every entry": A + s,
    "the sum of all entries": total(A),
    "the sum over samples": total(A, axis=0),
    "the sum along rows": total(A, axis=1),
    "the mean along rows": mean(square(A), axis=1),
    "the squared norm": frobenius(A),
    "a trace": trace(Q @ Q + eye(n)),
    "rows' log-sum-exp": logsumexp(A),
    "a vector's log-sum-exp": logsumexp(v),
    "rows' softmax": softmax(A),
    "a vector's softmax": softmax(v),
    "what is used twice": let("Z", A @ B) * let("Z", A @ B),
    **{
        f"{name} of every entry": apply(name, u, *([2] if entry.constants else []))
        for name, entry in ELEMENTWISE.items()
        if name not in FLAT
    },
}


@pytest.mark.parametrize("what", OPERATIONS)
def test_the_gradient_of(what):
    node = OPERATIONS[what]
    loss = weighted(node)
    leaves = [leaf for leaf in order(loss) if leaf.op == "parameter"]
    weights = [leaf for leaf in order(loss) if leaf.op == "data"]
    proof = prove_gradient(ArrayObjective(loss, leaves, weights, what))
    assert proof.status == "proved", proof.reason


def test_the_table_covers_every_rule():
    used = {inner.op for node in OPERATIONS.values() for inner in order(node)}
    assert set(_RULES) <= used
    operations = {key if isinstance(key, str) else key[0] for key in REASONS}
    assert operations == set(_RULES)
    assert set(ELEMENTWISE_DERIVATIVES) | FLAT == set(ELEMENTWISE)


@pytest.mark.parametrize("name", sorted(set(ELEMENTWISE) - FLAT))
def test_the_derivative_of_a_function_is_sympys(name):
    entry = ELEMENTWISE[name]
    constants = [3] if entry.constants else []
    leaf = parameter("u")
    value = apply(name, leaf, *constants)
    stated = ELEMENTWISE_DERIVATIVES[name](leaf, value, *constants)
    symbol = sympy.Symbol("u", real=True)
    at = {"u": np.array(symbol, dtype=object)}
    ours = evaluate({"d": stated}, at, SYMBOLIC)["d"].item()
    theirs = sympy.diff(entry.expression(symbol, *constants), symbol)
    assert proved_equal(_program(theirs), _program(sympy.sympify(ours)), signs=64)


@pytest.mark.parametrize("name", sorted(FLAT))
def test_a_step_function_passes_nothing_on(name):
    constants = [1] if ELEMENTWISE[name].constants else []
    node = apply(name, parameter("u", 2), *constants)
    assert adjoints(node, data("G", 2)) == (None,)


def test_the_conventions_at_kinks():
    """relu, abs, step, sign and huber's clip, at the kink itself."""
    leaf = parameter("u", 1)
    for node, at, expected in [
        (relu(leaf), 0, 0), (absolute(leaf), 0, 0), (huber(leaf, 1), 1, 1), (clip(leaf, 1), 1, 1),
        (clip(leaf, 1), 2, 0), (step(leaf), 0, 0), (sign(leaf), 0, 0), (within(leaf, 1), 1, 0),
    ]:  # fmt: skip
        objective = ArrayObjective(total(node) + total(leaf) * 0, (leaf,), (), "kink")
        assert objective.bind().gradient([at])[0] == expected, node


def test_a_named_value_is_used_by_its_name():
    Z = let("Z", A @ v)
    P = let("P", sigmoid(Z))
    gradient = ArrayObjective(total(square(P)), (A, v), (), "named").gradient
    assert str(gradient.step("Z")) == "dL/dZ = dL/dP*(P*(1 - P))"
    assert [step.target.name for step in gradient.steps] == ["P", "Z", "A", "v"]


def test_contributions_of_a_branching_are_added():
    h = let("h", tanh(u))
    gradient = ArrayObjective(total(exp(h)) + dot(h, log(h)), (u,), (), "two paths").gradient
    assert len(gradient.step("h").contributions) == 3
    assert str(gradient.step("h")) == "dL/dh = log(h) + h/h + exp(h)"
