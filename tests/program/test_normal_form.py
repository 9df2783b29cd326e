"""What the normal form proves, and above all what it must not prove."""

from fractions import Fraction

import pytest

from symopt.program.graph import Graph
from symopt.program.normal_form import proved_equal, settled
from symopt.program.ranges import Range

UNIT = Range(nonnegative=True, unit=True)
NONNEGATIVE = Range(nonnegative=True)
COUNTER = {"t": Range.counter(1), "b": UNIT, "c": UNIT}


class Terms:
    """Short names for the nodes of one graph."""

    def __init__(self):
        self.graph = Graph()

    def __getattr__(self, name):
        return self.graph.input(name)

    def __call__(self, op, *args):
        return self.graph.apply(op, *[self.number(a) if isinstance(a, Number) else a for a in args])

    def number(self, number):
        return self.graph.const(number.value)

    def equal(self, left, right, ranges=None):
        left, right = (self.number(a) if isinstance(a, Number) else a for a in (left, right))
        return proved_equal(
            self.graph.program({"o": left}), self.graph.program({"o": right}), ranges=ranges
        )


class Number:
    """A constant, told apart from the index of a node."""

    def __init__(self, value):
        self.value = Fraction(value)


@pytest.fixture
def f():
    return Terms()


# Roots


def test_the_root_of_a_square_is_the_absolute_value(f):
    root = f("sqrt", f("mul", f.x, f.x))
    assert f.equal(root, f("abs", f.x))
    assert not f.equal(root, f.x)
    assert f.equal(root, f.x, {"x": NONNEGATIVE})


def test_a_root_is_not_split_along_factors_of_unknown_sign(f):
    # Both factors may be negative: sqrt(x y) exists and sqrt(x) sqrt(y) does not, and with |x| it
    # is another function where x y < 0.
    joint = f("sqrt", f("mul", f.x, f.y))
    assert not f.equal(joint, f("sqrt", f("abs", f("mul", f.x, f.y))))


def test_a_root_is_split_where_both_programs_need_it(f):
    assert f.equal(f("sqrt", f("div", f.x, f.y)), f("div", f("sqrt", f.x), f("sqrt", f.y)))


def test_the_sign_of_a_negative_divisor_is_not_lost(f):
    # sqrt(x / y**2) is sqrt(x) / |y|, and not sqrt(x) / y.
    root = f("sqrt", f("div", f.x, f("mul", f.y, f.y)))
    assert not f.equal(root, f("div", f("sqrt", f.x), f.y))
    assert f.equal(root, f("div", f("sqrt", f.x), f("abs", f.y)))


def test_the_corrected_second_moment_is_split(f):
    correction = f("sub", Number(1), f("pow", f.b, f.t))
    joint = f("sqrt", f("div", f.v, correction))
    split = f("div", f("sqrt", f.v), f("sqrt", correction))
    assert f.equal(joint, split, COUNTER)


def test_one_less_a_decay_may_be_taken_out_of_a_root(f):
    weight = f("sub", Number(1), f.b)
    root = f("sqrt", f("mul", weight, f("mul", f.g, f.g)))
    assert f.equal(root, f("mul", f("sqrt", weight), f("abs", f.g)), {"b": UNIT})
    assert not f.equal(root, f("mul", f("sqrt", weight), f.g), {"b": UNIT})


def test_epsilon_inside_and_outside_of_the_root_differ(f):
    inside = f("sqrt", f("add", f.v, f.e))
    assert not f.equal(inside, f("add", f("sqrt", f.v), f.e), {"v": NONNEGATIVE, "e": NONNEGATIVE})
    assert not f.equal(inside, f("add", f("sqrt", f.v), f("sqrt", f.e)))


# Signs


