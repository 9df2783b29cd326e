"""Rules read out of PyTorch's optimizers."""

import functools
import math
import time

import pytest

import symopt
from symopt.derivation.opaque import is_elementwise, opaque_step
from symopt.errors import LiftError
from symopt.program.normal_form import proved_equal
from symopt.program.ranges import Range, range_of
from symopt.verification.lift.counts import lift_counts
from symopt.verification.lift.torch_code import lift_torch
from symopt.verification.siblings import opaque_program

pytestmark = pytest.mark.frameworks
torch = pytest.importorskip("torch")


def made(name, **settings):
    return functools.partial(getattr(torch.optim, name), **settings)


def proved(first, second):
    """By induction: equal starts, and equal steps from one arbitrary state at any t."""
    size = 1 if is_elementwise(first) and is_elementwise(second) else 2
    ranges = {("hyper", entry.name): range_of(entry.domain) for entry in second.parameters}
    ranges["t",] = Range.counter(1)
    ours, theirs = opaque_step(first, size), opaque_step(second, size)
    return (
        set(ours.program.outputs) == set(theirs.program.outputs)
        and proved_equal(ours.start, theirs.start)
        and proved_equal(ours.program, theirs.program, ranges=ranges)
    )


@pytest.mark.parametrize(
    ("optimizer", "rule"),
    [
        (made("SGD"), "gradient_descent"),
        (made("SGD", momentum=0.9), "momentum_buffer"),
        (made("SGD", momentum=0.9, dampening=0.5), "momentum_pytorch"),
        (made("SGD", weight_decay=0.1), "gradient_descent_l2"),
        (made("RMSprop"), "rmsprop"),
        (made("RMSprop", centered=True), "rmsprop_centered"),
        (made("RMSprop", momentum=0.9), "rmsprop_momentum"),
        (made("Adagrad"), "adagrad"),
        (made("Adagrad", lr_decay=0.1), "adagrad_pytorch"),
        (made("Adadelta"), "adadelta_pytorch"),
        (made("Adamax"), "adamax_pytorch"),
        (made("Adam"), "adam"),
        (made("Adam", weight_decay=0.1), "adam_l2"),
        (made("Adam", amsgrad=True), "amsgrad_pytorch"),
        (made("AdamW"), "adamw"),
        (made("NAdam"), "nadam"),
        (made("Adam", foreach=True), "adam"),
        (made("Adam", capturable=True), "adam"),
    ],
)
def test_lifted_step_is_proved_to_be_the_stated_rule(optimizer, rule):
    assert proved(lift_torch(optimizer), symopt.rules[rule])


def test_lifted_adam_is_not_adam_with_epsilon_inside_the_root():
    assert not proved(lift_torch(torch.optim.Adam), symopt.rules["adam_epsilon_inside"])


def test_first_momentum_step_without_dampening_is_a_case_of_its_own():
    rule = lift_torch(made("SGD", momentum=0.9, dampening=0.5))
    assert any(assignment.expression.has(symopt.symbols.t) for assignment in rule.update)
    program = opaque_program(rule, 1, 1, cut=False)
    assert not program.depends_on([("hyper", "tau")])[program.outputs["x", 1, 0]]


def test_an_optimizer_made_with_its_own_settings_keeps_them_as_defaults():
    instance = torch.optim.Adam([torch.zeros(2, requires_grad=True)], lr=0.25, betas=(0.5, 0.75))
    rule = lift_torch(instance)
    assert str(rule.parameter("eta").default) == "1/4"
    assert str(rule.parameter("beta2").default) == "3/4"


def test_norms_over_all_coordinates_are_lifted_as_norms():
    update = lift_torch(made("Adafactor")).update
    assert any(a.expression.has(symopt.symbols.rms) for a in update)


def test_lifting_adam_takes_less_than_a_second():
    lift_torch(torch.optim.SGD)
    begun = time.perf_counter()
    lift_torch(torch.optim.Adam)
    assert time.perf_counter() - begun < 1


class Base(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                self.change(p, group["lr"], self.state[p])


class Escaping(Base):
    def change(self, p, lr, state):
        p.sub_(p.grad * float(str(float(lr))))


class Counting(Base):
    """Its state is where nobody looks."""

    calls = 0

    def change(self, p, lr, state):
        self.calls += 1
        p.sub_(p.grad * (lr if self.calls < 6 else lr / 2))


class Sleeping(Base):
    """Its other step comes later than any that is tried."""

    def change(self, p, lr, state):
        if time.time() > 4e9:
            lr = 2 * lr
        p.sub_(lr * p.grad)


class Rare(Base):
    def change(self, p, lr, state):
        if p.grad.numpy().max() > 1e6:
            lr = 2 * lr
        p.sub_(lr * p.grad)


class Peeking(Base):
    def change(self, p, lr, state):
        if float(p.grad.max().item()) > 1e6:
            lr = 2 * lr
        p.sub_(lr * p.grad)


class Clipping(Base):
    def change(self, p, lr, state):
        size = p.grad.norm()
        p.sub_(lr * (p.grad / size if size > 1 else p.grad))


class Decomposing(Base):
    def change(self, p, lr, state):
        p.sub_(lr * torch.linalg.svdvals(p.grad[:, None]))


class Rounding(Base):
    def change(self, p, lr, state):
        p.sub_(lr * p.grad.to(torch.int32))


class Logarithmic(Base):
    def change(self, p, lr, state):
        state["n"] = state.get("n", 0) + 1
        p.sub_(p.grad * (lr / math.log(1 + state["n"])))


def test_an_escaped_value_is_found_at_the_second_point():
    with pytest.raises(LiftError, match="escaped"):
        lift_torch(Escaping)


def test_a_branch_on_the_gradient_becomes_two_guarded_paths():
    expression = str(lift_torch(Clipping).update[-1].expression)
    assert "Piecewise" in expression
    assert "norm(g)" in expression


def test_a_counter_of_the_code_is_the_step():
    assert str(lift_torch(Logarithmic).update[-1].expression) == "-eta*g/log(t + 1) + x"


@pytest.mark.parametrize(
    ("optimizer", "culprit"),
    [(Decomposing, "svdvals"), (Rounding, "int32"), (Counting, "calls"),
     (Sleeping, "time"), (Rare, "numpy"), (Peeking, "float"), (made("LBFGS"), "closure"),
     (made("SparseAdam"), "dense gradients")],
)  # fmt: skip
def test_refusals_name_the_operation(optimizer, culprit):
    with pytest.raises(LiftError, match=culprit):
        lift_torch(optimizer)


def test_every_class_lifts_on_every_path_but_two():
    rows = lift_counts("torch")
    refused = {row.configuration.partition("(")[0] for row in rows if not row.lifted}
    assert refused == {"LBFGS", "SparseAdam"}
    assert sum(row.lifted for row in rows) >= 69
    assert all(row.reason for row in rows if not row.lifted)
