"""Rprop: only the gradient's sign is used; each coordinate has a step size that adapts by itself.

While the sign of the gradient stays, the step size Delta grows; when it changes, the last step went
too far and Delta shrinks. Variants differ in what else happens then. The original takes the last
step back. The form without backtracking steps on. Igel and Huesken's (the one in PyTorch and
Paddle) stays where it is for one step, and forgets the gradient, so that Delta does not shrink
twice for one change of sign.
"""

from sympy import Expr, Interval, Rational, oo

from symopt.statement.rule import Hyperparameter, Rule
from symopt.statement.source import Source
from symopt.statement.symbols import (
    Delta, Max, Min, Piecewise, eta, g, grad, hyperparameter, s, sign, u, variable, where, x,
)  # fmt: skip

eta_plus, eta_minus = hyperparameter("eta_plus"), hyperparameter("eta_minus")
Delta_max, Delta_min = hyperparameter("Delta_max"), hyperparameter("Delta_min")
g_previous, d = variable("g_previous d")
_GROWN = Min(Delta * eta_plus, Delta_max)
_SHRUNK = Max(Delta * eta_minus, Delta_min)


def _clipped(value: Expr) -> Expr:
    """Between the bounds; at the upper one where they are the wrong way round."""
    return Min(Delta_max, Max(Delta_min, value))


rprop = Rule(
    title="Rprop",
    source=Source("igel2000improving", "iRprop without backtracking"),
    hyperparameters={
        eta: "1/100", eta_plus: "6/5", eta_minus: "1/2", Delta_max: 50, Delta_min: "1e-6",
    },
    state={Delta: eta, g_previous: 0},
    update=[
        (g, grad(x)),
        (s, g * g_previous),
        (Delta, Piecewise((_GROWN, s > 0), (_SHRUNK, s < 0), (Delta, True))),
        (g, where(s < 0, 0, g)),
        (x, x - sign(g) * Delta),
        (g_previous, g),
    ],
    note="The learning rate is the first step size. Defaults as in PyTorch.",
)  # fmt: skip

rprop_pytorch = rprop.variant(
    "Rprop as in PyTorch",
    source=Source("pytorch2.13.0", "torch/optim/rprop.py:265-291"),
    hyperparameters={
        eta_minus: Hyperparameter(eta_minus, Rational(1, 2), Interval.open(0, 1)),
        eta_plus: Hyperparameter(eta_plus, Rational(6, 5), Interval.open(1, oo)),
    },
    update=[
        (g, grad(x)),
        (s, sign(g * g_previous)),
        (Delta, Min(Delta_max, Max(Delta_min, Delta * Piecewise(
            (eta_plus, s > 0), (eta_minus, s < 0), (1, True))))),
        (g, where(s < 0, 0, g)),
        (x, x - sign(g) * Delta),
        (g_previous, g),
    ],
    note=(
        "Every step clips the step size, the first one and those after a change of sign too: it "
        "differs from Igel and Huesken's where the first step size lies outside the bounds."
    ),
)  # fmt: skip

rprop_without_backtracking = rprop.variant(
    "Rprop without backtracking",
    source=Source("igel2000improving", "Rprop without backtracking"),
    update=[
        (g, grad(x)),
        (s, g * g_previous),
        (Delta, Piecewise((_GROWN, s > 0), (_SHRUNK, s < 0), (Delta, True))),
        (x, x - sign(g) * Delta),
        (g_previous, g),
    ],
    note="After a change of sign it steps on at once, with the smaller step.",
)

rprop_backtracking = rprop.variant(
    "Rprop with backtracking",
    source=Source("riedmiller1993direct", "the adaptive update rule, with the last step undone"),
    hyperparameters={eta: "1/10"},
    state={d: 0},
    update=[
        (g, grad(x)),
        (s, g * g_previous),
        (Delta, Piecewise((_GROWN, s > 0), (_SHRUNK, s < 0), (Delta, True))),
        (d, where(s < 0, -d, -sign(g) * Delta)),
        (x, x + d),
        (g_previous, where(s < 0, 0, g)),
    ],
)

rprop_optax = rprop.variant(
    "Rprop as in optax 0.2.8",
    source=Source("optax0.2.8", "optax/_src/transform.py:892-957"),
    state={g_previous: None, u: 0},
    update=[
        (g, grad(x)),
        (s, g * u),
        (Delta, Piecewise((_clipped(Delta * eta_plus), s > 0),
                          (_clipped(Delta * eta_minus), s < 0), (Delta, True))),
        (x, x - where(s < 0, 0, u)),
        (u, where(s < 0, 0, Delta * sign(g))),
    ],
    defect=(
        "departs from Igel and Huesken (2000): every step applies the update that the step before "
        "computed, so the first step does nothing and each sign is acted on one step late"
    ),
)  # fmt: skip
