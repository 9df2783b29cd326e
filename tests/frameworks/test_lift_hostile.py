"""Code that hides something from the lift never becomes a rule."""

import functools
import inspect
import itertools
import os
import sys
import time
from pathlib import Path

import pytest

from symopt.errors import LiftError
from symopt.verification.lift.jax_code import lift_jax, lift_optax
from symopt.verification.lift.remembered import fingerprint

pytestmark = pytest.mark.frameworks
torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")
os.environ.setdefault("KERAS_BACKEND", "jax")
sys.path.insert(0, str(Path(__file__).parent))
import hostile_torch  # noqa: E402

sys.path.pop(0)

HOSTILE = {
    name: found
    for name, found in vars(hostile_torch).items()
    if inspect.isclass(found) and name.startswith(("In", "By"))
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_hides_something_in_torch_never_lifts(name):
    from symopt.verification.lift.torch_code import lift_torch

    with pytest.raises(LiftError):
        lift_torch(HOSTILE[name])


def _scaled(rate):
    """A transformation whose rate is told by a function at every update."""

    def make(learning_rate=0.1):
        told = rate()

        def update(updates, state, params=None):
            factor = -told(learning_rate)
            return jax.tree.map(lambda g: factor * g, updates), state

        return optax.GradientTransformation(lambda params: (), update)

    return make


def _in_a_list():
    seen = [0]

    def told(rate):
        seen[0] += 1
        return rate if seen[0] < 1000 else 2 * rate

    return told


def _in_an_iterator():
    count = itertools.count()
    return lambda rate: rate if next(count) < 1000 else 2 * rate


def _by_the_clock():
    return lambda rate: rate if time.time() < 4e9 else 2 * rate


@pytest.mark.parametrize("rate", [_in_a_list, _in_an_iterator, _by_the_clock])
def test_what_hides_something_in_optax_never_lifts(rate):
    with pytest.raises(LiftError):
        lift_optax(_scaled(rate))


def test_what_is_wrapped_by_optax_is_watched_as_well():
    hidden = _scaled(_in_a_list)

    def chained(learning_rate=0.1):
        return optax.chain(optax.clip(1.0), hidden(learning_rate))

    with pytest.raises(LiftError, match=r"seen|not visible"):
        lift_optax(chained)


def test_an_honest_transformation_of_the_same_shape_lifts():
    rule = lift_optax(_scaled(lambda: lambda rate: 2 * rate))
    assert str(rule.update[-1].expression) == "-2*eta*g + x"


def test_a_keras_optimizer_that_counts_in_an_attribute_is_refused():
    keras = pytest.importorskip("keras")
    if keras.config.backend() != "jax":
        pytest.skip("Keras was imported on another backend")

    class Counting(keras.optimizers.SGD):
        calls = 0

        def update_step(self, gradient, variable, learning_rate):
            self.calls = self.calls + 1
            factor = 1 if self.calls < 1000 else 2
            self.assign_sub(variable, factor * learning_rate * gradient)

    with pytest.raises(LiftError, match="calls"):
        lift_jax(functools.partial(Counting, learning_rate=0.1))


def test_the_fingerprint_sees_what_is_changed_in_place():
    tensor, box = torch.zeros(2), {"a": [1, {"b": 2}]}
    before = fingerprint({"tensor": tensor, "box": box})
    tensor[0], box["a"][1]["b"] = 1.0, 3
    after = fingerprint({"tensor": tensor, "box": box})
    assert {path for path in after if after[path] != before[path]} == {"tensor", "box/a/1/b"}


def test_an_iterator_is_refused_because_looking_would_change_it():
    with pytest.raises(LiftError, match="iterator"):
        fingerprint({"count": itertools.count()})