@pytest.mark.parametrize("ranges", [None, {"x": NONNEGATIVE}])
def test_the_sign_is_zero_at_zero(f, ranges):
    assert not f.equal(f("sign", f.x), Number(1), ranges)
    assert not f.equal(f("mul", f("sign", f.x), f("sign", f.x)), Number(1), ranges)
    assert not f.equal(f("sign", f("mul", f.x, f.x)), Number(1), ranges)


def test_the_sign_of_a_positive_number_is_one(f):
    assert f.equal(f("sign", f.x), Number(1), {"x": Range(nonnegative=True, positive=True)})


def test_sign_times_size_is_the_number(f):
    assert f.equal(f("mul", f("sign", f.x), f("abs", f.x)), f.x)
    assert f.equal(f("mul", f("abs", f.x), f("abs", f.x)), f("mul", f.x, f.x))


def test_maxima_by_any_name(f):
    larger = f("max", f.x, f.y)
    assert f.equal(larger, f("max", f.y, f.x))
    assert f.equal(larger, f("select", f("lt", f.x, f.y), f.y, f.x))
    assert f.equal(larger, f("neg", f("min", f("neg", f.x), f("neg", f.y))))
    assert f.equal(f("max", f.x, f.x), f.x)
    assert not f.equal(larger, f.x)
    assert not f.equal(larger, f("min", f.x, f.y))


def test_comparisons_tell_less_from_at_most(f):
    less, most = f("lt", f.x, f.y), f("le", f.x, f.y)
    assert not f.equal(less, most)
    assert f.equal(less, f("not", f("le", f.y, f.x)))
    assert f.equal(f("or", less, f("eq", f.x, f.y)), most)


# Powers


def test_powers_with_a_shifted_exponent(f):
    power = f("pow", f.b, f.t)
    later, earlier = (
        f("pow", f.b, f("add", f.t, Number(1))),
        f("pow", f.b, f("sub", f.t, Number(1))),
    )
    assert f.equal(later, f("mul", f.b, power), COUNTER)
    assert f.equal(power, f("mul", f.b, earlier), COUNTER)
    assert f.equal(later, f("mul", f("mul", f.b, f.b), earlier), COUNTER)
    assert not f.equal(later, power, COUNTER)
    assert not f.equal(power, f.b, COUNTER)
    assert not f.equal(power, f("pow", f.c, f.t), COUNTER)


def test_powers_of_powers(f):
    twice = f("pow", f.b, f("mul", Number(2), f.t))
    power = f("pow", f.b, f.t)
    assert f.equal(twice, f("mul", power, power), COUNTER)


def test_a_power_with_exponent_zero_is_one_even_at_base_zero(f):
    # b**(t - 1) is 1 at b = 0, t = 1: dividing b**t by b must not be proved the same there.
    earlier = f("pow", f.b, f("sub", f.t, Number(1)))
    program = f.graph.program({"o": f("sub", Number(1), earlier)})
    other = f.graph.program({"o": f("sub", Number(1), f("pow", f.b, f.t))})
    assert not proved_equal(program, other, ranges=COUNTER)


def test_real_exponents_add_up_only_over_positive_bases(f):
    sum_of = f("pow", f.b, f("add", f.p, f.q))
    parts = f("mul", f("pow", f.b, f.p), f("pow", f.b, f.q))
    assert not f.equal(sum_of, parts)
    assert f.equal(sum_of, parts, {"b": Range(nonnegative=True, positive=True)})


# Branches


def test_a_branch_that_is_not_taken_may_be_undefined(f):
    positive = f("lt", Number(0), f.x)
    quotient = f("div", f.y, f.x)
    assert f.equal(
        f("select", positive, quotient, Number(1)),
        f("select", positive, f("mul", f.y, f("div", Number(1), f.x)), Number(1)),
    )
    # At x = 0 the division by x is not carried out, and what stands there must be the same.
    at_zero = f("eq", f.x, Number(0))
    assert not f.equal(f("select", at_zero, Number(5), f("div", f.x, f.x)), Number(1))
    assert not f.equal(
        f("select", positive, quotient, Number(1)), f("select", positive, quotient, Number(2))
    )


