"""Which optimizer of which installed framework is which rule: lifted, then proved.

Every optimizer that lifts is compared with the stated rules: one that is proved to walk through
the same points for ever is named, with the map of its hyperparameters. Where none is, the rule of
the same name gives the exact difference. Optimizers of one name in two frameworks are compared
with each other. Nothing here is a list made by hand but the names that frameworks give.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from symopt.errors import SymoptError
from symopt.statement.library import rules
from symopt.statement.rule import Rule
from symopt.verification.lift.counts import FRAMEWORKS, PACKAGES, Lifted, lift_counts
from symopt.verification.prove import prove
from symopt.verification.siblings import Sibling, siblings
from symopt.verification.verdict import Verdict

__all__ = ["Atlas", "Pair", "Place", "atlas"]

#: Frameworks' names for what has another name in the library.
_NAMES = {
    "sgd": "momentum", "signsgd": "sign_descent", "scale": "gradient_descent",
    "trace": "momentum_buffer", "rss": "adagrad", "belief": "adabelief", "rms": "rmsprop",
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """One optimizer in one configuration, and where it belongs.

    ``status`` is ``"rule"`` (lifted, and proved to be ``stated`` with ``map``), ``"other"``
    (lifted, but not proved to be any of the stated rules), ``"program"`` (lifted, but nothing
    that a rule can state) or ``"refused"`` (with the reason). ``difference`` is that from the
    stated rule ``nearest`` of the same name.
    """

    framework: str
    configuration: str
    status: str
    stated: str = ""
    map: str = ""
    nearest: str = ""
    difference: str = ""
    reason: str = ""
    lines: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Pair:
    """Two optimizers of one name in two frameworks, at their defaults for what is switched on."""

    first: str
    second: str
    verdict: str
    text: str


@dataclass(frozen=True)
class Atlas:
    """The places of all optimizers, and the pairs of one name."""

    versions: tuple[tuple[str, str], ...]
    places: tuple[Place, ...]
    pairs: tuple[Pair, ...]

    def json(self) -> str:
        """Everything, as JSON text."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    def markdown(self) -> str:
        """One page: counts, places by framework, pairs, and what was refused."""
        return "\n".join(_page(self)) + "\n"


def atlas(
    frameworks: Sequence[str] = tuple(FRAMEWORKS),
    progress: Callable[[str], None] | None = None,
) -> Atlas:
    """The atlas of the given frameworks, all of which must be installed.

    ``progress`` is told what is being done, line by line.

    Raises :class:`~symopt.errors.MissingExtraError` where a framework is not installed, and
    :class:`~symopt.errors.InputError` for one that symopt does not know.
    """
    tell = progress or (lambda text: None)
    rows: list[Lifted] = []
    for framework in frameworks:
        rows += lift_counts(framework, lambda row: tell(f"lifted {row.configuration}"))
    known: dict[Rule, Place] = {}
    places = []
    for row in rows:
        tell(f"placing {row.framework} {row.configuration}")
        places.append(_place(row, known))
    pairs = []
    for first, second in _namesakes(rows):
        tell(f"comparing {first.framework} and {second.framework}: {_bare(first.configuration)}")
        pairs.append(_pair(first, second))
    versions = tuple(
        (name, importlib.metadata.version(PACKAGES.get(name, name))) for name in frameworks
    )
    return Atlas(versions, tuple(places), tuple(pairs))


def _place(row: Lifted, known: dict[Rule, Place]) -> Place:
    if row.rule is None:
        status = "program" if row.program else "refused"
        return Place(row.framework, row.configuration, status, reason=row.reason)
    found = next((known[rule] for rule in known if _same_statement(rule, row.rule)), None)
    if found is None:
        found = known[row.rule] = _placed(row, row.rule)
    lines = tuple(f"{target} <- {expression}" for target, expression in row.rule.update)
    return Place(
        row.framework, row.configuration, found.status, found.stated, found.map, found.nearest,
        found.difference, found.reason, lines, row.rule.note,
    )  # fmt: skip


def _same_statement(first: Rule, second: Rule) -> bool:
    return (
        first.update == second.update
        and dict(first.state) == dict(second.state)
        and set(first.hyperparameters) == set(second.hyperparameters)
    )


def _placed(row: Lifted, rule: Rule) -> Place:
    """The place of a rule that was not met before."""
    found = sorted(_siblings(rule), key=lambda sibling: bool(sibling.text))
    for sibling in found:
        if sibling.always and not sibling.is_degenerate:
            return Place(row.framework, row.configuration, "rule", sibling.name, sibling.text)
    nearest = _nearest(row.configuration)
    likely = [sibling.name for sibling in found if not sibling.is_degenerate]
    family = [name for name in rules if nearest and rules[name].family == rules[nearest].family]
    open_: list[str] = []
    for name in dict.fromkeys([*likely, *family]):
        # Siblings were sought with maps already; here the memories may be related in other ways.
        verdict = _verdict(rule, rules[name], maps=name in likely)
        if verdict.status == "proved":
            return Place(row.framework, row.configuration, "rule", name, _map(verdict))
        if verdict.status == "undecided":
            open_.append(name)
    undecided = f"undecided against {', '.join(open_)}" if open_ else ""
    if not nearest:
        return Place(row.framework, row.configuration, "other", reason=undecided)
    verdict = _verdict(rule, rules[nearest], maps=False)
    return Place(
        row.framework, row.configuration, "other", nearest=nearest,
        difference=_difference(verdict), reason=undecided,
    )  # fmt: skip


