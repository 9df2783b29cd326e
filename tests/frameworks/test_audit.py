"""Framework optimizers as installed: every one is its rule, and none is a rival."""

import importlib
import importlib.metadata
import importlib.util
import json

import pytest

import symopt
from symopt import UnknownNameError
from symopt.verification.audit import FRAMEWORKS, audit
from symopt.verification.audited import Case, received

pytestmark = pytest.mark.frameworks


def module(framework):
    return importlib.import_module(f"symopt.verification.audited.{framework}")


@pytest.fixture(scope="module")
def torch_audit():
    pytest.importorskip("torch")
    return audit("torch")


@pytest.fixture(scope="module")
def optax_audit():
    pytest.importorskip("optax")
    return audit("optax")


def test_every_torch_optimizer_is_its_rule_and_no_rival(torch_audit):
    assert torch_audit.departures == ()
    assert torch_audit.ok
    assert len([e for e in torch_audit.entries if e.role == "statement"]) >= 130
    assert all(e.eta <= 1 for e in torch_audit.entries if e.status == "consistent")


def test_every_torch_row_has_a_rival_that_is_refuted(torch_audit):
    stated = {(e.optimizer, e.dtype) for e in torch_audit.entries if e.role == "statement"}
    refuted = {
        (e.optimizer, e.dtype)
        for e in torch_audit.entries
        if e.role == "rival" and e.status == "refuted"
    }
    assert stated == refuted


def test_torch_is_audited_as_loop_foreach_and_fused_in_three_dtypes(torch_audit):
    runs = {(e.optimizer, e.dtype) for e in torch_audit.entries}
    for dtype in ("float64", "float32", "bfloat16"):
        for way in ("", ", foreach=True", ", fused=True"):
            assert (f"Adam(lr=0.1, betas=(0.9, 0.99), eps=1e-08{way})", dtype) in runs


def test_only_nadam_needs_single_precision_state_in_double(torch_audit):
    needs = {
        e.rule
        for e in torch_audit.entries
        if e.status == "consistent" and e.dtype == "float64" and e.profile != "float64"
    }
    assert needs == {"nadam", "nadamw"}


def test_optax_follows_its_rules_but_for_two(optax_audit):
    if importlib.metadata.version("optax") != "0.2.8":
        pytest.skip("the two defects are those of optax 0.2.8")
    found = {(e.optimizer.partition("(")[0], e.rule, e.status) for e in optax_audit.departures}
    assert found == {("rprop", "rprop", "refuted"), ("adan", "adan", "refuted")}
    defects = {(e.rule, e.dtype, e.status) for e in optax_audit.entries if e.role == "defect"}
    assert defects == {
        (rule, dtype, "consistent")
        for rule in ("rprop_optax", "adan_optax")
        for dtype in ("float64", "float32")
    }
    assert not optax_audit.ok


def test_the_report_names_a_defect_and_says_what_it_is(optax_audit):
    if importlib.metadata.version("optax") != "0.2.8":
        pytest.skip("the two defects are those of optax 0.2.8")
    text = str(optax_audit)
    assert "it is rprop_optax: departs from Igel and Huesken (2000)" in text
    assert "it is adan_optax: departs from Xie et al. (2024)" in text
    assert "refuted  (!)" in text


def test_scikit_learns_optimizers_are_their_rules():
    pytest.importorskip("sklearn")
    found = audit("sklearn")
    assert found.ok
    assert {e.rule for e in found.entries if e.role == "statement"} == {
        "momentum", "nesterov_keras", "adam_epsilon_hat",
    }  # fmt: skip


def test_keras_optimizers_are_their_rules():
    if importlib.util.find_spec("keras") is None:
        pytest.skip("needs keras")
    found = audit("keras", dtypes=["float64"])
    assert found.departures == ()


def test_rows_are_plain_data(optax_audit):
    again = json.loads(json.dumps(optax_audit.rows, allow_nan=True))
    assert len(again) == len(optax_audit.entries)
    assert {"optimizer", "rule", "status", "eta", "profile", "reason", "as_expected"} <= set(
        again[0]
    )


def test_rows_are_reported_as_they_are_decided_and_may_be_chosen():
    pytest.importorskip("torch")
    seen = []
    found = audit("torch", optimizers=["Adagrad"], dtypes=["float32"], progress=seen.append)
    assert tuple(seen) == found.entries
    assert {e.dtype for e in seen} == {"float32"}
    assert all(e.optimizer.startswith("Adagrad(") for e in seen)


def test_unknown_frameworks_and_optimizers_are_named():
    with pytest.raises(UnknownNameError, match=r"no audit of 'troch'.*Did you mean 'torch'"):
        audit("troch")
    with pytest.raises(UnknownNameError, match=r"'Adm'.*Did you mean 'Adam'"):
        audit("torch", optimizers=["Adm"])


# -- the tables ---------------------------------------------------------------------------------
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_case_states_known_rules_and_every_setting_is_theirs_or_a_choice_of_form(framework):
    home = module(framework)
    for case in home.CASES:
        names = [case.rule, *case.rivals, *case.fine, *case.coarse]
        if case.instead:
            assert symopt.rules[case.instead].defect
        assert all(name in symopt.rules for name in names)
        assert len(set(names[1:]) & {case.rule}) == 0
        given = received(case, symopt.rules[case.rule], home.NAMES)
        # Every hyperparameter of the rule is given: no default of ours stands for a framework's.
        known = {entry.name for entry in symopt.rules[case.rule].parameters}
        zero = {"tau", "kappa", "lamda", "epsilon_root"}
        assert known - set(given) <= zero, f"{case.text}: {known - set(given)}"


def test_a_setting_reaches_the_hyperparameter_of_its_name():
    case = Case("X", {"lr": 0.5, "betas": (0.1, 0.2), "nesterov": True}, "adam", ())
    names = {"lr": "eta", "betas": ("beta1", "beta2")}
    assert received(case, symopt.rules.adam, names) == {"eta": 0.5, "beta1": 0.1, "beta2": 0.2}
    assert received(case, symopt.rules.gradient_descent, names) == {"eta": 0.5}
