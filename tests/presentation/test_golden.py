"""Layout as it was looked at: one document with every kind of block, in every text format.

Golden files guard the layout alone; what formulas say is proved elsewhere. After a change that was
looked at and is wanted, run this file with Python to write them anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from test_document import sample

from symopt.presentation.page import fragment

GOLDEN = Path(__file__).parent / "golden"


def rendered() -> dict[str, str]:
    document = sample("A document with every kind of block")
    names = ["picture.png"]
    return {
        "sample.tex": document.latex(names),
        "sample.md": document.markdown(names),
        "sample.html": fragment(document) + "\n",
        "sample.txt": document.text(72) + "\n",
    }


@pytest.mark.parametrize("name", list(rendered()))
def test_the_layout_is_the_one_that_was_looked_at(name: str) -> None:
    path = GOLDEN / name
    assert rendered()[name] == path.read_text("utf-8"), (
        f"{path.name} has changed; look at it, and run python {Path(__file__).name} if it is wanted"
    )


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for file, text in rendered().items():
        (GOLDEN / file).write_text(text, "utf-8")
