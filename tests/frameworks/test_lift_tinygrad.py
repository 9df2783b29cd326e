"""Rules read out of tinygrad's optimizers."""

import functools

import pytest

import symopt
from symopt.errors import LiftError
from symopt.verification.lift.counts import lift_counts, tally
from symopt.verification.lift.tinygrad_code import lift_tinygrad, lift_tinygrad_program

pytestmark = pytest.mark.frameworks
tinygrad = pytest.importorskip("tinygrad")
optim = pytest.importorskip("tinygrad.nn.optim")


def made(name, **settings):
    return functools.partial(getattr(optim, name), **settings)


@pytest.mark.parametrize(
    ("optimizer", "rule"),
    [
        (made("SGD"), "gradient_descent"),
        (made("SGD", momentum=0.9), "momentum_buffer"),
        (made("SGD", momentum=0.9, nesterov=True), "nesterov_pytorch"),
        (made("SGD", momentum=0.9, classic=True), "momentum"),
        (made("SGD", weight_decay=0.1), "gradient_descent_l2"),
        (made("Adam"), "adam"),
        (made("Adam", fused=True), "adam"),
        (made("AdamW"), "adamw"),
    ],
)
def test_lifted_step_is_proved_to_be_the_stated_rule(optimizer, rule):
    assert symopt.prove(lift_tinygrad(optimizer), rule).status == "proved"


def test_lifted_adam_is_not_adam_with_epsilon_inside_the_root():
    verdict = symopt.prove(lift_tinygrad(optim.Adam), "adam_epsilon_inside")
    assert verdict.status == "refuted"


def test_what_lift_gives_is_what_its_own_lifter_gives():
    assert symopt.lift(optim.SGD, momentum=0.5) == lift_tinygrad(made("SGD", momentum=0.5))


def test_settings_keep_the_decimals_that_were_written():
    rule = lift_tinygrad(made("Adam", lr=0.3, b1=0.7))
    assert str(rule.parameter("eta").default) == "3/10"
    assert str(rule.parameter("beta1").default) == "7/10"


def test_settings_that_steer_the_code_are_noted():
    assert "mu != 0" in lift_tinygrad(made("SGD", momentum=0.9)).note


def test_the_norm_over_a_layer_is_lifted_as_a_norm():
    rule = lift_tinygrad(optim.LARS)
    assert any(line.expression.has(symopt.symbols.norm) for line in rule.update)


class Base(optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, lr)
        self.m = self._new_optim_param()

    def _step(self, params, grads):
        self.m[0].assign(self.m[0] + grads[0])
        return [self.change(params[0], grads[0])], self.m


class Escaping(Base):
    def change(self, t, g):
        return g * float(g.sum().item()) * self.lr


class Counting(Base):
    calls = 0

    def change(self, t, g):
        self.calls += 1
        return g * self.lr * (1 if self.calls < 6 else 2)


class Sleeping(Base):
    def change(self, t, g):
        import time

        return g * self.lr * (1 if time.time() < 4e9 else 2)


class Noisy(Base):
    def change(self, t, g):
        return (g + tinygrad.Tensor.rand(*g.shape, device="PYTHON")) * self.lr


class Branching(Base):
    def change(self, t, g):
        return g * self.lr if (g.sum() > 0).item() else g


class Tabled(Base):
    """Its numbers come from nowhere that is seen."""

    def change(self, t, g):
        return g * tinygrad.Tensor([1.0, 2.0, 3.0], device="PYTHON").realize()


class Integral(Base):
    def change(self, t, g):
        return g.cast(tinygrad.dtypes.int32).cast(g.dtype) * self.lr


@pytest.mark.parametrize(
    ("optimizer", "culprit"),
    [(Escaping, "item"), (Counting, "calls"), (Sleeping, "time"), (Noisy, "rand"),
     (Branching, "item"), (Tabled, "realize|neither parameter"), (Integral, "whole numbers"),
     (optim.Muon, "written out")],
)  # fmt: skip
def test_refusals_name_the_operation(optimizer, culprit):
    with pytest.raises(LiftError, match=culprit):
        lift_tinygrad(optimizer)


def test_muon_lifts_as_a_program_on_a_matrix():
    assert lift_tinygrad_program(optim.Muon).size == 6


def test_everything_lifts_but_what_combines_optimizers():
    rows = lift_counts("tinygrad")
    assert {row.configuration for row in rows if not row.lifted} == {"OptimizerGroup()"}
    assert {count.kind: count.names_lifted for count in tally(rows)} == {
        "optimizer": 6, "variant": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    "change", [lambda e, x: 2 * e - x, lambda e, x: e + x / 10**6, lambda e, x: e - 1]
)
def test_the_second_point_refuses_what_the_code_does_not_do(monkeypatch, change):
    from symopt.verification.lift import tinygrad_code

    honest = tinygrad_code.finished

    def altered(*args, **options):
        rule = honest(*args, **options)
        x = symopt.symbols.x
        line = change({a.target: a.expression for a in rule.update}[x], x)
        return rule.variant("altered", {x: line}, source=rule.source)

    monkeypatch.setattr(tinygrad_code, "finished", altered)
    with pytest.raises(LiftError, match="step"):
        lift_tinygrad(optim.Adam)
