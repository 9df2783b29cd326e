"""State that an implementation shows is matched by its values; points decide by default."""

import numpy as np

from symopt import Implementation, verify


def notes(verdict):
    return "; ".join(verdict.assumed)


def reporting(factor):
    """Momentum that shows a velocity of its own, right until the fourth step if factor is not 1."""

    def drive(x0, oracle, steps):
        x, v = x0.copy(), np.zeros_like(x0)
        for t in range(steps):
            v = 0.9 * v - 0.1 * oracle(x)
            x = x + v
            oracle.report(speed=v if t < 3 else v * factor)
            yield x.copy()

    return Implementation("shown", drive)


def test_state_under_another_name_is_matched_by_its_values():
    found = verify(reporting(1), "momentum", eta=0.1, mu=0.9)
    assert found.status in ("consistent", "proved")
    assert "v (seen as speed)" in notes(found)


def test_state_alone_refutes_only_where_that_is_asked_for():
    found = verify(reporting(2), "momentum", eta=0.1, mu=0.9)
    assert found.status in ("consistent", "proved")
    assert "departs from the rule's at step 4" in notes(found)
    assert "points alone decided" in notes(found)
    strict = verify(reporting(2), "momentum", eta=0.1, mu=0.9, state=True, witness=True)
    assert (strict.status, strict.step) == ("refuted", 4)
    assert strict.quantity.startswith("v, coordinate")
    assert strict.witness is None


def test_nothing_is_said_where_nothing_is_shown():
    def hidden(grad, x, steps):
        for _ in range(steps):
            x = x - 0.1 * grad(x)
            yield x

    found = verify(hidden, "gradient_descent", eta=0.1, state=True)
    assert found.status in ("consistent", "proved")
    assert "visible state" not in notes(found)


def test_state_of_another_shape_is_left_alone():
    def drive(x0, oracle, steps):
        x = x0.copy()
        for _ in range(steps):
            x = x - 0.1 * oracle(x)
            oracle.report(v=np.zeros(7))
            yield x.copy()

    found = verify(Implementation("odd", drive), "gradient_descent", eta=0.1, state=True)
    assert found.status in ("consistent", "proved")
