"""Where a statement comes from: a paper with an equation, or a framework with a version."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from symopt.errors import StatementError, did_you_mean

__all__ = ["Reference", "Source", "references"]


@dataclass(frozen=True)
class Reference:
    """One entry of the bibliography (``symopt/catalogue/references.toml``).

    >>> Reference("me2026", "A rule of mine", "Me and You", 2026).kind
    'article'
    """

    key: str
    title: str
    authors: str
    year: int
    venue: str = ""
    url: str = ""
    kind: str = "article"


@cache
def references() -> dict[str, Reference]:
    """The bibliography, by key.

    >>> references()["kingma2015adam"].year
    2015
    """
    text = resources.files("symopt.catalogue").joinpath("references.toml").read_text("utf-8")
    entries: dict[str, dict[str, Any]] = tomllib.loads(text)
    return {key: Reference(key=key, **entry) for key, entry in entries.items()}


@dataclass(frozen=True)
class Source:
    """Where a statement comes from.

    ``key`` names an entry of the bibliography, ``locator`` the equation, algorithm or file and
    line. A rule in a user's own file need not touch the bibliography: it gives the ``reference``
    in the same place.

    >>> Source("kingma2015adam", "Algorithm 1").text
    'Kingma and Ba (2015), Algorithm 1'
    """

    key: str
    locator: str
    reference: Reference | None = None

    def __post_init__(self) -> None:
        if not self.key or not self.locator:
            raise StatementError(
                "a source needs a bibliography key and a locator (equation, algorithm or file "
                "and line)"
            )
        if self.reference is None:
            known = references()
            if self.key not in known:
                raise StatementError(
                    f"source key {self.key!r} is not in the bibliography; give "
                    f"Source(key, locator, reference=Reference(...))."
                    + did_you_mean(self.key, known)
                )
            object.__setattr__(self, "reference", known[self.key])

    @property
    def text(self) -> str:
        """Author, year and locator, as one cites in running text."""
        entry = self.reference
        assert entry is not None
        names = [name.strip() for name in entry.authors.split(" and ")]
        family = [name.split(",")[0].strip() for name in names]
        who = (
            family[0]
            if len(family) == 1
            else (f"{family[0]} and {family[1]}" if len(family) == 2 else f"{family[0]} et al.")
        )
        return f"{who} ({entry.year}), {self.locator}"
