"""Rounding bounds of array expressions: they hold, some are attained, and kinks are admitted."""

from fractions import Fraction

import numpy as np
import pytest

import symopt
from symopt.array import data, labels, let, logsumexp, mean, onehot, relu, sigmoid, softmax, total
from symopt.verification.array.rounding import enclose

U = 2.0**-24


def fractions(given):
    made = np.empty(given.shape, dtype=object)
    made.flat = [Fraction(value) for value in given.ravel().tolist()]
    return made


def test_the_bound_of_a_sum_is_attained_by_the_order_that_rounds_upward_every_time():
    """1 + n numbers a little above half an ulp, added one after the other in float32."""
    n = 4000
    given = np.full(n, U * (1 + 2.0**-20))
    given[0] = 1
    in_order = np.float32(0)
    for value in given.astype(np.float32):
        in_order += value
    found = enclose({"s": total(data("x", n))}, {"x": given}, "float32")["s"]
    apart = abs(Fraction(float(in_order)) - sum(map(Fraction, given.tolist())))
    assert 0.99 < float(apart) / float(found.error) < 1


def test_every_order_and_distribution_of_a_linear_layer_lies_within_the_bound():
    rng = np.random.default_rng(1)
    X, W, b = rng.standard_normal((7, 30)), rng.standard_normal((30, 4)), rng.standard_normal(4)
    X, W, b = (part.astype(np.float32) for part in (X, W, b))
    layer = (data("X", 7, 30) @ data("W", 30, 4) + data("b", 4)) / 3
    found = enclose({"Z": layer}, {"X": X, "W": W, "b": b}, "float32")["Z"]
    exact = (fractions(X) @ fractions(W) + fractions(b)) / 3
    assert (abs(exact - fractions(found.value)) <= found.own).all()
    third = np.float32(1) / np.float32(3)
    for _ in range(20):
        order = rng.permutation(31)
        terms = np.concatenate([X[:, :, None] * W[None], np.broadcast_to(b, (7, 1, 4))], axis=1)
        at_end = np.cumsum(terms[:, order], axis=1, dtype=np.float32)[:, -1] * third
        distributed = np.cumsum(terms[:, order] * third, axis=1, dtype=np.float32)[:, -1]
        for made in (at_end, distributed):
            apart = abs(fractions(made) - exact)
            assert (apart <= found.error).all()


def test_numbers_that_the_format_does_not_hold_count_as_rounded():
    found = enclose({"x": data("x", 2)}, {"x": np.array([0.1, 0.5])}, "float32")["x"]
    assert found.error[0] >= abs(np.float32(0.1) - Fraction(0.1))
    assert found.error[1] == 0


def test_where_rounding_decides_the_side_of_a_relu_both_are_admitted():
    """0.1 + 0.2 - 0.3 has another sign in every format and order; its slope is 0 or 1."""
    w, x = symopt.array.parameter("w", 3), data("x", 1, 3)
    model = symopt.ArrayObjective(total(relu(let("z", x @ w))), (w,), (x,))
    bound = model.bind(x=[["0.1", "0.2", "-0.3"]])
    for slope in (0.0, 1.0):
        check = symopt.check_gradient(bound, [1, 1, 1], slope * np.float32([0.1, 0.2, -0.3]))
        assert check.status == "consistent"
        assert check.open == 1
        assert "both are admitted" in check.reason
    assert not symopt.check_gradient(bound, [1, 1, 1], 4 * np.float32([0.1, 0.2, -0.3]))


def test_at_a_kink_that_no_rounding_has_touched_the_convention_decides():
    w, x = symopt.array.parameter("w", 2), data("x", 2)
    bound = symopt.ArrayObjective(total(x * relu(w)), (w,), (x,)).bind(x=[3, 3])
    assert symopt.check_gradient(bound, [0, 1], [0.0, 3.0])
    assert symopt.check_gradient(bound, [0, 1], [3.0, 3.0]).status == "refuted"


@pytest.mark.parametrize("spread", [0.1, 5, 80])
def test_softmax_in_both_usual_forms_lies_within_the_bound(spread):
    rng = np.random.default_rng(2)
    z = (rng.standard_normal((50, 9)) * spread).astype(np.float32)
    Z, y = data("Z", 50, 9), labels("y", 50)
    roots = {"P": softmax(Z), "L": mean(logsumexp(Z) - total(onehot(y, 9) * Z, axis=1))}
    target = rng.integers(0, 9, 50)
    found = enclose(roots, {"Z": z, "y": target}, "float32")
    shifted = z - z.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    logs = shifted - np.log(powers.sum(axis=1, keepdims=True))
    exact = np.exp(z.astype(np.longdouble) - z.max(axis=1, keepdims=True))
    exact /= exact.sum(axis=1, keepdims=True)
    for made in (powers / powers.sum(axis=1, keepdims=True), np.exp(logs)):
        assert (abs(made - exact) <= found["P"].error).all()
    assert (found["P"].error <= 2e-4 * found["P"].value + 1e-37).all()
    loss = -logs[np.arange(50), target].mean(dtype=np.float32)
    assert abs(float(loss) - found["L"].value) <= found["L"].error + found["L"].own


def test_a_result_beyond_the_format_has_no_bound_and_is_undecided():
    w, x = symopt.array.parameter("w", 2), data("x", 1, 2)
    model = symopt.ArrayObjective(total(sigmoid(x @ w) + symopt.array.exp(x @ w)), (w,), (x,))
    bound = model.bind(x=[[100, 0]])
    check = symopt.check_gradient(bound, [1, 1], np.float32([np.inf, 0]))
    assert check.status == "undecided"
    assert "no finite rounding bound" in check.reason
    assert symopt.check_gradient(bound, [1, 1], bound.gradient([1, 1]))


def test_another_shape_and_another_name_are_refused_by_name():
    fit = symopt.models.linear_regression.bind(X=[[1], [2]], y=["1/2", 3])
    with pytest.raises(symopt.InputError, match=r"gradient of w has shape \(1, 1\), and w \(1,\)"):
        symopt.check_gradient(fit, [1, 0], {"w": [[1.0]]})
    with pytest.raises(symopt.InputError, match=r"no parameter 'W': w, b"):
        symopt.check_gradient(fit, [1, 0], {"W": [1.0]})
    with pytest.raises(symopt.InputError, match="'half' is not a format"):
        symopt.check_gradient(fit, [1, 0], [1.0, 1.0], form="half")
