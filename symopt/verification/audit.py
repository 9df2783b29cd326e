"""``symopt.audit``: a framework's optimizers, as installed, against the rules that they follow."""

from __future__ import annotations

import importlib
import importlib.metadata
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from symopt.errors import UnknownNameError, did_you_mean
from symopt.statement.library import rules
from symopt.verification.audited import Case, received
from symopt.verification.implementation import Implementation
from symopt.verification.verdict import Verdict
from symopt.verification.verify import verify

__all__ = ["FRAMEWORKS", "Audit", "AuditRow", "audit"]

#: Framework -> the package whose version is reported.
FRAMEWORKS = {"torch": "torch", "optax": "optax", "sklearn": "scikit-learn", "keras": "keras"}
#: What a row says about a rule: that it is the optimizer's, a rival's, or what it does instead.
ROLES = ("statement", "rival", "defect")
_SYMBOLS = {"eta": "η", "mu": "μ", "tau": "τ", "lamda": "λ", "epsilon": "ε", "rho": "ρ",
            "beta1": "β₁", "beta2": "β₂", "beta3": "β₃", "kappa": "κ", "psi": "ψ"}  # fmt: skip


@dataclass(frozen=True)
class AuditRow:
    """One optimizer, in one dtype, against one rule.

    ``role`` is ``"statement"`` (the rule that it should follow), ``"rival"`` (one that it must be
    told apart from) or ``"defect"`` (what it does instead, where the statement is refuted).
    """

    optimizer: str
    dtype: str
    role: str
    rule: str
    hyperparameters: dict[str, float]
    status: str
    eta: float
    profile: str
    family: str
    step: int | None
    quantity: str
    reason: str

    @property
    def as_expected(self) -> bool:
        """Rivals are refuted, all others consistent."""
        return self.status == "refuted" if self.role == "rival" else self.status == "consistent"


@dataclass(frozen=True)
class Audit:
    """The table of an audit: optimizer, statement, verdict.

    ``entries`` are its rows; :attr:`rows` holds the same as plain data for JSON.
    """

    framework: str
    version: str
    entries: tuple[AuditRow, ...]
    seconds: float

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries of strings and numbers."""
        return [{**asdict(entry), "as_expected": entry.as_expected} for entry in self.entries]

    @property
    def departures(self) -> tuple[AuditRow, ...]:
        """Statements that were not found consistent, and rivals that were not refuted."""
        return tuple(entry for entry in self.entries if not entry.as_expected)

    @property
    def ok(self) -> bool:
        """Whether every optimizer follows its statement, and no rival's."""
        return not self.departures

    def __str__(self) -> str:
        head = ("optimizer", "dtype", "rule", "verdict", "eta", "why")
        lines = [head, *[_line(entry) for entry in self.entries]]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head) - 1)]
        body = [
            "  ".join([*[text.ljust(width) for text, width in zip(line[:-1], widths, strict=True)],
                       line[-1]]).rstrip()
            for line in lines
        ]  # fmt: skip
        return "\n".join([*body, "", self.summary])

    @property
    def summary(self) -> str:
        """One sentence per finding."""
        stated = [entry for entry in self.entries if entry.role == "statement"]
        rivals = [entry for entry in self.entries if entry.role == "rival"]
        found = [
            f"{self.framework} {self.version}: {_count(stated)} runs consistent with their "
            f"statement (largest eta {_largest(stated)}), {_count(rivals)} rivals refuted "
            f"(smallest eta {_smallest(rivals)}), {self.seconds:.0f} s"
        ]
        found += [
            f"{entry.optimizer}, {entry.dtype}: {entry.status} against {entry.rule}"
            + "".join(
                f"; it is {other.rule}: {rules[other.rule].defect}"
                for other in self.entries
                if other.role == "defect" and other.status == "consistent"
                and (other.optimizer, other.dtype) == (entry.optimizer, entry.dtype)
            )
            for entry in self.departures
        ]  # fmt: skip
        return "\n".join(found)


