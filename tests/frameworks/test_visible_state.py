"""State that can be seen in a framework's optimizer is compared with the rule's own."""

from functools import partial

import pytest

from symopt import Implementation, verify

pytestmark = pytest.mark.frameworks


@pytest.fixture
def optim():
    return pytest.importorskip("torch").optim


def notes(verdict):
    return "; ".join(verdict.assumed)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_state_of_adam_is_compared_in_every_dtype(optim, dtype):
    code = Implementation.from_torch(partial(optim.Adam, lr=0.1), dtype)
    found = verify(code, "adam", eta=0.1, state=True)
    assert found.status in ("consistent", "proved")
    assert "compared at every step: m, v" in notes(found)
    quantities = {check.quantity for check in found.checks}
    assert {"m, coordinate 0", "v, coordinate 1", "x, coordinate 0"} <= quantities
    assert all(check.eta <= 1 for check in found.checks)


def test_scalar_state_is_compared_too(optim):
    found = verify(partial(optim.NAdam, lr=0.1), "nadam", eta=0.1)
    assert "compared at every step: m, v, Pi" in notes(found)
    assert "Pi" in {check.quantity for check in found.checks}


def test_restarting_from_the_state_resolves_decays_more_finely(optim):
    seen = verify(partial(optim.Adam, lr=0.1), "adam", eta=0.1)

    def unseen(grad, x, steps):
        import torch

        parameter = torch.nn.Parameter(torch.tensor(x))
        optimizer = optim.Adam([parameter], lr=0.1)
        for _ in range(steps):
            parameter.grad = torch.tensor(grad(parameter.detach().numpy().copy()))
            optimizer.step()
            yield parameter.detach().numpy().copy()

    hidden = verify(unseen, "adam", eta=0.1)
    assert hidden.status in ("consistent", "proved")
    assert "visible" not in notes(hidden)
    assert seen.resolution["beta1"] < hidden.resolution["beta1"]


def test_another_convention_is_said_and_does_not_refute(optim):
    code = partial(optim.SGD, lr=0.1, momentum=0.9)
    found = verify(code, "momentum", eta=0.1, state=True)
    assert found.status in ("consistent", "proved")
    assert "none of the rule's, not compared: b" in notes(found)
    assert "compared at every step: b" in notes(verify(code, "momentum_buffer", eta=0.1))


def test_refuted_code_is_told_which_state_departs(optim):
    code = partial(optim.Adam, lr=0.1, betas=(0.9, 0.99))
    found = verify(code, "adam", eta=0.1)
    assert found.quantity.startswith("x")
    assert "v, coordinate 0 departs from the rule's at step 1" in found.reason
    strict = verify(code, "adam", eta=0.1, state=True)
    assert (strict.status, strict.step, strict.quantity) == ("refuted", 1, "v, coordinate 0")
    assert strict.observed == pytest.approx(float(strict.expected) * 10, rel=1e-9)
    inside = verify(partial(optim.Adam, lr=0.1), "adam_epsilon_inside", eta=0.1)
    assert "m, v agree with the rule's up to there" in inside.reason


def test_state_of_optax_is_compared():
    optax = pytest.importorskip("optax")
    found = verify(optax.adam(0.1), "adam", eta=0.1)
    assert "compared at every step: m, v" in notes(found)
