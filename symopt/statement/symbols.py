"""The letters of the field: shared symbols, the gradient oracle, and reductions.

A statement is written with these: ``x`` is the parameter (one coordinate stands for all), ``g``
the gradient, ``t`` the step (1, 2, ...), Greek letters the hyperparameters. A file may make
further ones with :func:`hyperparameter` and :func:`variable`.
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Abs, Max, Min, Piecewise, Symbol, exp, log, sign, sqrt

from symopt.errors import StatementError

__all__ = [
    "Abs", "D", "Delta", "E", "G", "Max", "Min", "Piecewise", "Pi", "REDUCTIONS", "S", "Symbol",
    "U", "V", "alpha", "amax", "b", "beta", "beta1", "beta2", "beta2_t", "c", "d", "delta",
    "domain_of", "epsilon", "epsilon_root", "eta", "eta_t", "exp", "first_step", "g", "g_bar",
    "gamma", "grad", "h", "hyperparameter", "kappa", "lamda", "log", "m", "m_bar", "m_hat", "mean",
    "meaning_of", "mu", "mu_next", "mu_t", "norm", "psi", "r", "r_t", "rho", "rho_inf", "rho_t",
    "rms", "s", "s_hat", "s_max", "sign", "sqrt", "t", "tau", "u", "v", "v_hat", "v_max",
    "variable", "w", "where", "x", "x_next", "x_previous",
]  # fmt: skip

_MEANINGS: dict[str, str] = {
    "eta": "learning rate",
    "mu": "momentum",
    "beta": "decay of the moving average",
    "beta1": "decay of the first moment",
    "beta2": "decay of the second moment",
    "beta3": "decay of the third average",
    "omega": "optimism",
    "beta0": "smoothing of the first learning rates",
    "zeta": "trust coefficient",
    "t0": "steps before averaging",
    "lamda1": "L1 regularization",
    "lamda2": "L2 regularization",
    "learning_rate_power": "power of the learning rate",
    "beta2_decay": "exponent of the second moment's decay",
    "r_epsilon": "first estimate of the distance",
    "d0": "first estimate of the distance",
    "rho": "decay of the squared-gradient average",
    "epsilon": "stabilizer of the denominator",
    "epsilon_root": "stabilizer under the root",
    "lamda": "weight decay",
    "tau": "dampening",
    "psi": "momentum decay of the schedule",
    "kappa": "learning-rate decay",
    "gamma": "schedule multiplier",
    "delta": "clipping threshold",
    "eta_plus": "growth of the step size",
    "eta_minus": "decrease of the step size",
    "Delta_max": "largest step size",
    "Delta_min": "smallest step size",
}
_DOMAINS: dict[str, sympy.Set] = {
    "eta": sympy.Interval(0, sympy.oo),
    "mu": sympy.Interval(-1, 1),
    "beta": sympy.Interval.Ropen(0, 1),
    "beta1": sympy.Interval.Ropen(0, 1),
    "beta2": sympy.Interval.Ropen(0, 1),
    "beta3": sympy.Interval.Ropen(0, 1),
    "omega": sympy.Interval(0, sympy.oo),
    "beta0": sympy.Interval(0, sympy.oo),
    "zeta": sympy.Interval(0, sympy.oo),
    "t0": sympy.Interval(0, sympy.oo),
    "lamda1": sympy.Interval(0, sympy.oo),
    "lamda2": sympy.Interval(0, sympy.oo),
    "learning_rate_power": sympy.Interval(-sympy.oo, 0),
    "beta2_decay": sympy.Interval(-sympy.oo, 0),
    "r_epsilon": sympy.Interval.Lopen(0, sympy.oo),
    "d0": sympy.Interval.Lopen(0, sympy.oo),
    "rho": sympy.Interval.Ropen(0, 1),
    "epsilon": sympy.Interval(0, sympy.oo),
    "epsilon_root": sympy.Interval(0, sympy.oo),
    "lamda": sympy.Interval(0, sympy.oo),
    "tau": sympy.Interval(0, 1),
    "psi": sympy.Interval(0, sympy.oo),
    "kappa": sympy.Interval(0, sympy.oo),
    "gamma": sympy.Interval(0, sympy.oo),
    "delta": sympy.Interval(0, sympy.oo),
    "eta_plus": sympy.Interval(1, sympy.oo),
    "eta_minus": sympy.Interval(0, 1),
    "Delta_max": sympy.Interval(0, sympy.oo),
    "Delta_min": sympy.Interval(0, sympy.oo),
}


def hyperparameter(name: str) -> Symbol:
    """A real symbol for a hyperparameter; nonnegative where its standard domain is.

    >>> hyperparameter("eta").is_nonnegative
    True
    """
    domain = _DOMAINS.get(name)
    if domain is not None and domain.inf >= 0:
        return Symbol(name, nonnegative=True)
    return Symbol(name, real=True)


def variable(names: str) -> Any:
    """One or several real symbols for state and temporaries, as ``sympy.symbols`` reads names.

    >>> variable("p q")
    (p, q)
    """
    return sympy.symbols(names, real=True)


def domain_of(symbol: Symbol) -> sympy.Set:
    """The standard domain of a hyperparameter; all reals where it has none."""
    return _DOMAINS.get(symbol.name, sympy.Reals)


def meaning_of(symbol: Symbol) -> str:
    """What a standard hyperparameter is called in words, or an empty string."""
    return _MEANINGS.get(symbol.name, "")


class grad(sympy.Function):
    """``grad(point)``: the oracle's gradient of the objective at ``point``."""

    nargs = 1
    is_real = True


