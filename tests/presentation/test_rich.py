"""In a notebook every value shows itself, in formats that parse, and nothing is loaded before."""

from __future__ import annotations

import subprocess
import sys

import pytest

import symopt
from symopt.presentation.rich import bundle, sheet


def values() -> list[object]:
    return [
        symopt.rules.adam,
        symopt.objectives.cubic,
        symopt.models.ridge,
        symopt.run("momentum", "cubic", steps=3),
        symopt.run("momentum", "half_square", steps=3, arithmetic="rational", x0=["1"]),
        symopt.prove("momentum", "heavy_ball"),
        symopt.unroll("momentum", steps=2),
        symopt.unroll("momentum", "half_square", steps=2),
        symopt.identify(
            symopt.Implementation.from_step(lambda x, g, state: (x - g / 2, state)), eta=0.5
        ),
    ]


def test_every_kind_of_value_is_shown_in_every_format() -> None:
    html5lib = pytest.importorskip("html5lib")
    for value in values():
        made = value._repr_mimebundle_()  # type: ignore[attr-defined]
        assert made == bundle(value)
        html5lib.HTMLParser(strict=True).parse(
            f"<!DOCTYPE html><title>x</title>{made['text/html']}"
        )
        assert made["text/markdown"].startswith("# ")
        assert made["text/plain"] == str(value)
        assert "\\documentclass" not in made["text/latex"]


def test_a_verdict_shows_its_status_and_a_rule_its_lines() -> None:
    assert 'class="badge good"' in bundle(symopt.prove("momentum", "heavy_ball"))["text/html"]
    assert r"v_t &\gets" in bundle(symopt.rules.momentum)["text/latex"]


def test_a_value_without_a_sheet_is_named() -> None:
    with pytest.raises(TypeError, match="int has no sheet"):
        sheet(1)


def test_statements_load_no_presentation_before_they_are_shown() -> None:
    code = (
        "import sys, symopt; symopt.rules.adam; symopt.objectives.beale;"
        "print([m for m in sys.modules if 'presentation' in m])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
