"""The best hyperparameters on an interval of curvatures, each with the proof that it is.

The rate of a rule on the interval is the largest spectral radius on it. Three shapes of the
polynomial have an optimum with a proof here, whatever the rule is called:

- degree one, ``z - (k - eta c)`` with c linear in the curvature: gradient descent;
- ``z**2 - (1 + mu - eta c) z + mu``: the heavy ball in all its conventions (Polyak, 1964);
- ``z**2 - (1 + mu) u z + mu u`` with ``u = 1 - eta h``: Nesterov's, at the fixed step 1/L.

A lower bound that no choice can beat and a choice that attains it are both algebraic: every
identity that a proof uses is proved in the normal form before the optimum is returned. The lower
bounds are elementary: a polynomial whose roots lie in the disk of radius r is not negative at r,
has the sign of its degree at -r, and its constant term is at most r to the degree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy
from sympy import Expr, Symbol

from symopt.derivation.recurrence import equal, tidy
from symopt.derivation.region import Signs
from symopt.errors import InputError, UndecidedError
from symopt.statement.rule import Rule

__all__ = ["L", "Identity", "Optimum", "m", "optimum"]

#: The ends of the interval of curvatures: 0 < m <= L.
m, L = sympy.symbols("m L", positive=True)
_r = Symbol("r", positive=True)


@dataclass(frozen=True)
class Identity:
    """A step of a proof: ``left = right``, proved in the normal form, and what follows from it."""

    left: Expr
    right: Expr
    meaning: str


@dataclass(frozen=True)
class Optimum:
    """The best ``hyperparameters`` on curvatures from m to L, and the ``rate`` that they give.

    ``fixed`` are those that were not chosen. Nothing beats the rate (``identities`` up to
    ``attained_from`` prove the bound) and the choice attains it (the others).

    >>> import symopt
    >>> best = symopt.stability("gradient_descent").optimum()
    >>> best.hyperparameters, best.rate
    ({eta: 2/(L + m)}, (L - m)/(L + m))
    """

    rule: Rule
    hyperparameters: Mapping[Symbol, Expr]
    rate: Expr
    fixed: Mapping[Symbol, Expr]
    scope: str
    identities: tuple[Identity, ...]
    attained_from: int

    def at(self, smallest: Expr, largest: Expr) -> tuple[dict[Symbol, Expr], Expr]:
        """Hyperparameters and rate for numbers m and L."""
        ends = {m: sympy.sympify(smallest), L: sympy.sympify(largest)}
        chosen = {**self.fixed, **self.hyperparameters}
        return (
            {symbol: sympy.simplify(value.xreplace(ends)) for symbol, value in chosen.items()},
            sympy.simplify(self.rate.xreplace(ends)),
        )

    def __str__(self) -> str:
        chosen = {**self.fixed, **self.hyperparameters}
        parts = [f"{symbol} = {value}" for symbol, value in chosen.items()]
        return f"{', '.join(parts)}; rate {self.rate}"


def optimum(
    rule: Rule, curvature: Symbol, seen: Sequence[Expr], given: Mapping[Symbol, Expr]
) -> Optimum:
    """The optimum of a rule whose polynomial has one of the three shapes."""
    rates = [symbol for symbol in rule.hyperparameters if symbol.name == "eta"]
    found = None
    if rates and rates[0] not in given:
        if len(seen) == 1:
            found = _first_order(rule, rates[0], curvature, seen[0])
        elif len(seen) == 2:
            found = _heavy_ball(rule, rates[0], curvature, seen) or _nesterov(
                rule, rates[0], curvature, seen
            )
    if found is None:
        raise InputError(
            f"{rule.name}: no optimum is derived for its polynomial; there is one for degree one, "
            "for heavy balls and for Nesterov's, with a free learning rate. rate_at() compares "
            "choices exactly"
        )
    for identity in found.identities:
        if not equal(identity.left, identity.right):
            raise UndecidedError(
                f"{rule.name}: the optimum is not proved: {identity.left} = {identity.right} is "
                "open"
            )
    if not _attained(found, curvature, seen):
        raise UndecidedError(f"{rule.name}: the rate {found.rate} is not proved to be attained")
    return found


def _attained(best: Optimum, curvature: Symbol, seen: Sequence[Expr]) -> bool:
    """Whether the rule's own polynomial, with the choice put in, has the rate at curvature m.

    Of degree one at both ends; of degree two as a double root, at both ends for a heavy ball.
    """
    chosen = {**best.fixed, **best.hyperparameters}
    low, high = ([part.xreplace({**chosen, curvature: end}) for part in seen] for end in (m, L))
    square = best.rate**2
    if len(seen) == 1:
        return equal(low[0] ** 2, square) and equal(high[0] ** 2, square)
    ends = [low] if best.fixed else [low, high]
    return equal(low[0], square) and all(equal(end[1] ** 2, 4 * end[0]) for end in ends)


def _line(expression: Expr, variable: Symbol) -> tuple[Expr, Expr] | None:
    """Constant and slope of what is linear in a variable, else ``None``."""
    slope = sympy.cancel(sympy.diff(expression, variable))
    constant = sympy.cancel(expression - slope * variable)
    if variable in slope.free_symbols or variable in constant.free_symbols:
        return None
    return constant, slope


def _first_order(rule: Rule, eta: Symbol, curvature: Symbol, seen: Expr) -> Optimum | None:
    line = _line(-seen, eta)
    if line is None:
        return None
    k, c = line[0], -line[1]
    inner = _line(c, curvature)
    if inner is None or curvature in k.free_symbols or inner[1] == 0:
        return None
    low, high = c.xreplace({curvature: m}), c.xreplace({curvature: L})
    signs = Signs.of(rule, [m, L])
    if not (signs.positive(low) and signs.positive(inner[1])):
        return None
    best = tidy(2 * k / (low + high))
    a, b = sympy.symbols("A B", positive=True)
    K = Symbol("k", real=True)
    q_low, q_high = K - eta * a, K - eta * b
    positive = signs.positive(k)
    rate = k if positive else sympy.Abs(k)
    supposing = "" if positive else f", where {k} is positive"
    identities = (
        Identity(
            b * q_low - a * q_high,
            K * (b - a),
            "so B|q(m)| + A|q(L)| is at least |k|(B - A), and the larger of |q(m)| and |q(L)| at "
            "least |k|(B - A)/(A + B), whatever the learning rate",
        ),
        Identity(
            (K - 2 * K / (a + b) * a),
            K * (b - a) / (a + b),
            "the root at m has that size",
        ),
        Identity(
            (K - 2 * K / (a + b) * b),
            -K * (b - a) / (a + b),
            "and so has the root at L; in between q is linear in the curvature, so |q| is largest "
            "at an end",
        ),
    )
    return Optimum(
        rule, {eta: best}, tidy((high - low) / (high + low)) * rate, {},
        f"over all learning rates{supposing}", identities, 1,
    )  # fmt: skip


def _heavy_ball(rule: Rule, eta: Symbol, curvature: Symbol, seen: Sequence[Expr]) -> Optimum | None:
    mu = seen[0]
    if not (mu.is_Symbol and mu in rule.hyperparameters and mu != eta):
        return None
    line = _line(1 + seen[1] + seen[0], eta)
    if line is None or line[0] != 0:
        return None
    inner = _line(line[1], curvature)
    if inner is None or inner[1] == 0:
        return None
    scale, decay = inner[1], tidy(inner[0] / inner[1])
    if mu in decay.free_symbols or eta in decay.free_symbols:
        return None
    signs = Signs.of(rule, [m, L])
    if not (signs.positive(scale) and signs.positive(m + decay)):
        return None
    low, high = sympy.sqrt(m + decay), sympy.sqrt(L + decay)
    best_mu = ((high - low) / (high + low)) ** 2
    a, b = sympy.symbols("a b", positive=True)
    A, B = a**2, b**2
    M, E = Symbol("mu", real=True), Symbol("q", real=True)
    r_best = (b - a) / (b + a)
    at_r = _r**2 - (1 + M - E * A) * _r + M
    at_minus_r = _r**2 + (1 + M - E * B) * _r + M
    step = 4 / (a + b) ** 2
    between = Symbol("h", real=True)

    def gap(c: Expr) -> Expr:
        return (1 + r_best**2 - step * c) ** 2 - 4 * r_best**2

    identities = (
        Identity(
            B * at_r + A * at_minus_r,
            (A + B) * (_r**2 + M) - (B - A) * (1 + M) * _r,
            "with all roots in the disk of radius r both values on the left are not negative, so "
            "(r^2 + mu)/(1 + mu) is at least r (B - A)/(A + B), whatever the learning rate",
        ),
        Identity(
            2 * _r**2 * (1 + M) - (_r**2 + M) * (1 + _r**2),
            (_r**2 - M) * (1 - _r**2),
            "not negative for r < 1, since mu is the product of the roots and at most r^2; so "
            "2 r/(1 + r^2) is at least (B - A)/(A + B)",
        ),
        Identity(
            2 * r_best * (A + B),
            (B - A) * (1 + r_best**2),
            "equality at r = (b - a)/(b + a); 2 r/(1 + r^2) grows with r, so no smaller r is "
            "possible",
        ),
        Identity(
            gap(between),
            16 * (between - A) * (between - B) / (a + b) ** 4,
            "the discriminant at the optimum is not positive between the ends, so there both roots "
            "have the absolute value sqrt(mu), the bound",
        ),
    )
    # For the moving average eta is divided by 1 - beta, for dampening by 1 - tau.
    best_eta = _shortest(4 / (high + low) ** 2 / scale.xreplace({mu: best_mu}), low, high)
    return Optimum(
        rule, {eta: best_eta, mu: best_mu}, (high - low) / (high + low), {},
        f"over all learning rates and all {mu}", identities, 3,
    )  # fmt: skip


def _shortest(expression: Expr, low: Expr, high: Expr) -> Expr:
    """In lowest terms as a quotient of polynomials in the two roots."""
    a, b = sympy.symbols("a b", positive=True)
    plain = tidy(expression.xreplace({low: a, high: b}))
    return plain.xreplace({a: low, b: high})


def _nesterov(rule: Rule, eta: Symbol, curvature: Symbol, seen: Sequence[Expr]) -> Optimum | None:
    for mu in rule.hyperparameters:
        u = 1 - eta * curvature
        if equal(seen[0], mu * u) and equal(-seen[1], (1 + mu) * u):
            break
    else:
        return None
    low, high = sympy.sqrt(m), sympy.sqrt(L)
    M, U, S = Symbol("mu", real=True), Symbol("u", real=True), Symbol("s", positive=True)
    best = (1 - S) / (1 + S)
    value = _r**2 - (1 + M) * U * _r + M * U
    identities = (
        Identity(
            _r * (2 * _r - _r**2 - U),
            value + (_r**2 - M * U) * (1 - _r),
            "with all roots at curvature m in the disk of radius r < 1 both terms on the right are "
            "not negative (mu u is the product of the roots), so 2 r - r^2 is at least u",
        ),
        Identity(
            2 * _r - _r**2 - U,
            (1 - U) - (1 - _r) ** 2,
            "so (1 - r)^2 is at most 1 - u = m/L at the step 1/L, whatever mu",
        ),
        Identity(
            (1 + best) ** 2 * (1 - S**2),
            4 * best,
            "at the optimum the discriminant u ((1 + mu)^2 u - 4 mu) vanishes at curvature m; for "
            "larger curvatures up to L u is smaller and not negative, so it is not positive there",
        ),
        Identity(
            best * (1 - S**2),
            (1 - S) ** 2,
            "and the absolute value of both roots, sqrt(mu u), is largest at m, where it is the "
            "bound",
        ),
    )
    return Optimum(
        rule, {mu: (high - low) / (high + low)}, 1 - low / high, {eta: 1 / L},
        f"over all {mu}, at the fixed learning rate 1/L", identities, 2,
    )  # fmt: skip
