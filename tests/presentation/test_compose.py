"""Documents put together from results: what is in them is computed, wrong lines are refused."""

from fractions import Fraction

import pytest
import sympy

import symopt
from symopt.errors import DerivationError, InputError
from symopt.presentation.document import Section, plain
from symopt.symbols import beta, eta, mu


def test_a_part_that_is_no_result_is_refused_by_its_kind():
    with pytest.raises(InputError, match="float is no part of a document"):
        symopt.compose("Nothing", 0.5)


def test_results_become_sections_and_bring_their_sources():
    page = symopt.compose(
        "All", symopt.rules.momentum, symopt.objectives.cubic, symopt.stability("nesterov")
    )
    assert [plain(part.title) for part in page.blocks if isinstance(part, Section)] == [
        "Momentum", "Cubic", "Stability of Nesterov momentum",
    ]  # fmt: skip
    years = {reference.year for reference in page.bibliography}
    assert years == {2013, 2022}


def test_sources_inside_of_blocks_are_cited_too():
    parts = symopt.compare("momentum", "heavy_ball").blocks
    assert "Polyak" in symopt.compose("Two", *parts).bibtex()


def test_an_identity_is_proved_and_a_wrong_one_names_itself():
    right = symopt.equations((1 - beta**2, (1 - beta) * (1 + beta), "factored"))
    assert right.lines[0].right[0].text
    with pytest.raises(DerivationError, match=r"beta\*\*2.* does not hold"):
        symopt.equations((1 - beta**2, (1 - beta) * (1 - beta)))


def test_a_continued_line_must_equal_the_one_above_it():
    symopt.equations(("x_1", (1 + mu) ** 2), (None, 1 + 2 * mu + mu**2))
    with pytest.raises(DerivationError):
        symopt.equations(("x_1", (1 + mu) ** 2), (None, 1 + mu**2))


def test_prose_puts_results_in_their_places_and_counts_them():
    told = symopt.prose("{}{} at {}, {}.", eta, mu, Fraction(1, 3), (0, sympy.Rational(1, 2)))
    assert plain(told.spans) == "ημ at 1/3, (0, 1/2)."
    with pytest.raises(InputError, match="2 places for 1"):
        symopt.prose("{} {}", 1)
    with pytest.raises(InputError, match=r"None .* is nothing that prose"):
        symopt.prose("{}", None)


def test_sections_are_chosen_by_title_and_a_wrong_title_is_named():
    page = symopt.stability("heavy_ball").document()
    assert len(page.only("How fast").blocks) == 1
    assert len(page.without("How fast").blocks) == len(page.blocks) - 1
    with pytest.raises(InputError, match="no section 'How slow'"):
        page.only("How slow")