def _count(entries: Sequence[AuditRow]) -> str:
    return f"{sum(entry.as_expected for entry in entries)} of {len(entries)}"


def _largest(entries: Sequence[AuditRow]) -> str:
    return f"{max((e.eta for e in entries if e.as_expected), default=0.0):.3f}"


def _smallest(entries: Sequence[AuditRow]) -> str:
    return f"{min((e.eta for e in entries if e.as_expected), default=0.0):.3g}"


def _line(entry: AuditRow) -> tuple[str, ...]:
    given = ", ".join(
        f"{_SYMBOLS.get(name, name)}={value:g}" for name, value in entry.hyperparameters.items()
    )
    why = f"{entry.profile}; {entry.family}" if entry.status == "consistent" else entry.reason
    if entry.status == "refuted":
        why = f"step {entry.step}, {entry.quantity}"
    mark = "" if entry.as_expected else "  (!)"
    rule = f"{'not ' if entry.role == 'rival' else ''}{entry.rule}({given})"
    return entry.optimizer, entry.dtype, rule, entry.status + mark, f"{entry.eta:.3g}", why


def audit(
    framework: str,
    *,
    optimizers: Sequence[str] | None = None,
    dtypes: Sequence[str] | None = None,
    progress: Callable[[AuditRow], None] | None = None,
) -> Audit:
    """Check a framework's optimizers, as installed, against their statements and rivals.

    Every optimizer runs with settings that show its conventions, in every dtype of its case, on
    the standard probes. It must be consistent with its own rule and refuted against the rivals.

    Parameters
    ----------
    framework
        ``"torch"``, ``"optax"``, ``"sklearn"`` or ``"keras"``.
    optimizers, dtypes
        Only these: the framework's names (``"Adam"``), and ``"float64"`` and the like.
    progress
        Called with every row as it is decided.

    Raises
    ------
    UnknownNameError
        For a framework or an optimizer that is not audited.
    MissingExtraError
        Where the framework is not installed.
    """
    if framework not in FRAMEWORKS:
        raise UnknownNameError(
            f"no audit of {framework!r}; there are {', '.join(FRAMEWORKS)}."
            + did_you_mean(framework, FRAMEWORKS)
        )
    module = importlib.import_module(f"symopt.verification.audited.{framework}")
    cases: Sequence[Case] = module.CASES
    known = {case.optimizer for case in cases}
    for name in optimizers or ():
        if name not in known:
            raise UnknownNameError(
                f"no audit of {framework}'s {name!r}; there are {', '.join(sorted(known))}."
                + did_you_mean(name, known)
            )
    began = time.monotonic()
    entries: list[AuditRow] = []
    for case in cases:
        if optimizers is not None and case.optimizer not in optimizers:
            continue
        for dtype in case.formats:
            if dtypes is not None and dtype not in dtypes:
                continue
            for row in _case(case, module.adapted(case, dtype), dtype, module.NAMES):
                entries.append(row)
                if progress is not None:
                    progress(row)
    version = importlib.metadata.version(FRAMEWORKS[framework])
    return Audit(framework, version, tuple(entries), time.monotonic() - began)


def _case(case: Case, code: Implementation, dtype: str, names: Any) -> Iterator[AuditRow]:
    stated = _row(case, code, dtype, names, "statement", case.rule)
    yield stated
    if case.instead and stated.status == "refuted":
        yield _row(case, code, dtype, names, "defect", case.instead)
    for rival in case.rivals_in(dtype):
        yield _row(case, code, dtype, names, "rival", rival)


def _row(
    case: Case, code: Implementation, dtype: str, names: Any, role: str, name: str
) -> AuditRow:
    hyper: dict[str, Any] = received(case, rules.resolve(name), names)
    found: Verdict = verify(code, name, proof=False, **hyper)
    return AuditRow(
        case.text, dtype, role, name, hyper, found.status, found.eta, found.profile, found.family,
        found.step, found.quantity, found.reason,
    )  # fmt: skip
