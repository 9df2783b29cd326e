"""Libraries fill themselves: one file per family, nothing else to edit."""

import subprocess
import sys

import pytest

import symopt
from symopt import InputError, StatementError, UnknownNameError

RULE = """
from symopt import Rule, Source, Reference
from symopt.statement.symbols import *
signed = Rule("Signed", Source("me2026", "p. 1", reference=Reference("me2026", "T", "Me", 2026)),
              {eta: "1/10"}, {}, [(g, grad(x)), (x, x - eta*sign(g))])
_hidden = signed
doubled = signed.variant("Doubled", {x: x - 2*eta*sign(g)}, source=signed.source)
"""
OBJECTIVE = """
from symopt import Objective
tilted = Objective("(x - 1)**2 + x/10", variables="x", start=["2"])
"""


def test_a_file_is_a_family(tmp_path):
    file = tmp_path / "signs.py"
    file.write_text(RULE)
    library = symopt.rules.extended(file)
    assert set(library) - set(symopt.rules) == {"signed", "doubled"}
    assert library.signed.name == "signed"
    assert {library.signed.family, library.doubled.family} <= {"signs", "signed"}
    result = symopt.run(library.doubled, "half_square", ("1",), 2, "rational")
    assert result.x[-1, 0] == 1 - 2 * result.hyperparameters["eta"] * 2
    assert "signed" not in symopt.rules


def test_a_folder_may_hold_rules_and_objectives(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "objectives").mkdir()
    (tmp_path / "rules" / "signs.py").write_text(RULE)
    (tmp_path / "rules" / "_helper.py").write_text("raise RuntimeError")
    (tmp_path / "objectives" / "tilted.py").write_text(OBJECTIVE)
    assert "signed" in symopt.rules.extended(tmp_path)
    assert "tilted" in symopt.objectives.extended(tmp_path)


def test_the_environment_names_folders(tmp_path):
    (tmp_path / "signs.py").write_text(RULE)
    code = "import symopt; print(symopt.run('signed', 'half_square', (1,), 1).x[-1, 0])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                         env={"SYMOPT_CATALOGUE": str(tmp_path), "PATH": ""})  # fmt: skip
    assert out.stdout.strip() == "0.9"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("adam = 1\nfrom symopt.catalogue.rules.adam import adam", "'adam' is already stated"),
        ("1/0", "cannot be loaded: ZeroDivisionError"),
        ("import nothing_of_that_name", "cannot be loaded: ModuleNotFoundError"),
        ("def", "cannot be loaded: SyntaxError"),
        (RULE.replace("x - eta*sign(g)", "x - eta*gg"), "not defined"),
        (RULE.replace('"1/10"', '"-1"'), r"signs.py: rule 'Signed'.*outside the domain"),
    ],
)
def test_a_bad_file_is_named_with_its_error(tmp_path, text, message):
    file = tmp_path / "signs.py"
    file.write_text(text)
    with pytest.raises(StatementError, match=message) as caught:
        list(symopt.rules.extended(file))
    assert "signs.py" in str(caught.value)


def test_a_missing_folder_is_an_error():
    with pytest.raises(InputError, match="no file or folder 'nowhere'"):
        list(symopt.rules.extended("nowhere"))


def test_unknown_names():
    for access in (lambda: symopt.rules["adm"], lambda: symopt.rules.adm,
                   lambda: symopt.rules.resolve("adm")):  # fmt: skip
        with pytest.raises(UnknownNameError, match=r"no rule named 'adm'\. Did you mean 'adam"):
            access()
    with pytest.raises(UnknownNameError, match="symopt list objectives"):
        symopt.objectives["qqqqqq"]
    with pytest.raises(InputError, match=r"symopt\.Rule, not Objective"):
        symopt.rules.resolve(symopt.objectives.beale)
    assert not hasattr(symopt.rules, "adm")
    assert symopt.rules.get("adm") is None
    assert "adm" not in symopt.rules


def test_a_library_is_a_mapping():
    assert len(symopt.rules) == len(list(symopt.rules)) == len(set(symopt.rules))
    assert all(symopt.rules[name].name == name for name in symopt.rules)
    assert "adam" in dir(symopt.rules)
    assert "beale" in repr(symopt.objectives)