def _siblings(rule: Rule) -> tuple[Sibling, ...]:
    """The stated rules that are found by trying; none for a rule that cannot be tried in floats."""
    try:
        return siblings(rule)
    except (SymoptError, ArithmeticError):
        return ()


def _verdict(first: Rule, second: Rule, *, maps: bool = True) -> Verdict:
    try:
        return prove(first, second, maps=maps)
    except SymoptError as error:
        return Verdict("undecided", first.name, second.name, reason=str(error))


def _map(verdict: Verdict) -> str:
    return ", ".join(f"{name} = {value}" for name, value in dict(verdict.map).items())


def _difference(verdict: Verdict) -> str:
    if verdict.status != "refuted":
        return verdict.status
    return f"step {verdict.step}: {verdict.difference}"


def _bare(configuration: str) -> str:
    """The optimizer's name alone: ``RMSprop(centered=True)`` and ``scale_by_rms`` are rmsprop."""
    name = configuration.rpartition("contrib.")[2].partition("(")[0].lower()
    return name.removeprefix("scale_by_").replace("sign_sgd", "signsgd")


def _nearest(configuration: str) -> str:
    name = _bare(configuration)
    name = _NAMES.get(name, name)
    return name if name in rules else ""


def _namesakes(rows: Sequence[Lifted]) -> Iterator[tuple[Lifted, Lifted]]:
    """The plain optimizers of one name in two frameworks."""
    first: dict[tuple[str, str], Lifted] = {}
    for row in rows:
        if row.rule is not None and "contrib" not in row.configuration:
            plain = re.sub(r"foreach=False", "", row.configuration).partition("(")
            if plain[2].strip("), ") in ("", "lr=0.1"):
                first.setdefault((_bare(row.configuration), row.framework), row)
    for (name, framework), row in first.items():
        for (other, home), namesake in first.items():
            if name == other and framework < home:
                yield row, namesake


def _pair(first: Lifted, second: Lifted) -> Pair:
    assert first.rule is not None
    assert second.rule is not None
    verdict = _verdict(first.rule, second.rule)
    text = _map(verdict) if verdict.status == "proved" else _difference(verdict)
    return Pair(
        f"{first.framework} {first.configuration}", f"{second.framework} {second.configuration}",
        verdict.status, text or verdict.reason or "",
    )  # fmt: skip


def _page(made: Atlas) -> Iterator[str]:
    yield "# Atlas of optimizers"
    yield ""
    yield "Lifted from " + ", ".join(f"{name} {version}" for name, version in made.versions) + "."
    yield "Equality is proved in real arithmetic, for every step, wherever both sides are defined."
    yield ""
    yield "| framework | configurations | a stated rule | another rule | program only | refused |"
    yield "|---|---|---|---|---|---|"
    for name, _ in made.versions:
        own = [place for place in made.places if place.framework == name]
        kinds = ("rule", "other", "program", "refused")
        counts = [sum(place.status == kind for place in own) for kind in kinds]
        yield f"| {name} | {len(own)} | " + " | ".join(map(str, counts)) + " |"
    for name, _ in made.versions:
        yield from ("", f"## {name}", "", "| optimizer | is | with |", "|---|---|---|")
        for place in made.places:
            if place.framework == name and place.status != "refused":
                yield f"| {_cell(place.configuration)} | {_is(place)} | {_cell(place.map)} |"
    yield from ("", "## One name, two frameworks", "", "| first | second | verdict | how |")
    yield "|---|---|---|---|"
    for pair in made.pairs:
        cells = (_cell(pair.first), _cell(pair.second), pair.verdict, _cell(pair.text))
        yield f"| {' | '.join(cells)} |"
    yield from ("", "## Refused", "")
    for place in made.places:
        if place.status == "refused":
            yield f"- {place.framework} {place.configuration}: {place.reason}"


def _is(place: Place) -> str:
    if place.status == "rule":
        return f"{place.stated}"
    if place.status == "program":
        return "a program that no rule states"
    if place.reason:
        return place.reason
    if not place.nearest:
        return "a rule that is not stated yet"
    return f"not {place.nearest}; {_cell(place.difference)}"


def _cell(text: str) -> str:
    shown = text if len(text) <= 160 else f"{text[:157]}..."
    return f"`{shown}`".replace("|", r"\|") if shown else ""
