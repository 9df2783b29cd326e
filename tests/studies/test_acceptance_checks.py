"""The study of acceptance checks, in its cheap half, and whole by hand."""

import pytest
from acceptance_checks import EIGHTEEN, altered, direction, parabola, rosenbrock, statement

from symopt.testing import mutation_score


def test_the_direction_test_sees_next_to_nothing_of_eighteen_altered_adams():
    assert len(set(EIGHTEEN)) == 18
    score = mutation_score(direction, "adam", altered(False))
    assert [outcome.mutant.description for outcome in score.outcomes if outcome.rejected] == [
        "v read before its update"
    ]


def test_verify_sees_all_of_them():
    score = mutation_score(statement, "adam", altered(False), "symopt")
    assert str(score) == "symopt: rejects 18 of 18 mutants of adam"


@pytest.mark.study
def test_convergence_sees_a_third():
    among = altered(False)
    seen = {
        check.__name__: mutation_score(check, "adam", among).rejected
        for check in (parabola, rosenbrock)
    }
    assert seen == {"parabola": 5, "rosenbrock": 5}