def test_a_condition_is_used_inside_of_its_branch(f):
    positive = f("lt", Number(0), f.x)
    size = f("div", f("sqrt", f("mul", f.x, f.x)), f.x)
    assert f.equal(f("select", positive, size, Number(1)), Number(1))
    assert not f.equal(f("select", f("lt", f.x, Number(0)), size, Number(1)), Number(1))


def test_what_a_branch_needs_is_no_fact_outside_of_it(f):
    # A root in two branches of different conditions is needed in neither, if neither is taken.
    root = f("sqrt", f.y)
    first = f("select", f("lt", Number(0), f.x), root, Number(0))
    second = f("select", f("lt", Number(0), f.z), root, Number(0))
    both = f("add", first, second)
    assert not f.equal(f("add", both, f("abs", f.y)), f("add", both, f.y))
    assert f.equal(f("add", root, f("abs", f.y)), f("add", root, f.y))


def test_a_condition_without_a_value_is_no_fact(f):
    # At x = 0 the inner condition is never asked, and neither it nor its opposite holds.
    inner = f("lt", Number(0), f("div", f.y, f.x))
    at_zero = f("eq", f.x, Number(0))
    left = f("select", at_zero, f("sign", f.y), f("select", inner, Number(1), Number(1)))
    right = f("select", at_zero, Number(1), f("select", inner, Number(1), Number(1)))
    assert not f.equal(left, right)


def test_conditions_that_always_come_out_the_same_are_settled(f):
    first = f("select", f("eq", f.t, Number(1)), f.g, f.m)
    program = f.graph.program({"o": first})
    assert settled(program, {"t": Range.counter(2)}).inputs == ("m",)
    assert settled(program, {"t": Range.counter(1)}) == program


# Functions, and what is no number


def test_functions_are_told_apart_by_their_arguments(f):
    double = f("add", f.x, f.x)
    assert f.equal(f("exp", double), f("exp", f("mul", Number(2), f.x)))
    assert not f.equal(f("exp", double), f("exp", f.x))
    assert not f.equal(f("exp", f.x), f("cosh", f.x))


def test_the_exponential_of_the_opposite_is_the_inverse(f):
    up, down = f("exp", f("sub", f.x, f.y)), f("exp", f("sub", f.y, f.x))
    assert f.equal(f("mul", up, down), Number(1))
    assert f.equal(down, f("div", Number(1), up))
    assert not f.equal(up, down)
    assert not f.equal(f("mul", up, f("exp", f("neg", f.x))), Number(1))


def test_functions_of_multiples_do_not_share_what_is_known(f):
    # log(2 x) exists and is nonnegative for other x than log(x).
    left = f("add", f("sqrt", f("log", f.x)), f("abs", f("log", f("add", f.x, f.x))))
    right = f("add", f("sqrt", f("log", f.x)), f("log", f("add", f.x, f.x)))
    assert not f.equal(left, right)


def test_a_division_by_what_is_always_zero_proves_nothing(f):
    nothing = f("sub", f("mul", f.x, f.y), f("mul", f.y, f.x))
    difference = f("sub", f("add", f.x, nothing), f.x)
    assert not f.equal(f("div", Number(1), difference), f("div", Number(2), difference))


def test_random_identities_hold_and_their_mutants_do_not(f):
    # (x + y) (x - y) / (x y) against its expansion, and against one with a changed sign.
    top = f("mul", f("add", f.x, f.y), f("sub", f.x, f.y))
    left = f("div", top, f("mul", f.x, f.y))
    right = f("sub", f("div", f.x, f.y), f("div", f.y, f.x))
    wrong = f("add", f("div", f.x, f.y), f("div", f.y, f.x))
    assert f.equal(left, right)
    assert not f.equal(left, wrong)
