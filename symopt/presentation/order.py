"""The order in which a paper writes sums and products, which SymPy forgets.

In products: the number, hyperparameters, parenthesized factors of hyperparameters, state, other
functions, the gradient. In sums: history before the new term, the parameter minus its step, a
positive number before what is subtracted from it, a stabilizer last. In polynomials: a positive
constant first with the degrees rising, otherwise the variables in their order and the constant
last. No sum begins with a minus that another order avoids.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sympy
from sympy import Add, Expr, Mul, Pow, Rational, Symbol
from sympy.core.function import AppliedUndef

from symopt.statement.rule import Rule
from symopt.statement.symbols import REDUCTIONS, domain_of, g, grad, meaning_of, t, x

__all__ = ["PLAIN", "Product", "Roles", "STANDARD", "Term", "ordered_terms", "split"]


@dataclass(frozen=True)
class Roles:
    """What each symbol is, as far as its place in print depends on it.

    ``hyperparameters`` and ``variables`` in the order in which they are stated; ``gradients`` are
    the names of gradients; ``target`` is what the line at hand assigns.
    """

    hyperparameters: tuple[Symbol, ...] = ()
    variables: tuple[Symbol, ...] = ()
    gradients: frozenset[Symbol] = frozenset()
    parameter: Symbol | None = None
    target: Symbol | None = None
    by_name: bool = False

    @classmethod
    def of_rule(cls, rule: Rule) -> Roles:
        """The roles that a rule's statement gives."""
        gradients = [
            target
            for target, expression in rule.update
            if isinstance(expression, grad) or target.name == "g"
        ]
        return cls(
            hyperparameters=_scalars(rule),
            variables=(x, *rule.state, *rule.temporaries),
            gradients=frozenset(gradients),
            parameter=x,
        )

    def is_hyperparameter(self, symbol: Symbol) -> bool:
        if symbol in self.hyperparameters or symbol == t:
            return True
        return self.by_name and (bool(meaning_of(symbol)) or domain_of(symbol) != sympy.Reals)

    def is_gradient(self, symbol: Symbol) -> bool:
        return symbol in self.gradients or (self.by_name and symbol == g)

    def place(self, symbol: Symbol) -> tuple[int, str]:
        """Where a symbol stands among those of its role."""
        if self.is_hyperparameter(symbol) and is_rate(symbol):
            return -1, symbol.name
        for group in (self.hyperparameters, self.variables):
            if symbol in group:
                return group.index(symbol), symbol.name
        return len(self.variables) + len(self.hyperparameters), symbol.name

    def only_hyperparameters(self, expression: Expr) -> bool:
        """Whether nothing but hyperparameters, ``t`` and numbers occurs, and not numbers alone."""
        symbols = expression.free_symbols
        return (
            bool(symbols)
            and not expression.has(AppliedUndef, grad)
            and all(self.is_hyperparameter(symbol) for symbol in symbols)
        )

    def has_gradient(self, expression: Expr) -> bool:
        return expression.has(grad) or any(map(self.is_gradient, expression.free_symbols))


def is_rate(factor: Expr) -> bool:
    """Whether a factor is a learning rate, which stands before everything else."""
    return isinstance(factor, Symbol) and factor.name.split("_")[0] in ("eta", "alpha")


def _scalars(rule: Rule) -> tuple[Symbol, ...]:
    """The hyperparameters, and state and temporaries made of nothing but them and ``t``."""
    found = dict.fromkeys(rule.hyperparameters)
    targets = [target for target, _ in rule.update]
    for _ in targets:
        for target in targets:
            lines = [expression for other, expression in rule.update if other == target]
            if target != x and all(
                line.free_symbols <= {*found, target, t} and not line.has(AppliedUndef, grad)
                for line in lines
            ):
                found.setdefault(target)
    return tuple(found)


#: Roles told by the standard names of the field.
STANDARD = Roles(by_name=True, parameter=x)
#: No roles: every symbol is a variable.
PLAIN = Roles()


