"""The pytest plugin: tests that return an implementation, marked with the rule it must follow.

    @pytest.mark.symopt("adam", eta=0.1)
    def test_my_adam():
        return my_adam

The returned implementation is verified; a failure prints the verdict and nothing else. Keywords
are the hyperparameters that it received and the other options of ``symopt.verify``. pytest loads
this module in every run of an environment where symopt is installed, so it imports nothing at load.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

__all__: list[str] = []

MARKER = (
    "symopt(rule, **options): the test returns an implementation, which must follow the rule; "
    "options are those of symopt.verify, the hyperparameters among them"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--symopt-steps`` and ``--symopt-dtype``, which go before what the marks say."""
    group = parser.getgroup("symopt", "symopt: implementations against rules")
    group.addoption(
        "--symopt-steps", type=int, default=None, metavar="N", help="check so many steps of a run"
    )
    group.addoption(
        "--symopt-dtype", default=None, metavar="NAME",
        help="the format of the arrays: float64, float32, float16 or bfloat16",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marked tests check what they return."""
    for item in items:
        mark = item.get_closest_marker("symopt")
        if mark is not None and isinstance(item, pytest.Function):
            item.obj = _checked(item.obj, mark, config)


def _checked(test: Callable[..., Any], mark: pytest.Mark, config: pytest.Config) -> Any:
    options = dict(mark.kwargs)
    named = list(mark.args)
    if "rule" in options:
        named.append(options.pop("rule"))
    for name in ("steps", "dtype"):
        given = config.getoption(f"symopt_{name}")
        if given is not None:
            options[name] = given

    @functools.wraps(test)
    def run(*args: Any, **fixtures: Any) -> None:
        __tracebackhide__ = True
        if len(named) != 1:
            pytest.fail("the mark needs one rule: @pytest.mark.symopt('adam', ...)", pytrace=False)
        given = test(*args, **fixtures)
        if given is None:
            pytest.fail("a test marked symopt returns the implementation", pytrace=False)
        from symopt.verification.verify import verify

        verdict = verify(given, named[0], **{"witness": True, **options})
        if not verdict:
            pytest.fail(str(verdict), pytrace=False)

    return run
