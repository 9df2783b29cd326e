"""Networks as statements, and their backward pass proved for all inputs on a 2-2-2-2 network."""

import pytest

from symopt import StatementError, models
from symopt.derivation.array import tidy
from symopt.statement.array.functions import apply
from symopt.statement.array.network import network
from symopt.verification.array.gradient import prove_gradient

SMALL = network([2, 2, 2, 2], ["relu", "sigmoid"])


def test_the_backward_pass_is_stated_layer_by_layer():
    assert str(models.network.gradient).splitlines() == [
        "dL/dZ3 = 1/n*(softmax(Z3) - Y)",
        "dL/dA2 = dL/dZ3 @ W3.T",
        "dL/dZ2 = dL/dA2*(A2*(1 - A2))",
        "dL/dA1 = dL/dZ2 @ W2.T",
        "dL/dZ1 = dL/dA1*step(Z1)",
        "dL/dW1 = X.T @ dL/dZ1",
        "dL/db1 = sum(dL/dZ1, axis=0)",
        "dL/dW2 = A1.T @ dL/dZ2",
        "dL/db2 = sum(dL/dZ2, axis=0)",
        "dL/dW3 = A2.T @ dL/dZ3",
        "dL/db3 = sum(dL/dZ3, axis=0)",
    ]


def test_the_backward_pass_is_proved_for_all_inputs_in_every_region_of_the_relu():
    proof = prove_gradient(SMALL, n=2)
    assert proof.status == "proved", proof.reason
    assert proof.entries == 18


def test_two_sizes_are_softmax_regression():
    assert str(network(["d", "K"]).loss) == "sum(logsumexp(Z1) - sum(Y*Z1, axis=1))/n"


def test_a_tanh_network_is_proved_too():
    assert prove_gradient(network([2, 2, 2], ["tanh"]), n=1)


def _mutants():
    """Wrong gradients of the network 2-2-2-2, each with one usual mistake."""
    stated = dict(SMALL.gradient)
    X, W2 = SMALL.data[0], SMALL.parameters[2]
    z1, _, z2, a2, *_ = SMALL.intermediates
    first, second = stated["b1"].args[0], stated["b2"].args[0]  # dL/dZ1, dL/dZ2
    back = second.args[0].args[0]  # dL/dA2
    yield "half of it", "b3", tidy.scaled(tidy.array("1/2"), stated["b3"])
    yield "the sign flipped", "W3", tidy.negated(stated["W3"])
    yield (
        "a factor left out of the sigmoid's derivative",
        "b2",
        tidy.summed(back * a2, 0, stated["b2"].shape),
    )
    yield (
        "the sigmoid's derivative from its argument",
        "b2",
        tidy.summed(back * (z2 * (1 - z2)), 0, stated["b2"].shape),
    )
    yield (
        "the weights not transposed",
        "b1",
        tidy.summed((second @ W2) * apply("step", z1), 0, stated["b1"].shape),
    )
    yield "the ReLU's derivative left out", "W1", X.T @ (second @ W2.T)
    yield "the samples summed, not averaged", "W2", tidy.scaled(tidy.array(2), stated["W2"])
    yield "the layer's input without its ReLU", "W2", z1.T @ second
    yield (
        "the ReLU's derivative of another layer",
        "b1",
        tidy.summed(first.args[0].args[0] * apply("step", z2), 0, stated["b1"].shape),
    )


@pytest.mark.parametrize(("what", "name", "wrong"), [pytest.param(*m, id=m[0]) for m in _mutants()])
def test_a_usual_mistake_of_the_backward_pass_is_not_proved(what, name, wrong):
    proof = prove_gradient(SMALL, {**SMALL.gradient, name: wrong})
    assert not proof
    assert all(entry.startswith(name) for entry in proof.open)


@pytest.mark.parametrize(
    ("sizes", "activations", "message"),
    [
        ([3], [], "at least two sizes"),
        ([3, 4, 2], ["relu", "relu"], "has 1 hidden layers, and 2 activations"),
        ([3, 4, 2], ["rulu"], "no activation 'rulu'; there are relu, sigmoid, tanh"),
        ([3, 0, 2], [], "0 is not a size"),
    ],
)
def test_what_is_no_network_is_refused(sizes, activations, message):
    with pytest.raises(StatementError, match=message):
        network(sizes, activations)
