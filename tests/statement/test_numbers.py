"""What 0.9 means: nine tenths in a statement, a binary64 number to code that receives it."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import sympy
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from symopt import InputError
from symopt.statement.numbers import exact, rational, received

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9))
def test_a_decimal_is_exact_as_text_and_as_decimal(value):
    assert exact(str(value)) == exact(value) == received(str(value)) == Fraction(value)


@given(st.integers(), st.integers(min_value=1))
def test_a_ratio_is_exact(top, bottom):
    for value in (f"{top}/{bottom}", f" {top} / {bottom} ", Fraction(top, bottom),
                  sympy.Rational(top, bottom), fmpq(top, bottom)):  # fmt: skip
        assert exact(value) == received(value) == Fraction(top, bottom)


@given(finite)
def test_a_float_is_its_shortest_decimal_or_its_binary_value(value):
    assert received(value) == Fraction(value)
    assert exact(value) == Fraction(repr(value))
    assert float(exact(value)) == value
    assert received(np.float64(value)) == Fraction(value)
    assert exact(np.float64(value)) == exact(value)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float32_keeps_its_own_shortest_decimal(value):
    number = np.float32(value)
    assert received(number) == Fraction(float(number))
    assert np.float32(float(exact(number))) == number
    assert len(str(number)) <= 16


def test_nine_tenths():
    assert exact(0.9) == exact(np.float32(0.9)) == exact("0.9") == Fraction(9, 10)
    assert received(0.9) == Fraction(8106479329266893, 9007199254740992)
    assert received(np.float32(0.9)) == Fraction(15099494, 16777216)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.", 1), (".5", Fraction(1, 2)), ("+3", 3), ("-0", 0), ("-.25", Fraction(-1, 4)),
     ("1e-8", Fraction(1, 10**8)), ("1E+3", 1000), ("-1.5e2", -150), ("-7/3", Fraction(-7, 3)),
     ("007", 7), ("1e400", 10**400), ("0" * 5000 + "5", 5)],
)  # fmt: skip
def test_spellings(text, value):
    assert exact(text) == value
    assert received(text) == value


def test_numbers_of_any_length():
    """Python itself refuses to read more than 4300 digits."""
    assert exact("-" + "9" * 5000) == 1 - 10**5000
    assert exact("1/" + "3" * 4500) == Fraction(3, 10**4500 - 1)
    assert exact("0." + "0" * 4999 + "1") == Fraction(1, 10**5000)


@pytest.mark.parametrize(
    "value",
    ["", " ", "one", "1..2", "1e", "e5", "1/2/3", "1/", "/2", "0x10", "1_000", "nan", "inf",
     "1e9999999",
     "1 2", "--1", "1/-2", "1e1.5", math.nan, math.inf, -math.inf, np.float32("nan"),
     np.longdouble("inf"), Decimal("nan"), Decimal("inf"), True, np.True_, None, 1j,
     np.complex128(1), [1], (1, 2), {}, object(), b"1", sympy.pi, sympy.oo, sympy.nan,
     sympy.Symbol("x"), "1" * 100_001],
)  # fmt: skip
def test_what_is_no_number_is_refused_by_name(value):
    for read in (exact, received):
        with pytest.raises(InputError, match="rate"):
            read(value, "rate")


def test_division_by_zero_in_text():
    with pytest.raises(InputError, match="divides by zero"):
        exact("1/0")


@given(st.fractions())
def test_rational_is_the_same_number_to_sympy(value):
    quotient = rational(value)
    assert (int(quotient.p), int(quotient.q)) == (value.numerator, value.denominator)
