"""The contract suite over the registry, with what SYMOPT_CATALOGUE adds."""

import pytest

import symopt
from symopt.testing import objective_checks, rule_checks


@pytest.mark.parametrize(
    "check", [check for name in symopt.rules for check in rule_checks(symopt.rules[name])], ids=str
)
def test_rule(check):
    check()


@pytest.mark.parametrize(
    "check",
    [check for name in symopt.objectives for check in objective_checks(symopt.objectives[name])],
    ids=str,
)
def test_objective(check):
    check()
