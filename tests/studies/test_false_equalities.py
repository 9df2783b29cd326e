"""The study of false equalities, small in the first set and larger by hand."""

import pytest
from false_equalities import study


def test_no_false_equality_among_200_random_programs():
    proved, false = study(200, seed=5)
    assert proved > 30
    assert false == []


@pytest.mark.study
def test_no_false_equality_among_3000_random_programs():
    proved, false = study(3000, seed=6)
    assert proved > 500
    assert false == []