@dataclass(frozen=True)
class Term:
    """A number times factors; the factors are not numbers and not products."""

    coefficient: Rational
    factors: tuple[Expr, ...]

    @classmethod
    def of(cls, expression: Expr) -> Term:
        """Flatten a product, evaluated or not, without touching its other factors."""
        coefficient: Rational = sympy.S.One
        factors: list[Expr] = []
        stack = [expression]
        while stack:
            node = stack.pop()
            if isinstance(node, Mul):
                stack.extend(reversed(node.args))
            elif isinstance(node, Rational):
                coefficient = coefficient * node
            elif _is_inverse_number(node):
                coefficient = coefficient / node.base
            else:
                factors.append(node)
        return cls(coefficient, tuple(factors))

    @property
    def negative(self) -> bool:
        return bool(self.coefficient < 0)

    @property
    def is_number(self) -> bool:
        return all(not factor.free_symbols for factor in self.factors)


def _is_inverse_number(node: Expr) -> bool:
    """An unevaluated 1/n."""
    return (
        isinstance(node, Pow)
        and isinstance(node.base, Rational)
        and node.base != 0
        and node.exp == -1
    )


@dataclass(frozen=True)
class Product:
    """A term taken apart for print: factors above and below the line, by role."""

    coefficient: Rational
    constants: tuple[Expr, ...]
    letters: tuple[Expr, ...]
    brackets: tuple[Expr, ...]
    state: tuple[Expr, ...]
    below_hyper: tuple[Expr, ...]
    below_state: tuple[Expr, ...]


def split(term: Term, roles: Roles) -> Product:
    """Sort the factors of a term by role, the ones with negative exponents below the line.

    ``letters`` are hyperparameters and their powers, ``brackets`` other expressions of them.
    """
    constants: list[Expr] = []
    letters: list[Expr] = []
    brackets: list[Expr] = []
    state: list[Expr] = []
    below_hyper: list[Expr] = []
    below_state: list[Expr] = []
    for factor in term.factors:
        inverse = _inverse(factor)
        if inverse is not None:
            hyper = roles.only_hyperparameters(inverse) or not inverse.free_symbols
            (below_hyper if hyper else below_state).append(inverse)
        elif not factor.free_symbols and not factor.has(AppliedUndef):
            constants.append(factor)
        elif not roles.only_hyperparameters(factor):
            state.append(factor)
        elif isinstance(factor, Symbol) or (
            isinstance(factor, Pow)
            and isinstance(factor.base, Symbol)
            and (factor.exp.is_integer or isinstance(factor.exp, Symbol))
        ):
            letters.append(factor)
        else:
            brackets.append(factor)
    return Product(
        term.coefficient,
        tuple(sorted(constants, key=sympy.default_sort_key)),
        *(
            tuple(sorted(group, key=lambda factor: _factor_key(factor, roles)))
            for group in (letters, brackets, state, below_hyper, below_state)
        ),
    )


def _inverse(factor: Expr) -> Expr | None:
    """The base with its exponent turned positive, where the exponent is negative."""
    if not isinstance(factor, Pow) or isinstance(factor.base, Rational):
        return None
    exponent = factor.exp
    if isinstance(exponent, Rational) and exponent < 0:
        if exponent == -1:
            return factor.base
        return Pow(factor.base, -exponent, evaluate=False)
    return None


def _factor_key(factor: Expr, roles: Roles) -> tuple[object, ...]:
    base = factor.base if isinstance(factor, Pow) else factor
    if isinstance(base, grad):
        kind = 4
    elif isinstance(base, Symbol):
        kind = 3 if roles.is_gradient(base) else 0
    elif not _moving(base, roles):
        kind = -1
    elif isinstance(base, Add):
        kind = 1
    else:
        kind = 2
    place = roles.place(base) if isinstance(base, Symbol) else (0, "")
    power = 0 if isinstance(factor, Pow) and isinstance(base, Add) else 1
    constant = base.as_coeff_Add()[0] if isinstance(base, Add) else sympy.S.Zero
    return kind, place, power, -degree(base), constant, sympy.default_sort_key(factor)


def _moving(expression: Expr, roles: Roles) -> bool:
    """Whether it has a value per coordinate: something else than reductions and settings."""
    if isinstance(expression, REDUCTIONS):
        return False
    if isinstance(expression, Symbol):
        return not roles.is_hyperparameter(expression)
    return any(_moving(argument, roles) for argument in expression.args)


