"""``symopt plot``: every kind of picture from the command line, and its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from symopt.cli import main

KINDS = {
    "trajectory": "momentum --on beale --steps 4 --window -5,5,-4,4 --highest 100",
    "distance": "momentum adam --on elongated_bowl --steps 4 --to 0,0",
    "error": "momentum --on beale --steps 4 --set eta=1/1000",
    "phase": "momentum --on half_square --against v --steps 9",
    "surface": "adam --on saddle --steps 4 --heights -3,2",
    "stability": "nesterov nesterov_new_velocity --curvature 1,4",
    "rate": "momentum --window 0,4,0,1",
    "root-locus": "momentum --along mu --set eta=1/2",
    "basins": "gradient_descent --on cubic --mesh 5 --steps 50 --set eta=1/20",
    "learning-rates": "gradient_descent --on half_square --mesh 9 --steps 9 --x0 1",
    "animate": "adam --on half_square --steps 3 --milliseconds 50",
}


def plotted(*words: str):
    return CliRunner().invoke(main, ["plot", *words])


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_writes_its_picture_and_says_what_it_shows(kind: str, tmp_path: Path) -> None:
    target = tmp_path / ("a.gif" if kind == "animate" else "a.png")
    done = plotted(kind, *KINDS[kind].split(), "-o", str(target))
    assert done.exit_code == 0, done.output
    assert target.read_bytes()[:4] in (b"\x89PNG", b"GIF8")
    rule = KINDS[kind].split()[0]
    assert rule.split("_")[0] in done.stdout.lower()


def test_a_system_is_drawn_by_one_command(tmp_path: Path) -> None:
    target = tmp_path / "n3a.png"
    done = plotted("--system", "N3a", "-o", str(target), "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["file"] == str(target)
    assert found["caption"].startswith("N3a: Gradient descent (η = 0.2), 20 steps;")


def test_the_ending_makes_it_move(tmp_path: Path) -> None:
    target = tmp_path / "a.gif"
    done = plotted("adam", "--on", "half_square", "--steps", "2", "-o", str(target))
    assert done.exit_code == 0, done.output
    assert target.read_bytes().startswith(b"GIF8")


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ("losess adam --on beale", ["'losess'", "'losses'"]),
        ("adma --on beale", ["'adma'", "'adam'"]),
        ("losses", ["needs a RULE"]),
        ("losses adam", ["needs --on"]),
        ("losses adam --on beale --mesh 3", ["--mesh", "losses"]),
        ("stability adam --on beale", ["--on", "stability"]),
        ("basins adam momentum --on beale", ["one rule, not 2"]),
        ("basins adam --on half_square", ["two variables"]),
        ("surface adam --on half_square", ["two variables"]),
        ("phase adam --on beale", ["one variable"]),
        ("trajectory adam --on beale --window 1,2,3", ["1,2,3"]),
        ("trajectory adam --on beale --window 2,1,3,4", ["empty"]),
        ("trajectory adam --on beale --highest tall", ["'tall'"]),
        ("trajectory adam --on beale --highest -1", ["above -1 in the whole window"]),
        ("animate adam --on beale --milliseconds 0", ["milliseconds"]),
        ("animate adam --on beale -o /nonexistent/a.gif", ["/nonexistent"]),
        ("adam --on beale -o a.docx", [".docx"]),
        ("losses adam --kind error --on beale", ["two kinds"]),
        ("adam --system N3a", ["leave out adam"]),
        ("--system N3a --steps 3", ["leave out --steps"]),
        ("--system N1", ["no picture"]),
        ("--system N9", ["N9"]),
    ],
)
def test_bad_input_is_refused_in_words(words: str, texts: list[str], tmp_path: Path) -> None:
    done = plotted(*words.split())
    assert done.exit_code == 2, done.output
    for text in texts:
        assert text in done.output
    assert "Traceback" not in done.output
