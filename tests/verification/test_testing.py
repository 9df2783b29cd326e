"""What symopt offers to other people's test suites."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import symopt
from symopt.testing import assert_implements, mutation_score

pytest_plugins = ["pytester"]

CODE = """
import numpy as np
import pytest

def descend(grad, x, steps, eta=0.1):
    for _ in range(steps):
        x = x - eta * grad(x)
        yield x
"""


@pytest.fixture
def suite(pytester, request):
    """Runs a file of tests with the plugin, whether the environment has it installed or not."""
    known = request.config.pluginmanager.hasplugin("symopt")

    def run(text, *options):
        pytester.makepyfile(CODE + textwrap.dedent(text))
        return pytester.runpytest(*([] if known else ["-p", "symopt.pytest_plugin"]), *options)

    return run


def descend(grad, x, steps):
    for _ in range(steps):
        x = x - 0.1 * grad(x)
        yield x


def test_assert_implements_passes_and_fails_with_the_verdict():
    assert_implements(descend, "gradient_descent", eta=0.1)
    with pytest.raises(AssertionError) as caught:
        assert_implements(descend, "gradient_descent", eta=0.125)
    lines = str(caught.value).splitlines()
    assert lines[0] == "REFUTED: descend against gradient_descent"
    assert "expected" in lines[2]
    assert "observed" in lines[2]
    assert any(line.strip().startswith("def test_descend_is_gradient_descent") for line in lines)


def test_assert_implements_does_not_pass_what_is_undecided():
    def broken(grad, x, steps):
        raise RuntimeError("out of paper")

    with pytest.raises(AssertionError, match="out of paper"):
        assert_implements(broken, "adam")


def test_mark_passes_what_follows_its_rule(suite):
    result = suite(
        """
        @pytest.mark.symopt("gradient_descent", eta=0.1)
        def test_positional():
            return descend

        @pytest.mark.symopt(rule="gradient_descent", eta=0.001, objective="beale", steps=3)
        def test_keyword():
            return lambda grad, x, steps: descend(grad, x, steps, 0.001)

        @pytest.mark.parametrize("eta", [0.25, 0.5])
        @pytest.mark.symopt("gradient_descent")
        def test_other_marks_stay(eta, tmp_path):
            assert tmp_path.exists()
            return lambda grad, x, steps: descend(grad, x, steps, 0.01)

        def test_unmarked():
            assert descend
        """,
        "--strict-markers",
    )
    result.assert_outcomes(passed=5)


def test_mark_fails_with_the_verdict_and_no_traceback(suite):
    result = suite(
        """
        @pytest.mark.symopt("momentum", eta=0.1, mu=0.9)
        def test_mine():
            return descend
        """
    )
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "REFUTED: descend against momentum" in text
    assert "def test_descend_is_momentum(run=descend):" in text
    assert "Traceback" not in text
    assert "_checked" not in text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('@pytest.mark.symopt\ndef test_mine():\n    return descend', "the mark needs one rule"),
        ('@pytest.mark.symopt("adam")\ndef test_mine():\n    pass', "returns the implementation"),
        ('@pytest.mark.symopt("adm")\ndef test_mine():\n    return descend', "adam"),
    ],
)  # fmt: skip
def test_misuse_of_the_mark_is_named(suite, body, message):
    result = suite(body)
    result.assert_outcomes(failed=1)
    assert message in result.stdout.str()


def test_options_go_before_the_mark(suite):
    late = """
def late(grad, x, steps):
    for step in range(steps):
        x = x - (0.1 if step < 4 else 0.2) * grad(x)
        yield x

@pytest.mark.symopt("gradient_descent", eta=0.1, proof=False)
def test_late():
    return late
"""
    suite(late).assert_outcomes(failed=1)
    suite(late, "--symopt-steps=4").assert_outcomes(passed=1)
    # Reading the code shows the fifth step all the same.
    read = late.replace(", proof=False", "")
    suite(read, "--symopt-steps=4").assert_outcomes(failed=1)
    single = """
@pytest.mark.symopt("gradient_descent", eta=0.125)
def test_single():
    def run(grad, x, steps):
        x = x.astype(np.float32)
        for _ in range(steps):
            x = x - np.float32(0.125) * np.float32(grad(x)) * (1 + np.float32(2**-23))
            yield x
    return run
"""
    suite(single).assert_outcomes(failed=1)
    suite(single, "--symopt-dtype=float16").assert_outcomes(passed=1)


def test_the_plugin_imports_nothing_heavy():
    code = (
        "import sys, symopt.pytest_plugin; "
        "print([name for name in ('sympy', 'numpy', 'flint', 'matplotlib') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def gets_there(make):
    x, optimizer = np.array([1.0, -2.0]), make(eta=0.125)
    for _ in range(200):
        x = optimizer.step(x, lambda point: point)
    assert np.abs(x).max() < 0.1


def test_mutation_score_names_what_survives():
    score = mutation_score(gets_there, "momentum")
    assert 0 < score.rejected < score.total
    survivors = [mutant.description for mutant in score.survivors]
    assert "g: twice the gradient" in survivors
    assert "v: the sign of -eta*g flipped" not in survivors
    assert str(score).startswith(f"gets_there: rejects {score.rejected} of {score.total} mutants")


def test_a_check_that_rejects_the_rule_itself_is_an_error():
    with pytest.raises(symopt.errors.InputError, match="rejects momentum itself"):
        mutation_score(lambda make: False, "momentum")


def test_an_unknown_hyperparameter_is_the_checks_mistake_not_a_rejection():
    with pytest.raises(symopt.errors.UnknownNameError, match="beta3"):
        mutation_score(lambda make: make(beta3=1), "momentum")


def test_verify_as_a_check_rejects_every_mutant_of_momentum():
    def statement(make):
        def run(grad, x, steps):
            optimizer = make(eta=0.125, mu=0.875)
            for _ in range(steps):
                x = optimizer.step(x, grad)
                yield x

        return symopt.verify(run, "momentum", eta=0.125, mu=0.875)

    score = mutation_score(statement, "momentum")
    assert [mutant.description for mutant in score.survivors] == []


def test_the_plugin_and_assert_implements_take_a_proof_for_a_pass(suite):
    honest = """
def plain(grad, x, steps):
    for _ in range(steps):
        x = x - 0.1 * grad(x)
        yield x

@pytest.mark.symopt("gradient_descent", eta=0.1)
def test_marked():
    return plain

def test_asserted():
    import symopt, symopt.testing
    assert symopt.verify(plain, "gradient_descent", eta=0.1).status == "proved"
    symopt.testing.assert_implements(plain, "gradient_descent", eta=0.1)
"""
    suite(honest).assert_outcomes(passed=2)
