"""The atlas is made: lift, group the code paths, place what is left, compare namesakes."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from symopt.errors import MissingExtraError
from symopt.statement.library import rules
from symopt.statement.rule import Rule
from symopt.verification.atlas.data import Atlas, Comparison, Entry, Pair
from symopt.verification.atlas.names import Called, bare, called, nearest
from symopt.verification.atlas.placing import Found, compared, placed, same_with_states
from symopt.verification.atlas.statements import same_up_to_names
from symopt.verification.atlas.work import Watch, Work
from symopt.verification.lift.counts import (
    FRAMEWORKS,
    PACKAGES,
    Lifted,
    configurations,
    lift_counts,
    tally,
)

__all__ = ["atlas"]


def atlas(
    frameworks: Sequence[str] | None = None, *, jobs: int = 1, progress: Watch | None = None
) -> Atlas:
    """The atlas of the given frameworks, of all that are installed by default.

    Parameters
    ----------
    frameworks
        Their names. Those that are not installed are listed in ``missing``, with what to install.
    jobs
        How many processes prove at a time. More than one needs a main module that can be
        imported: a script that calls this at its top level keeps it under
        ``if __name__ == "__main__"``. The result is the same for any number.
    progress
        Called as ``progress(stage, what, done, total)``; the stages are ``"lift"`` and
        ``"prove"``.

    Raises :class:`~symopt.errors.InputError` for a framework that symopt does not know.
    """
    watch = progress or (lambda stage, what, done, total: None)
    present: dict[str, int] = {}
    missing: list[tuple[str, str]] = []
    for framework in dict.fromkeys(frameworks or FRAMEWORKS):
        try:
            present[framework] = len(configurations(framework))
        except MissingExtraError as error:
            missing.append((framework, str(error)))
    with Work(jobs, watch) as work:
        groups = _lifted(present, work, watch)
        entries = tuple(_entries(groups, work))
        differences = _differences(entries, work)
        pairs = _pairs(entries, work)
    versions = tuple(
        (name, importlib.metadata.version(PACKAGES.get(name, name))) for name in present
    )
    rows = [row for group in groups.values() for row in group.rows]
    return Atlas(versions, tuple(missing), tally(rows), entries, pairs, differences)


# Lifting, and code paths that are one


@dataclass
class _Group:
    """An optimizer with its settings: the rows of all its code paths."""

    called: Called
    group: str
    rows: list[Lifted] = field(default_factory=list)


def _lifted(
    present: dict[str, int], work: Work, watch: Watch
) -> dict[tuple[str, str, Called], _Group]:
    """Everything lifted; questions are asked as soon as they are known."""
    groups: dict[tuple[str, str, Called], _Group] = {}
    done, total = 0, sum(present.values())

    def take(row: Lifted) -> None:
        nonlocal done
        done += 1
        watch("lift", f"{row.framework} {row.configuration}", done, total)
        parts = called(row.configuration)
        division = _division(row)
        key = row.framework, division, parts._replace(path="")
        group = groups.setdefault(key, _Group(parts, division))
        group.rows.append(row)
        leader = _leader(group)
        if row.rule is None or leader is None:
            return
        if row is leader:
            _ask_place(row, division, work)
        elif same_up_to_names(row.rule) != same_up_to_names(_rule(leader)):
            what = f"{row.framework} {parts.name}: {parts.path}"
            work.ask(_same(leader, row), what, same_with_states, _rule(leader), row.rule)

    for framework in present:
        watch("lift", framework, done, total)
        lift_counts(framework, take)
    return groups


#: Kinds that are printed together: an optimizer at its defaults, and with settings.
_OPTIMIZERS = ("optimizer", "variant")
#: Kinds of what gives a direction, and needs a learning rate to be a step.
_DIRECTIONS = ("transformation", "combinator", "schedule")


def _division(row: Lifted) -> str:
    """The part of a framework that a configuration belongs to."""
    return "optimizer" if row.kind in _OPTIMIZERS else row.kind


def _leader(group: _Group) -> Lifted | None:
    """The first code path that lifted to a rule; the others are compared with it."""
    return next((row for row in group.rows if row.rule is not None), None)


def _rule(row: Lifted) -> Rule:
    assert row.rule is not None
    return row.rule


def _same(first: Lifted, second: Lifted) -> Hashable:
    return "same", same_up_to_names(_rule(first)), same_up_to_names(_rule(second))


def _is_direction(division: str, name: str) -> bool:
    return division in _DIRECTIONS or name.rpartition(".")[2].startswith("scale_by_")


def _place_key(row: Lifted, division: str) -> Hashable:
    name = called(row.configuration).name
    return same_up_to_names(_rule(row)), nearest(name), _is_direction(division, name)


def _ask_place(row: Lifted, division: str, work: Work) -> None:
    name = called(row.configuration).name
    work.ask(
        _place_key(row, division), f"{row.framework} {row.configuration}",
        placed, _rule(row), nearest(name), _is_direction(division, name),
    )  # fmt: skip


# Entries


@dataclass
class _Form:
    """One statement of a group, in the code paths that have it."""

    row: Lifted
    paths: list[str]
    proved: bool = False


def _forms(group: _Group, work: Work) -> list[_Form]:
    """The statements of a group: code paths that are proved to be one are one."""
    forms: list[_Form] = []
    leader = _leader(group)
    for row in group.rows:
        path = called(row.configuration).path
        for form in forms:
            if row.rule is None or form.row.rule is None:
                if (row.rule, row.program, row.reason) == (
                    form.row.rule, form.row.program, form.row.reason,
                ):  # fmt: skip
                    form.paths.append(path)
                    break
                continue
            if same_up_to_names(row.rule) == same_up_to_names(form.row.rule):
                form.paths.append(path)
                break
            if form.row is leader and work.answer(_same(leader, row)):
                form.paths.append(path)
                form.proved = True
                break
        else:
            forms.append(_Form(row, [path]))
    return forms


def _entries(groups: dict[tuple[str, str, Called], _Group], work: Work) -> Iterator[Entry]:
    forms = {key: _forms(group, work) for key, group in groups.items()}
    for key, group in groups.items():
        for form in forms[key]:
            if form.row.rule is not None:
                _ask_place(form.row, group.group, work)
    met: dict[tuple[str, str, Hashable], str] = {}
    for key, group in groups.items():
        for form in forms[key]:
            entry = _entry(group, form, work)
            if form.row.rule is not None:
                # Transformations that wrap another one, and leave it as it is.
                statement = entry.framework, "", same_up_to_names(form.row.rule)
                entry = replace(entry, twin=met.get(statement, ""))
                met.setdefault(statement, entry.label)
            yield entry


def _entry(group: _Group, form: _Form, work: Work) -> Entry:
    row, parts = form.row, group.called
    shared = "with states" if form.proved else "the same statement"
    blank = Entry(
        row.framework, group.group, parts.name, parts.settings,
        tuple(path for path in form.paths if path), shared if len(form.paths) > 1 else "",
        len(form.paths), "program" if row.program else "refused", reason=row.reason,
        nearest=nearest(parts.name),
    )  # fmt: skip
    if row.rule is None:
        return blank
    found: Found = work.answer(_place_key(row, group.group))
    # "SGD" promises no more than what its settings make it.
    promised = found.stated if found.stated and bare(parts.name) == "sgd" else blank.nearest
    return replace(
        blank,
        nearest=promised,
        status="rule" if found.stated else "other",
        rule=found.subject,
        direction=found.direction,
        stated=found.stated,
        map=found.map,
        against=found.against,
        reason=found.reason,
    )


# Comparisons between rules


def _differences(
    entries: Sequence[Entry], work: Work
) -> tuple[tuple[tuple[str, str], Comparison], ...]:
    """How the rules that were found compare with the rules of the optimizers' names."""
    wanted = dict.fromkeys(
        (entry.stated, entry.nearest)
        for entry in entries
        if entry.stated and entry.nearest and entry.stated != entry.nearest
    )
    for stated, named in wanted:
        what = f"{stated} against {named}"
        work.ask((stated, named), what, compared, rules[stated], rules[named])
    return tuple((pair, work.answer(pair)) for pair in wanted)