class _Reduction(sympy.Function):
    """A number made of all coordinates of its argument."""

    nargs = 1
    is_real = True


class norm(_Reduction):
    """The Euclidean norm over all coordinates."""

    is_nonnegative = True


class rms(_Reduction):
    """The root of the mean square over all coordinates."""

    is_nonnegative = True


class mean(_Reduction):
    """The mean over all coordinates."""


class amax(_Reduction):
    """The largest coordinate (``Max(a, b)`` is the elementwise maximum of two)."""


REDUCTIONS: tuple[type[_Reduction], ...] = (norm, rms, mean, amax)


def where(condition: Any, then: Any, otherwise: Any) -> Any:
    """``then`` where the condition holds, else ``otherwise``.

    >>> where(rho_t > 5, 1, 0)
    Piecewise((1, rho_t > 5), (0, True))
    """
    if isinstance(condition, bool):
        raise StatementError("where() needs a condition on symbols, not a truth value")
    return Piecewise((then, condition), (otherwise, True))


def first_step(then: Any, otherwise: Any) -> Any:
    """``then`` at the first step, ``otherwise`` at every later one.

    >>> first_step(0, 1)
    Piecewise((0, Eq(t, 1)), (1, True))
    """
    return where(sympy.Eq(t, 1), then, otherwise)


t = Symbol("t", integer=True, positive=True)
x, x_next, x_previous, g = variable("x x_next x_previous g")

eta, mu, beta, beta1, beta2 = map(hyperparameter, ["eta", "mu", "beta", "beta1", "beta2"])
rho, tau, lamda, psi, kappa = map(hyperparameter, ["rho", "tau", "lamda", "psi", "kappa"])
epsilon, epsilon_root = map(hyperparameter, ["epsilon", "epsilon_root"])
alpha, gamma, delta = map(hyperparameter, ["alpha", "gamma", "delta"])

b, c, d, h, m, r, s, u, v, w = variable("b c d h m r s u v w")
D, E, G, S, U, V, Delta, Pi = variable("D E G S U V Delta Pi")
m_hat, v_hat, s_hat, m_bar, g_bar = variable("m_hat v_hat s_hat m_bar g_bar")
v_max, s_max = variable("v_max s_max")
eta_t, mu_t, mu_next, beta2_t = variable("eta_t mu_t mu_next beta2_t")
rho_t, rho_inf, r_t = variable("rho_t rho_inf r_t")
