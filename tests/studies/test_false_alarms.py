"""The study of false alarms, small in the first set and larger by hand."""

import pytest
from false_alarms import FAMILIES, study


def rows(steps, seed):
    found = list(study(steps, seed))
    assert sum(row.steps for row in found) >= steps * 0.9
    return found


def test_at_least_five_orders_of_each_rule():
    assert set(FAMILIES) == {"Adam", "momentum", "Nesterov", "RMSProp", "AdaGrad"}
    assert min(len(codes) for _, codes in FAMILIES.values()) >= 5


def test_no_false_alarm_in_900_random_steps():
    found = rows(900, seed=11)
    assert [(row.code, row.dtype) for row in found if row.alarms or row.undecided] == []
    # The bound is no excuse: some correct run comes close to it.
    assert max(row.eta for row in found) > 0.9


@pytest.mark.study
def test_no_false_alarm_in_20000_random_steps():
    found = rows(20_000, seed=12)
    assert [(row.code, row.dtype) for row in found if row.alarms or row.undecided] == []
