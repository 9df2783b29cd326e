"""What a lifted rule says of itself: where it comes from, and what was assumed on the way."""

from __future__ import annotations

import importlib.metadata
import inspect
from datetime import date
from typing import Any

from sympy import Expr

from symopt.errors import LiftError, StatementError
from symopt.program.graph import Label
from symopt.program.to_sympy import to_sympy
from symopt.statement.rule import Rule
from symopt.statement.source import Reference, Source, references
from symopt.statement.symbols import REDUCTIONS, hyperparameter
from symopt.verification.lift.to_rule import TracedStep, to_rule
from symopt.verification.lift.traced_float import Session

__all__ = ["finished", "remarks", "source_of"]

#: A formula longer than this is for no reader, and takes long to write.
LONGEST = 100_000
_TITLES = {"torch": ("pytorch", "PyTorch"), "keras": ("keras", "Keras")}


def finished(step: TracedStep, session: Session, *, title: str, source: Source) -> Rule:
    """The rule of a traced step, with its remarks as the note.

    Raises :class:`~symopt.errors.LiftError` where the step depends on what no rule can state.
    """
    points: dict[Label, int] = dict(enumerate(step.point))
    for label in step.graph.program(points).inputs:
        if isinstance(label, tuple) and label[0] == "opaque":
            raise LiftError(f"{title}: the step depends on {label[-1]}, which no rule can state")
    for entry in step.state:
        if not entry.scalar and len(entry.after) != step.size:
            raise LiftError(
                f"{title}: the state {entry.name} has {len(entry.after)} entries for {step.size} "
                "parameters; it lifts as a program, but not as a rule"
            )
    if _written(step) > LONGEST:
        raise LiftError(
            f"{title}: written out, the step is a formula of more than {LONGEST} operations; it "
            "lifts as a program, but not as a rule"
        )
    try:
        rule = to_rule(step, title=title, source=source, note=" ".join(remarks(session)))
    except StatementError as error:
        raise LiftError(str(error)) from error
    for symbol, value in rule.state.items():
        if value.has(*REDUCTIONS):
            raise LiftError(
                f"{title}: {symbol} starts at {value}, and rules start states coordinate by "
                "coordinate"
            )
    return rule


def _written(step: TracedStep) -> int:
    """How many operations the step's formulas have when nothing is shared."""
    nodes = step.graph.nodes
    sizes: dict[int, int] = {}
    heads = [*step.point[:1], *(entry.after[0] for entry in step.state)]
    stack = list(heads)
    while stack:
        current = stack[-1]
        waiting = [arg for arg in nodes[current].args if arg not in sizes]
        if waiting:
            stack += waiting
            continue
        stack.pop()
        sizes[current] = 1 + sum(sizes[arg] for arg in nodes[current].args)
    return max(sizes[head] for head in heads)


def remarks(session: Session) -> list[str]:
    """What a reader must know of a lift: casts, repaired constants, the branches that it took."""
    sentences = [f"{text[0].upper()}{text[1:]}." for text in session.notes]
    for number, written in session.nodes.repaired.items():
        sentences.append(f"The constant {number!r} is read as {float(written)!r}.")
    conditions = []
    for node, value in session.assumed.items():
        program = session.graph.program({"condition": node})
        symbols: dict[Label, Expr] = {
            label: hyperparameter(str(label[-1]))
            for label in program.inputs
            if isinstance(label, tuple)
        }
        condition = to_sympy(program, symbols)["condition"]
        conditions.append(str(condition if value else ~condition))
    telling = [text for text in dict.fromkeys(conditions) if text not in ("True", "False")]
    if telling:
        sentences.append(f"Lifted where {', '.join(telling)}.")
    return sentences


def source_of(thing: Any, method: str = "") -> Source:
    """The file and lines of code, in the version of its package that is installed."""
    owner = next((c for c in getattr(thing, "__mro__", ()) if method in vars(c)), thing)
    code = getattr(owner, method) if method else thing
    code = inspect.unwrap(code)
    package = str(getattr(owner, "__module__", "")).partition(".")[0]
    try:
        lines, first = inspect.getsourcelines(code)
        file = inspect.getsourcefile(code) or ""
        place = f"{package}{file.rpartition(f'/{package}')[2]}"
        locator = f"{place}:{first}-{first + len(lines) - 1}, {thing.__name__}"
    except (OSError, TypeError):
        locator = str(getattr(thing, "__name__", type(thing).__name__))
    slug, title = _TITLES.get(package, (package, package))
    try:
        version = importlib.metadata.version(package).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        version = ""
    key = f"{slug}{version}" or "code"
    if key in references():
        return Source(key, locator)
    reference = Reference(
        key, f"{title} {version}".strip(), f"{title} contributors", date.today().year,
        kind="software",
    )  # fmt: skip
    return Source(key, locator, reference)
