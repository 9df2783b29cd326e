"""Code that cheats is never proved: what a lift cannot see keeps a proof from being made."""

import functools
import inspect
import linecache
import sys
from pathlib import Path

import numpy as np
import pytest

import symopt
from symopt.verification.trust.genuine import Doubt, text_of

sys.path.insert(0, str(Path(__file__).parent))
import hostile_code

sys.path.pop(0)

HELPERS = {"Base", "Number", "Array", "Meta", "switching", "make_captured", "sqrt_of",
           "other_arguments", "_patched_rate"}  # fmt: skip
#: Those that are what they seem; they show that the table can tell.
HONEST = {"GlobalSwitch", "through_root", "BySign"}
HOSTILE = {
    name: thing
    for name, thing in vars(hostile_code).items()
    if getattr(thing, "__module__", "") == "hostile_code"
    and (inspect.isclass(thing) or inspect.isfunction(thing))
    and name not in HELPERS | HONEST
}
#: Seen in the formula, with what shows there.
REFUTED = {
    "AtStep7": "g7/4", "FromStep50": "g50/4", "FromStep1000": "g1000/4",
    "LargeGradient": "1000000", "TinyGradient": "1/1000000000000000000000000000000",
    "ExactGradient": "7361/10000", "ExactPoint": "101/8", "FarPoint": "1000",
    "Clipped": "1000000000000", "AsksType": "1000000", "Swallowing": "1000000",
    "OddNumber": "1000000", "Mutates": "1000000", "Dunder": "1000000", "early": "5/16",
    "captured": "1000000", "Patched": "1000000",
}  # fmt: skip


@functools.cache
def verdict(name):
    if name == "Shares":
        return symopt.verify(HOSTILE[name], "momentum_buffer", eta=0.5, mu=0.5)
    return symopt.verify(HOSTILE[name], "gradient_descent", eta=0.5)


def test_there_are_at_least_30_ways_to_cheat():
    assert len(HOSTILE) >= 70


@pytest.mark.parametrize("name", HOSTILE)
def test_code_that_cheats_is_never_proved(name):
    found = verdict(name)
    assert found.status in ("refuted", "undecided", "consistent")
    assert found.reason, "without a proof the verdict says why"


@pytest.mark.parametrize("name", REFUTED)
def test_what_the_formula_shows_is_refuted_with_it(name):
    found = verdict(name)
    assert found.status == "refuted"
    assert REFUTED[name] in str(found.difference)


def test_a_switch_at_the_millionth_step_is_named():
    assert "changes at step 1000000" in verdict("FromStepMillion").reason


def test_honest_code_in_the_same_file_is_proved():
    found = symopt.verify(hostile_code.through_root, "gradient_descent", eta=0.5)
    assert found.status == "proved"
    assert found.certificate


def test_a_constant_of_the_module_that_was_changed_is_seen(monkeypatch):
    assert symopt.verify(hostile_code.GlobalSwitch, "gradient_descent", eta=0.5).status == "proved"
    monkeypatch.setattr(hostile_code, "HONEST", False)
    found = symopt.verify(hostile_code.GlobalSwitch, "gradient_descent", eta=0.5)
    assert found.status == "consistent"
    assert "HONEST is False, and no longer True as written" in found.reason


def test_numpy_functions_that_were_replaced_are_seen(monkeypatch):
    def root(x):
        return np.sqrt(x) if type(x) is np.ndarray else x**0.5

    class Fake:
        sqrt = staticmethod(root)

    monkeypatch.setattr(np, "sqrt", np.frompyfunc(lambda x: float(x) ** 0.5, 1, 1))
    found = symopt.verify(hostile_code.through_root, "gradient_descent", eta=0.5)
    assert found.status != "proved"
    monkeypatch.setattr(hostile_code, "np", Fake)
    assert symopt.verify(hostile_code.through_root, "gradient_descent", eta=0.5).status != "proved"


def test_a_method_that_was_replaced_after_loading_is_seen(monkeypatch):
    class Elsewhere:
        def rate(self, x, g):
            return 0.5

    monkeypatch.setattr(hostile_code.Base, "rate", Elsewhere.rate)
    found = symopt.verify(hostile_code.Base, "gradient_descent", eta=0.5)
    assert found.status == "consistent"
    assert "was replaced" in found.reason


def test_defaults_that_were_replaced_are_seen(monkeypatch):
    monkeypatch.setattr(hostile_code.Base.update, "__defaults__", (None,))
    assert symopt.verify(hostile_code.Base, "gradient_descent", eta=0.5).status != "proved"


def test_a_maker_that_may_make_something_else_is_seen():
    made = []

    def make():
        made.append(1)
        return hostile_code.Base() if len(made) < 1000 else hostile_code.FromStep50()

    code = symopt.Implementation.from_update(make)
    found = symopt.verify(code, "gradient_descent", eta=0.5)
    assert found.status == "consistent"
    assert "more than call" in found.reason


def test_an_object_that_says_other_settings_than_it_uses_is_seen(tmp_path, monkeypatch):
    (tmp_path / "lying.py").write_text(
        "class Lying:\n"
        "    def __init__(self, lr=0.5):\n"
        "        self.lr, self.own = 0.5, lr\n"
        "    def update(self, params, grads):\n"
        "        for key in params:\n"
        "            params[key] = params[key] - self.own * grads[key]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import lying

    code = symopt.Implementation.from_update(lambda: lying.Lying(0.25))
    found = symopt.verify(code, "gradient_descent", eta=0.25)
    assert found.status == "consistent"
    assert "settings" in found.reason


def test_source_that_python_shows_and_the_disk_does_not_hold_is_seen(tmp_path):
    file = tmp_path / "shown.py"
    file.write_text("a = 1\n")
    assert text_of(str(file)).source == "a = 1\n"
    linecache.cache[str(file)] = (6, None, ["a = 2\n"], str(file))
    with pytest.raises(Doubt, match="is not the source"):
        text_of(str(file))
    del linecache.cache[str(file)]


def test_without_a_proof_runs_alone_decide():
    found = symopt.verify(hostile_code.through_root, "gradient_descent", eta=0.5, proof=False)
    assert (found.status, found.reason) == ("consistent", "")


def test_another_learning_rate_than_received_is_not_proved():
    found = symopt.verify(hostile_code.through_root, "gradient_descent", eta=0.25)
    assert found.status == "refuted"
    assert str(found.difference) in ("-g1/4", "g1/4", "-g1/4")
