"""A reference as a bibliography prints it, and as BibTeX."""

from __future__ import annotations

from symopt.statement.source import Reference

__all__ = ["bibtex", "entry"]

_ESCAPES = {"&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "$": r"\$"}


def entry(reference: Reference) -> str:
    """One entry in words; the address is left to the renderer.

    >>> entry(Reference("polyak1964some", "Some methods", "Polyak, Boris T.", 1964, "USSR CMMP"))
    'Boris T. Polyak (1964). Some methods. USSR CMMP.'
    """
    names = [_in_order(name) for name in reference.authors.split(" and ")]
    who = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
    parts = [f"{who} ({reference.year})", reference.title.rstrip(".")]
    if reference.venue:
        parts.append(reference.venue.rstrip("."))
    return ". ".join(parts) + "."


def _in_order(name: str) -> str:
    family, _, given = (part.strip() for part in name.partition(","))
    return f"{given} {family}".strip()


def bibtex(reference: Reference) -> str:
    """One BibTeX entry.

    >>> from symopt.statement.source import Reference
    >>> print(bibtex(Reference("cauchy1847methode", "Méthode", "Cauchy, Augustin", 1847)))
    @article{cauchy1847methode,
      title = {Méthode},
      author = {Cauchy, Augustin},
      year = {1847},
    }
    """
    field = {"inproceedings": "booktitle", "article": "journal", "book": "publisher"}.get(
        reference.kind, "howpublished"
    )
    values = {
        "title": reference.title,
        "author": reference.authors,
        "year": str(reference.year),
        field: reference.venue,
        "url": reference.url,
    }
    known = {"article", "inproceedings", "book", "techreport", "phdthesis"}
    kind = reference.kind if reference.kind in known else "misc"
    lines = [f"@{kind}{{{reference.key},"]
    for name, value in values.items():
        if value:
            text = value if name == "url" else "".join(_ESCAPES.get(c, c) for c in value)
            lines.append(f"  {name} = {{{text}}},")
    return "\n".join([*lines, "}"])
