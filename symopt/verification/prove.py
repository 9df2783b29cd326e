"""Whether two rules are the same for all inputs and for ever, or by which formula they differ.

Equal: by induction. Both rules make the real first step from one start; then one step from an
arbitrary state, with symbolic t, keeps the relation between their memories, and both ask at and
report the same points. The relation and the map of hyperparameters are found, then proved, and
are part of the answer. Different: by exact numbers whose enclosures are disjoint. What is neither
is undecided. Every proof is checked again by enclosures at random rational points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import sympy
from sympy import Expr, Symbol

from symopt.derivation.opaque import is_elementwise, opaque_step
from symopt.errors import BudgetError, SymoptError, UndefinedError
from symopt.program.graph import Label, Node, Program
from symopt.program.normal_form import Field, Quotient, normal_forms
from symopt.program.ranges import Range
from symopt.program.to_sympy import sympy_value
from symopt.statement.library import rules
from symopt.statement.rule import Rule
from symopt.statement.symbols import t
from symopt.verification.certificates import Proof
from symopt.verification.comparison import Difference, compare
from symopt.verification.conditions import (
    Condition,
    bounded,
    conditions,
    in_words,
    points_inside,
    points_outside,
)
from symopt.verification.edges import edge_points
from symopt.verification.maps import Written, renamed_alone, schedules, special_cases, written_maps
from symopt.verification.naming import common_names
from symopt.verification.relation import (
    Equality,
    find_relations,
    proved_always,
    shared_ranges,
)
from symopt.verification.siblings import (
    linear_size,
    opaque_program,
    proved_same_points,
    specialized,
)
from symopt.verification.smt import cross_check
from symopt.verification.switches import at_switches, late_difference
from symopt.verification.taken import straight, strongest
from symopt.verification.verdict import Verdict

__all__ = ["prove"]

#: Steps and points of the exact comparison before a proof, and of the check after it.
_STEPS = 6
_POINTS = 8
_CHECKS = 4
_EDGES, _EDGE_STEPS = 48, 3
#: Points of the check of a proof under conditions, many of them on the boundary.
_INSIDE = 24
#: Equality before the first difference is proved, and shown, up to this step.
_SHOWN = 4
#: Differences at later steps are shown in the state before the step.
_UNROLLED = 8
#: A difference with more terms is shown as it came out of the rules.
_MAX_TERMS = 120


def prove(
    first: Rule | str, second: Rule | str, *, maps: bool = True, smt: bool = False
) -> Verdict:
    """Decide whether two rules are the same for all starts, gradients and hyperparameters.

    Parameters
    ----------
    first, second
        Names, or rules: stated or lifted.
    maps
        Whether hyperparameters of the second rule may be expressions of the first one's, or the
        other way round, and whether conditions on hyperparameters may be part of the answer.
        Without maps hyperparameters of the same name are the same, everywhere in their domains.
        Usual spellings of code (``lr``, ``eps``) stand for the catalogue's letters in any case.

    A proof that needs a map also says how the rules differ at the same values (``.step``,
    ``.difference``, ``.witness``), unless one of them has none of these hyperparameters. Rules
    that differ only in corners, such as a step size outside of its bounds, are proved under
    conditions (``.conditions``) that both rules' defaults meet; how they differ where these fail
    is said in the same way.
    smt
        Whether z3, if installed, looks for a counterexample to a proof in the first two steps; its
        answers are the verdict's ``.cross_checks``.

    The verdict is ``"proved"`` (with ``.map``, ``.relation`` and, where the proof is one of
    polynomials, ``.certificates``), ``"refuted"`` (with ``.difference``, a formula for first minus
    second, and ``.witness``), or ``"undecided"`` (with ``.reason``).

    Raises :class:`~symopt.errors.UnknownNameError` for a name that no rule has, and
    :class:`~symopt.errors.SymoptError` where a proof and an enclosure contradict each other,
    which is an error of symopt.

    >>> print(prove("momentum", "heavy_ball"))
    PROVED: momentum against heavy_ball
      equal at every step, by induction
      hidden state: x_previous of heavy_ball = -v + x of momentum
      assumed: real arithmetic, wherever both rules are defined
      assumed: hyperparameters inside their domains, the same at every step
    >>> verdict = prove("nesterov_new_velocity", "nesterov_bengio")
    >>> verdict.status, verdict.step, verdict.difference
    ('refuted', 1, -eta*g1*mu**2)
    """
    one, other = (_constant(rules.resolve(rule)) for rule in (first, second))
    one, other, spelled = common_names(one, other)
    verdict = _prove(one, other, maps)
    if spelled:
        verdict = replace(verdict, map={**spelled, **verdict.map})
    return _cross_checked(verdict) if smt else verdict


def _cross_checked(verdict: Verdict) -> Verdict:
    """The verdict with what z3 says of the first steps of a proof."""
    if verdict.proof is None:
        return verdict
    found = []
    proof = verdict.proof
    nonzero = [d for e in proof.equalities for d in _divisors(e.relation.values())]
    for steps in (1, 2):
        check = cross_check(proof.first, proof.second, steps, nonzero=nonzero)
        if check.answer == "sat":
            raise SymoptError(
                f"{verdict.implementation} and {verdict.rule} were proved equal, but z3 has a "
                f"counterexample. This is an error of symopt; please report it.\n{check}"
            )
        found.append(str(check))
    return replace(verdict, cross_checks=tuple(found))


def _constant(rule: Rule) -> Rule:
    """The rule with its scheduled hyperparameters put in."""
    schedules = {entry.symbol: entry.default for entry in rule.parameters if entry.is_schedule}
    return (specialized(rule, schedules) if schedules else None) or rule


@lru_cache(maxsize=1024)
def _prove(first: Rule, second: Rule, maps: bool) -> Verdict:
    asks = [opaque_step(rule, _size(first, second)).asks for rule in (first, second)]
    blank = Verdict("undecided", first.name, second.name, assumed=_assumed(first, second))
    if asks[0] != asks[1]:
        return replace(
            blank,
            reason=f"{first.name} asks for {asks[0]} gradients a step and {second.name} for "
            f"{asks[1]}: there is no way to give both the same answers",
        )
    seen = compare(first, second, _STEPS, _POINTS)
    found = seen.difference
    if found is None and seen.compared:
        verdict = _equal(blank, first, second)
        if verdict is not None:
            return verdict
    if found is None and seen.compared:
        found = _in_a_corner(first, second)
    if found is not None and maps:
        verdict = _under_conditions(blank, first, second)
        if verdict is not None:
            return _with_difference(verdict, first, second, found)
    special = ""
    for written in written_maps(first, second) if maps else ():
        if compare(written.first, written.second, _STEPS, _POINTS).difference is not None:
            continue
        verdict = _equal(blank, written.first, written.second)
        if verdict is None:
            continue
        if written.degenerate:
            special = special or f"; they are one rule for {written.text}"
            continue
        verdict = _mapped(first, second, written, verdict)
        return _at_the_same_values(verdict, *renamed_alone(first, second, written))
    if found is None and seen.compared and not (first.parameters or second.parameters):
        found = at_switches(first, second)
    if found is not None:
        return _different(blank, first, second, found, special)
    if seen.undefined is not None:
        return _undefined(blank, seen.undefined)
    if not seen.compared:
        return replace(blank, reason="no point was found at which both rules are defined")
    known = 0
    while known < _SHOWN and proved_same_points(first, second, known + 1):
        known += 1
    shown = f"proved equal for {known} steps" if known else "not proved for a single step"
    return replace(
        blank,
        reason=f"{shown}, and equal at all {seen.compared} points tried for {_STEPS} steps; "
        "no relation between the memories was proved",
    )


def _size(first: Rule, second: Rule) -> int:
    return 1 if is_elementwise(first) and is_elementwise(second) else 2


def _assumed(first: Rule, second: Rule) -> tuple[str, ...]:
    assumed = [
        "real arithmetic, wherever both rules are defined",
        "hyperparameters inside their domains, the same at every step",
    ]
    if _size(first, second) > 1:
        assumed.append("proved in two and three coordinates, which the rules look at together")
    return tuple(assumed)


# Equal


def _equal(
    blank: Verdict, first: Rule, second: Rule, gaps: Mapping[Symbol, Expr] | None = None
) -> Verdict | None:
    """The proof, or ``None``; ``gaps`` says what the hyperparameters of no rule stand for."""
    equality = _induction(first, second)
    by_linearity = equality is None and _by_linearity(first, second)
    if equality is None and not by_linearity:
        return None
    sizes = (1,) if _size(first, second) == 1 else (2, 5)
    checks = [compare(first, second, _STEPS, _CHECKS, seed=20240229, size=d) for d in sizes]
    divisors = _divisors(equality.relation.values()) if equality is not None else ()
    # Balls: the fractions of some rules grow too fast from there, and an edge shows at once.
    edges = edge_points(first, second, _EDGE_STEPS, sizes[0], divisors)
    at_edges = compare(first, second, _EDGE_STEPS, _EDGES, size=sizes[0], at=edges, kinds=(False,))
    checks.insert(1, at_edges)
    for number, again in enumerate(checks):
        if again.difference is not None and number < 2:
            raise SymoptError(
                f"{blank.implementation} and {blank.rule} were proved equal, but enclosures "
                f"differ. This is an error of symopt; please report it.\n{again.difference}"
            )
        if again.difference is not None:
            return None  # equal in two and three coordinates, and not in five
    if not all(again.compared for again in (checks[0], *checks[2:])):
        return None
    if equality is None:
        return replace(
            blank,
            status="proved",
            reason="equal at every step: both rules are linear, and equal for as many steps as "
            "their memories have entries (Cayley and Hamilton)",
            proof=None if gaps is not None else Proof(first, second),
        )
    if gaps:
        back = {symbol: value.xreplace(gaps) for symbol, value in equality.relation.items()}
        equality = replace(equality, relation=back)
    return replace(
        blank,
        status="proved",
        reason="equal at every step, by induction",
        relation=_relation(blank, first, equality),
        assumed=(*blank.assumed, *_excluded(equality)),
        # A certificate knows nothing of bounds that a memory keeps.
        proof=None
        if equality.bounds or gaps is not None
        else Proof(equality.first, equality.second, (equality, *equality.more)),
    )


def _relation(blank: Verdict, first: Rule, equality: Equality) -> tuple[str, ...]:
    if equality.is_identity:
        return ()
    names = (blank.implementation, blank.rule)
    source, target = names if equality.first == first else names[::-1]
    lines = []
    for symbol, value in equality.relation.items():
        if symbol == value:
            continue
        uses_state = value.free_symbols & set(equality.first.state)
        of = f" of {source}" if uses_state else ""
        lines.append(f"{symbol} of {target} = {value}{of}")
    return tuple(lines)


def _excluded(equality: Equality) -> tuple[str, ...]:
    """Where divisors of the relation vanish the proof says nothing."""
    return tuple(f"{divisor} is not zero" for divisor in _divisors(equality.relation.values()))


def _divisors(values: Iterable[Expr]) -> tuple[Expr, ...]:
    """Divisors that may vanish: 1 - beta does not in a domain that ends before 1."""
    found: dict[Expr, None] = {}
    for value in values:
        for node in value.atoms(sympy.Pow):
            base, exponent = node.as_base_exp()
            if exponent.is_negative and not base.is_number:
                found[-base if base.could_extract_minus_sign() else base] = None
    return tuple(found)


@lru_cache(maxsize=1024)
def _induction(first: Rule, second: Rule) -> Equality | None:
    """The proof by induction, with a relation that divides by as little as possible."""
    found: list[Equality] = []
    for source, target in ((first, second), (second, first)):
        for relation in find_relations(source, target):
            equality = proved_always(source, target, relation)
            if equality is not None and not _excluded(equality):
                return equality
            found += [] if equality is None else [equality]
    return min(found, key=lambda equality: len(_excluded(equality)), default=None)


def _by_linearity(first: Rule, second: Rule) -> bool:
    sizes = [linear_size(first), linear_size(second)]
    if sizes[0] is None or sizes[1] is None:
        return False
    return proved_same_points(first, second, 2 + sizes[0] + sizes[1])


# Conditions


def _under_conditions(blank: Verdict, first: Rule, second: Rule) -> Verdict | None:
    """A proof where the hyperparameters meet conditions, as few as are needed."""
    needed = conditions(first, second)
    proof = _bounded_proof(blank, first, second, needed) if needed else None
    if proof is None:
        return None
    for condition in needed:
        fewer = tuple(other for other in needed if other != condition)
        beyond = points_outside(first, second, fewer, condition, _STEPS, _INSIDE)
        if compare(first, second, _STEPS, _INSIDE, at=beyond).difference is not None:
            continue
        less = _bounded_proof(blank, first, second, fewer) if fewer else None
        if less is not None:
            needed, proof = fewer, less
    points = points_inside(first, second, needed, _STEPS, _INSIDE)
    again = compare(first, second, _STEPS, _INSIDE, at=points)
    if again.difference is not None:
        raise SymoptError(
            f"{blank.implementation} and {blank.rule} were proved equal for {in_words(needed)}, "
            "but enclosures differ. This is an error of symopt; please report it.\n"
            f"{again.difference}"
        )
    if not again.compared:
        return None
    words = in_words(needed)
    return replace(
        proof,
        conditions=words,
        reason=f"{proof.reason}, for {words}",
        assumed=(*proof.assumed, f"for {words}"),
    )


def _in_a_corner(first: Rule, second: Rule) -> Difference | None:
    """A difference where hyperparameters do not compare as they do by default."""
    for condition in conditions(first, second):
        beyond = points_outside(first, second, (), condition, _STEPS, _INSIDE)
        found = compare(first, second, _STEPS, _INSIDE, at=beyond).difference
        if found is not None:
            return found
    return None


def _bounded_proof(
    blank: Verdict, first: Rule, second: Rule, under: tuple[Condition, ...]
) -> Verdict | None:
    pair = bounded(first, second, under)
    if pair is None:
        return None
    if compare(pair.first, pair.second, _STEPS, _POINTS).difference is not None:
        return None
    return _equal(blank, pair.first, pair.second, pair.gaps)


# Maps


def _at_the_same_values(verdict: Verdict, first: Rule, second: Rule) -> Verdict:
    """A proof with a map, and how the rules differ where only names are mapped."""
    found = compare(first, second, _STEPS, _POINTS).difference
    return verdict if found is None else _with_difference(verdict, first, second, found)


def _with_difference(verdict: Verdict, first: Rule, second: Rule, found: Difference) -> Verdict:
    return replace(
        verdict,
        step=found.step,
        quantity=found.quantity,
        difference=_difference(first, second, found),
        witness=found,
    )


def _mapped(first: Rule, second: Rule, written: Written, plain: Verdict) -> Verdict:
    """A proof with a map, and what the map means."""
    divisors = _divisors(written.map.values())
    changing = schedules(written)
    assumed = [*plain.assumed, *[f"{divisor} is not zero" for divisor in divisors]]
    if changing:
        assumed[1] = (
            f"hyperparameters inside their domains, the same at every step but for "
            f"{', '.join(changing)}: a schedule, its value changes with the step"
        )
    return replace(
        plain,
        map=written.map,
        assumed=tuple(assumed),
        reason="; ".join((plain.reason, *special_cases(written, first, second))),
    )


# Different


def _different(
    blank: Verdict, first: Rule, second: Rule, found: Difference, special: str
) -> Verdict:
    before = ""
    if 1 < found.step <= _SHOWN and proved_same_points(first, second, found.step - 1):
        before = f"; proved equal until then, {found.step - 1} step(s)"
    verdict = replace(
        blank,
        status="refuted",
        step=found.step,
        quantity=found.quantity,
        difference=_difference(first, second, found)
        if found.step <= _UNROLLED
        else late_difference(first, second, found.step),
        witness=found,
        reason=f"different from step {found.step} on{before}{special}",
    )
    shift = _shifted(first, second)
    if shift is None:
        return verdict
    return replace(
        verdict,
        reason=f"{verdict.reason}; both ask at the same points at every step, and report others",
        relation=_relation(blank, first, shift),
    )


def _undefined(blank: Verdict, found: Difference) -> Verdict:
    absent = blank.implementation if isinstance(found.first, str) else blank.rule
    return replace(
        blank,
        status="refuted",
        step=found.step,
        quantity=found.quantity,
        difference=sympy.nan,  # no number less a number
        witness=found,
        reason=f"{absent} has no value at step {found.step} where the other rule has one",
    )


def _shifted(first: Rule, second: Rule) -> Equality | None:
    """The proof that both rules ask at the same points, although they report different ones."""
    if all(_asks_at_its_point(rule) for rule in (first, second)):
        return None  # the same questions would be the same points
    seen = compare(first, second, _STEPS, _CHECKS, reported=False)
    if seen.difference is not None or not seen.compared:
        return None
    for source, target in ((first, second), (second, first)):
        for relation in find_relations(source, target, points=False):
            equality = proved_always(source, target, relation, points=False)
            if equality is not None:
                return equality
    return None


def _asks_at_its_point(rule: Rule) -> bool:
    program = opaque_step(rule, _size(rule, rule)).program
    return all(
        program.nodes[index].value == ("x", label[2])
        for label, index in program.outputs.items()
        if isinstance(label, tuple) and label[0] == "ask"
    )


def _difference(first: Rule, second: Rule, found: Difference) -> Expr | None:
    """First minus second as a formula in the start, the gradients and the hyperparameters.

    ``None`` where SymPy cannot hold it; the witness says by how much the rules differ.
    """
    size = _size(first, second)
    programs = []
    for rule in (first, second):
        whole = opaque_program(rule, found.step, size, cut=False)
        programs.append(replace(whole, outputs={found.label: whole.outputs[found.label]}))
    symbols = _symbols(first, second, found.step, size)
    ranges = shared_ranges(first, second)
    whole_formula = _between(found, programs, symbols, ranges)
    if not any(program.has("select") for program in programs):
        return whole_formula
    taken = _taken(found, programs, symbols)
    short = None if taken is None else _between(found, taken[0], symbols, ranges)
    if taken is None or short is None:
        return whole_formula
    if taken[1]:
        short = sympy.Piecewise((short, sympy.And(*strongest(taken[1]))))
    formulas = [formula for formula in (whole_formula, short) if formula is not None]
    return min(formulas, key=lambda formula: int(formula.count_ops()))


def _taken(
    found: Difference, programs: list[Program], symbols: Mapping[Label, Expr]
) -> tuple[list[Program], list[Any]] | None:
    """Both programs as they run at the witness, and in which case that is."""
    values: dict[Label, Any] = {("hyper", n): v for n, v in found.hyperparameters.items()}
    values.update({("x", 0, index): value for index, value in enumerate(found.start)})
    for label, symbol in symbols.items():
        if str(symbol) in found.gradients and label[0] == "g":  # type: ignore[index]
            values[label] = found.gradients[str(symbol)]
    straights, cases = [], []
    for program in programs:
        if any(label not in values for label in program.inputs):
            return None
        try:
            made = straight(program, values, lambda part: _inert(part, symbols))
        except (TypeError, ValueError):
            return None  # SymPy refuses to compare what one of the sides became
        if made is None:
            return None
        straights.append(made[0])
        cases += [condition for condition in made[1] if condition not in cases]
    return straights, cases


def _between(
    found: Difference,
    programs: list[Program],
    symbols: Mapping[Label, Expr],
    ranges: Mapping[Label, Range],
) -> Expr | None:
    """The difference of one output of two programs, in the shorter of two forms."""
    try:
        ours, theirs = (_inert(program, symbols)[found.label] for program in programs)
    except ValueError:
        return None  # SymPy compares what a branch that is not taken makes of 0/0
    shown = [ours - theirs]
    try:
        field, forms = normal_forms(*programs, ranges=ranges)
        values = [outputs[found.label] for outputs, _ in forms]
        factored = _expression(field, field.add(values[0], values[1], -1), symbols)
        shown += [] if factored is None else [factored]
    except (BudgetError, UndefinedError):
        pass  # too large to be put over one denominator: shown as the rules have it
    return min(shown, key=lambda formula: int(formula.count_ops()))


def _inert(program: Program, symbols: Mapping[Label, Expr]) -> dict[Label, Expr]:
    """The outputs as SymPy, without its search for the larger of two expressions."""

    def visit(node: Node, args: list[Any]) -> Any:
        if node.op == "max" and sympy.S.Zero in args and all(arg.is_nonnegative for arg in args):
            return sum(args)  # the other one
        if node.op in ("max", "min"):
            return (sympy.Max if node.op == "max" else sympy.Min)(*args, evaluate=False)
        return sympy_value(node, args, symbols)

    return program.fold(visit)


def _symbols(first: Rule, second: Rule, steps: int, size: int) -> dict[Label, Expr]:
    symbols: dict[Label, Expr] = {("t",): t}
    for rule in (second, first):
        symbols.update({("hyper", s.name): s for s in rule.hyperparameters})
    for index in range(size):
        tail = f"_{index + 1}" if size > 1 else ""
        symbols["x", 0, index] = Symbol(f"x0{tail}", real=True)
        for step in range(1, steps + 1):
            for ask in range(1, 9):
                more = "" if ask == 1 else "'" * (ask - 1)
                symbols["g", step, ask, index] = Symbol(f"g{step}{more}{tail}", real=True)
    return symbols


def _expression(field: Field, value: Quotient, symbols: Mapping[Label, Expr]) -> Expr | None:
    """A quotient as SymPy, in factors; ``None`` where it is large or holds other unknowns."""
    if len(value.top) + len(value.bottom) > _MAX_TERMS:
        return None
    parts: list[Expr] = []
    for polynomial in (value.top, value.bottom):
        content, factors = polynomial.factor()
        result: Expr = sympy.Rational(int(content.p), int(content.q))
        for factor, power in factors:
            shown = _polynomial(field, factor, symbols)
            if shown is None:
                return None
            result *= shown ** int(power)
        parts.append(result)
    return parts[0] / parts[1]


def _polynomial(field: Field, polynomial: Any, symbols: Mapping[Label, Expr]) -> Expr | None:
    total: Expr = sympy.S.Zero
    for exponents, coefficient in polynomial.to_dict().items():
        term: Expr = sympy.Rational(int(coefficient.p), int(coefficient.q))
        for index, power in enumerate(exponents):
            if not power:
                continue
            unknown = _unknown(field, index, symbols)
            if unknown is None:
                return None
            term *= unknown ** int(power)
        total += term
    return total


def _unknown(field: Field, index: int, symbols: Mapping[Label, Expr]) -> Expr | None:
    for relations, function in ((field.squares, sympy.sqrt), (field.signs, sympy.sign)):
        if index in relations:
            inner = _polynomial(field, relations[index], symbols)
            return None if inner is None else function(inner)
    return symbols.get(field.names[index])
