"""Modules trained by PyTorch, verified and identified by the exact gradient at their parameters."""

import pytest

import symopt
from symopt import Implementation

pytestmark = pytest.mark.frameworks

torch = pytest.importorskip("torch")
datasets = pytest.importorskip("sklearn.datasets")

X, Y = datasets.load_iris(return_X_y=True)
FIT = symopt.models.softmax_regression.bind(X=X, y=Y).batches(size=64)
ADAM = {"lr": 0.05, "betas": (0.9, 0.99)}


def made(optimizer, reduction="mean", bound=True, dtype="float64"):
    def make():
        module = torch.nn.Linear(4, 3)
        other = torch.nn.Linear(4, 3)
        rule = optimizer((module if bound else other).parameters())
        inputs, targets = torch.tensor(X, dtype=getattr(torch, dtype)), torch.tensor(Y)

        def loss(step):
            rows = slice(64 * ((step - 1) % 3), 64 * ((step - 1) % 3) + 64)
            outputs = module(inputs[rows])
            return torch.nn.functional.cross_entropy(outputs, targets[rows], reduction=reduction)

        return module, rule, loss

    return Implementation.from_torch_training(make, FIT, steps=7, dtype=dtype, name="iris")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_adam_on_iris_follows_the_catalogue_step_by_step(dtype):
    code = made(lambda p: torch.optim.Adam(p, **ADAM), dtype=dtype)
    verdict = symopt.verify(code, "adam", eta=0.05, beta1=0.9, beta2=0.99, epsilon=1e-8)
    assert verdict.status == "consistent"
    assert verdict.step <= 7


def test_weight_decay_of_adam_and_adamw_is_told_apart_on_the_fit():
    for kind, right, wrong in (("AdamW", "adamw", "adam_l2"), ("Adam", "adam_l2", "adamw")):
        code = made(lambda p, kind=kind: getattr(torch.optim, kind)(p, weight_decay=0.1, **ADAM))
        hyper = {"eta": 0.05, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "lamda": 0.1}
        assert symopt.verify(code, right, **hyper).status == "consistent"
        other = symopt.verify(code, wrong, **hyper)
        assert (other.status, other.step) == ("refuted", 1)


def test_a_summed_loss_and_an_optimizer_of_another_module_are_named():
    summed = made(lambda p: torch.optim.SGD(p, lr=0.01), reduction="sum")
    verdict = symopt.verify(summed, "gradient_descent", eta=0.01)
    assert verdict.status == "refuted"
    assert "on the sum over the samples, not the mean" in verdict.reason
    still = made(lambda p: torch.optim.SGD(p, lr=0.01), bound=False)
    assert symopt.verify(still, "gradient_descent", eta=0.01).reason.startswith(
        "the parameters never move"
    )


def test_a_module_of_other_shapes_is_undecided_with_both_shapes():
    def make():
        module = torch.nn.Linear(5, 3)
        return module, torch.optim.SGD(module.parameters(), lr=0.1), lambda step: None

    verdict = symopt.verify(Implementation.from_torch_training(make, FIT), "gradient_descent")
    assert verdict.status == "undecided"
    assert "W has shape (4, 3), and the module's parameter in its place (3, 5)" in verdict.reason