def degree(expression: Expr) -> int:
    """The total degree of a polynomial part; functions count as of degree 0."""
    if isinstance(expression, Symbol):
        return 1
    if isinstance(expression, Add):
        return max(map(degree, expression.args))
    if isinstance(expression, Mul):
        return sum(map(degree, expression.args))
    if isinstance(expression, Pow) and isinstance(expression.exp, sympy.Integer):
        return degree(expression.base) * int(expression.exp)
    return 0


def _flat(expression: Expr) -> Iterable[Expr]:
    if isinstance(expression, Add):
        for argument in expression.args:
            yield from _flat(argument)
    else:
        yield expression


def ordered_terms(expression: Expr, roles: Roles) -> list[Term]:
    """The terms of a sum in the order of print.

    >>> from symopt.statement.symbols import beta1, m
    >>> [str(Mul(*term.factors)) for term in ordered_terms((1 - beta1)*g + beta1*m, STANDARD)]
    ['beta1*m', 'g*(1 - beta1)']
    """
    terms = [Term.of(argument) for argument in _flat(expression)]
    if len(terms) < 2:
        return terms
    has_roles = any(map(roles.is_hyperparameter, expression.free_symbols)) or roles.has_gradient(
        expression
    )
    if has_roles:
        # A count such as t + 1 has its number last, like a stabilizer that is added to state.
        with_state = any(_state_of(term, roles) for term in terms) or expression.free_symbols == {t}
        terms.sort(key=lambda term: _rule_key(term, roles, with_state))
    else:
        rising = any(term.is_number and not term.negative for term in terms)
        terms.sort(key=lambda term: _polynomial_key(term, roles, rising))
    if terms[0].negative:
        for index, term in enumerate(terms):
            if not term.negative:
                terms.insert(0, terms.pop(index))
                break
    return terms


def _state_of(term: Term, roles: Roles) -> list[Expr]:
    return [
        factor
        for factor in term.factors
        if factor.free_symbols and not roles.only_hyperparameters(factor)
    ]


def _rule_key(term: Term, roles: Roles, with_state: bool) -> tuple[object, ...]:
    tie = tuple(sympy.default_sort_key(factor) for factor in term.factors)
    if term.is_number:
        return (9 if term.negative or with_state else -1), (), tie
    state = _state_of(term, roles)
    if not state:
        return 8, _places(term.factors, roles), tie
    bare = state[0] if len(state) == 1 and isinstance(state[0], Symbol) else None
    weighted = len(state) < len(term.factors)
    if bare is not None and _is_target(bare, roles):
        rank = 0
    elif bare is not None and bare == roles.parameter and weighted:
        rank = 6
    elif any(roles.has_gradient(factor) for factor in state):
        rank = 5
    elif bare is not None and not weighted:
        rank = 2
    else:
        rank = 3
    return rank, _places(state, roles), tie


def _is_target(symbol: Symbol, roles: Roles) -> bool:
    if roles.target is None:
        return False
    stem: str = roles.target.name.split("_")[0]
    return bool(symbol == roles.target or symbol.name == stem)


def _places(factors: Iterable[Expr], roles: Roles) -> tuple[object, ...]:
    return tuple(
        sorted(roles.place(symbol) for factor in factors for symbol in factor.free_symbols)
    )


def _polynomial_key(term: Term, roles: Roles, rising: bool) -> tuple[object, ...]:
    tie = tuple(sympy.default_sort_key(factor) for factor in term.factors)
    if term.is_number:
        return (4 if term.negative else 0), 0, (), tie
    exponents: dict[Symbol, int] = {}
    kind = 1
    for factor in term.factors:
        base, exponent = factor.as_base_exp() if isinstance(factor, Pow) else (factor, 1)
        if isinstance(base, Symbol) and _whole(exponent):
            exponents[base] = exponents.get(base, 0) + int(exponent)
        elif isinstance(base, Add) and _whole(exponent) and degree(base) > 0:
            kind = max(kind, 2)
        else:
            kind = 3
    total = sum(map(degree, term.factors))
    lexical = tuple(
        (roles.place(symbol), -exponents[symbol]) for symbol in sorted(exponents, key=roles.place)
    )
    return kind, (total if rising or kind == 2 else 0), lexical, tie


def _whole(value: object) -> bool:
    return isinstance(value, (int, sympy.Integer))