def _pairs(entries: Sequence[Entry], work: Work) -> tuple[Pair, ...]:
    """Optimizers of one name and the same settings in two frameworks."""
    first: dict[tuple[str, tuple[tuple[str, str], ...], str], Entry] = {}
    for entry in entries:
        if entry.rule is not None and entry.group in ("optimizer", "alias") and not entry.direction:
            told = tuple(setting for setting in entry.settings if setting[0] != "lr")
            first.setdefault((bare(entry.name), told, entry.framework), entry)
    namesakes = []
    for (key, one), (other_key, other) in combinations(first.items(), 2):
        if key[:2] == other_key[:2] and "contrib" not in one.name + other.name:
            namesakes.append((one, other))
    for one, other in namesakes:
        what = f"{one.framework} {one.label} against {other.framework} {other.label}"
        work.ask(_pair_key(one, other), what, compared, _titled(one), _titled(other))
    return tuple(
        Pair((one.framework, one.label), (other.framework, other.label),
             work.answer(_pair_key(one, other)))
        for one, other in namesakes
    )  # fmt: skip


def _pair_key(first: Entry, second: Entry) -> Hashable:
    return (first.framework, first.label), (second.framework, second.label)


def _titled(entry: Entry) -> Rule:
    assert entry.rule is not None
    return entry.rule.named(entry.framework)
