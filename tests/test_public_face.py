"""What ``import symopt`` gives: nothing heavy, and names that explain themselves."""

import inspect
import json
import subprocess
import sys

import pytest

import symopt

HEAVY = ["matplotlib", "torch", "jax", "optax", "numba", "sklearn", "xarray", "sympy", "numpy",
         "flint", "click", "rich", "jinja2"]  # fmt: skip


def loaded_after(code):
    script = f"import sys, json\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(out.stdout.splitlines()[-1]))


def test_the_import_loads_nothing_else():
    loaded = loaded_after("import symopt; dir(symopt)")
    assert not loaded & set(HEAVY)
    assert {name for name in loaded if name.startswith("symopt.")} == set()


def test_statements_and_runs_need_no_drawing_and_no_framework():
    loaded = loaded_after("import symopt; symopt.run('adam', 'beale', steps=2, arithmetic='ball')")
    assert not loaded & {"matplotlib", "torch", "jax", "numba", "sklearn", "xarray", "click"}


@pytest.mark.parametrize("name", symopt.__all__)
def test_a_public_name_resolves_and_is_documented(name):
    value = getattr(symopt, name)
    document = inspect.getdoc(value)
    assert document, f"symopt.{name} has no docstring"
    assert len(document.splitlines()[0]) > 10
    assert name in dir(symopt)
    if inspect.isclass(value) and issubclass(value, symopt.SymoptError):
        return  # an error says when it is raised; its example is a failing call elsewhere
    if inspect.ismodule(value):
        return
    examples = [document, inspect.getsource(type(value)) if not callable(value) else ""]
    assert any(">>>" in text for text in examples), f"symopt.{name} has no running example"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'symopt' has no attribute 'adam'"):
        _ = symopt.adam


def test_every_error_is_one_of_ours_and_of_pythons():
    """``except ValueError`` and the like go on working for those who do not know symopt's own."""
    kin = {
        "InputError": ValueError, "StatementError": ValueError, "ParseError": ValueError,
        "UnknownNameError": LookupError, "InexactError": ArithmeticError,
        "UndefinedError": ArithmeticError, "UndecidedError": ArithmeticError,
        "OutputError": OSError, "MissingExtraError": ImportError, "BudgetError": Exception,
    }  # fmt: skip
    for name, python in kin.items():
        assert issubclass(getattr(symopt, name), python)
        assert issubclass(getattr(symopt, name), symopt.SymoptError)
