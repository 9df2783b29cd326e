"""``symopt verify``, ``identify``, ``prove`` and ``audit``: what code and rules really compute."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

import click

from symopt.cli.options import (
    Catalogue,
    Command,
    catalogue,
    json_option,
    set_option,
    settings,
    start,
    x0_option,
)  # fmt: skip
from symopt.cli.output import message, number, print_json

if TYPE_CHECKING:
    from symopt.statement.rule import Rule
    from symopt.verification.implementation import Implementation
    from symopt.verification.verdict import Verdict

__all__ = ["audit_command", "identify_command", "prove_command", "verify_command"]

#: The exit code of each status.
EXIT = {"proved": 0, "consistent": 0, "refuted": 1, "undecided": 3}

_ARGUMENT = click.option(
    "--arg", "arguments", multiple=True, metavar="NAME=VALUE",
    help="An argument of the code itself: --arg lr=0.1. Goes into its dictionary of settings "
    "where it has one. Repeatable.",
)  # fmt: skip
_KIND = click.option(
    "--as", "kind", type=click.Choice(["auto", "trajectory", "update", "step"]), default="auto",
    show_default=True,
    help="What TARGET is: a function (grad, x0, steps) -> points; a class whose objects have "
    "update(params, grads); a function (x, g, state) -> (x, state).",
)  # fmt: skip
_DTYPE = click.option("--dtype", default=None, help="float64 (default), float32 or bfloat16.")
_CERTIFICATE = click.option(
    "--certificate", type=click.Path(dir_okay=False, writable=True), default=None,
    help="Write the proof to this file: a Python script that needs SymPy alone, or, for a name "
    "that ends in .v, a file for Coq.",
)  # fmt: skip


@click.command("verify", cls=Command)
@click.argument("target")
@click.option("--rule", required=True, help="The rule that the code claims to implement.")
@click.option("--on", "objective", default=None, help="Ask this objective for gradients.")
@click.option("--steps", type=int, default=None, help="How many steps. Default: the probes'.")
@x0_option
@set_option
@_ARGUMENT
@_KIND
@_DTYPE
@click.option(
    "--witness/--no-witness",
    default=True,
    show_default=True,
    help="Shrink a refutation to a minimal example, printed as a pytest function.",
)
@click.option(
    "--proof/--no-proof", default=True, show_default=True,
    help="Read the code and prove it to be the rule, where that can be done; else runs decide.",
)  # fmt: skip
@_CERTIFICATE
@catalogue
@json_option
def verify_command(
    target: str,
    rule: str,
    objective: str | None,
    steps: int | None,
    x0: tuple[str, ...],
    assignments: tuple[str, ...],
    arguments: tuple[str, ...],
    kind: str,
    dtype: str | None,
    witness: bool,
    proof: bool,
    certificate: str | None,
    library: Catalogue,
    as_json: bool,
) -> None:
    """Decide whether TARGET, your own code, computes a rule. The code is executed.

    TARGET is path/to/file.py:name or package.module:name. --set gives the hyperparameters that
    the code uses (the rule's defaults otherwise); numbers are taken as the floats that code
    receives.

    Runs are compared with the rule within what rounding can explain: consistent, or refuted. Code
    that can be read is then proved to be the rule, for every start, all gradients and all steps,
    or it is refuted with the formula of the difference.

    Exit codes: 0 consistent or proved, 1 refuted, 2 usage, 3 undecided.

    \b
    Examples:
      symopt verify my_optimizers.py:gd_adam --rule adam
      symopt verify my_optimizers.py:Momentum --rule momentum --set eta=0.01 --arg lr=0.01
      symopt verify mine.py:adam --rule adam_epsilon_inside --json
      symopt verify mine.py:adam --rule adam --certificate adam_is_adam.py
    """
    from symopt.verification.verify import verify

    stated = library.rules.resolve(rule)
    verdict = verify(
        _implementation(target, arguments, kind, dtype),
        stated,
        None if objective is None else library.objectives.resolve(objective),
        x0=start(x0),
        steps=steps,
        dtype=dtype,
        witness=witness,
        proof=proof,
        **_received(settings(assignments, stated)),
    )
    _write_certificate(verdict, certificate)
    if as_json:
        print_json(verdict_data(verdict))
    else:
        click.echo(str(verdict))
    raise SystemExit(EXIT[verdict.status])


@click.command("identify", cls=Command)
@click.argument("target")
@set_option
@_ARGUMENT
@_KIND
@_DTYPE
@catalogue
@json_option
def identify_command(
    target: str,
    assignments: tuple[str, ...],
    arguments: tuple[str, ...],
    kind: str,
    dtype: str | None,
    library: Catalogue,
    as_json: bool,
) -> None:
    """Find which stated rules TARGET, your own code, is. The code is executed.

    Hyperparameters that --set does not give are inferred from probes.

    Exit codes: 0 found, 1 none fits, 2 usage.

    \b
    Examples:
      symopt identify my_optimizers.py:gd_nesterov
      symopt identify mine.py:Momentum --set eta=0.01 --set mu=0.9
    """
    from symopt.verification.identify import identify

    found = identify(
        _implementation(target, arguments, kind, dtype), **_received(settings(assignments))
    )
    if as_json:
        matches = [
            {
                "rule": match.rule,
                "hyperparameters": {key: number(v) for key, v in match.hyperparameters.items()},
                "verdict": verdict_data(match.verdict),
            }
            for match in found.matches
        ]
        print_json({"matches": matches, "text": str(found)})
    else:
        click.echo(str(found))
    raise SystemExit(0 if found.matches else 1)


@click.command("prove", cls=Command)
@click.argument("first")
@click.argument("second")
@click.option(
    "--same-names", is_flag=True,
    help="Hyperparameters of the same name have the same value; look for no map between them.",
)  # fmt: skip
@_CERTIFICATE
@click.option(
    "--smt", is_flag=True,
    help="Let z3 look for a counterexample to the proof in the first two steps.",
)  # fmt: skip
@catalogue
@json_option
def prove_command(
    first: str,
    second: str,
    same_names: bool,
    certificate: str | None,
    smt: bool,
    library: Catalogue,
    as_json: bool,
) -> None:
    """Decide whether two rules are the same for all inputs, and at every step.

    What one rule calls its learning rate may be another's times 1 - beta, and their memories may
    differ: such maps and relations are found, proved, and part of the answer. Otherwise the
    difference is shown as a formula, with exact numbers at which it is not zero.

    FIRST and SECOND are names, or your own code (file.py:name or package.module:name), which is
    executed and read as by symopt lift.

    Exit codes: 0 proved, 1 refuted, 2 usage, 3 undecided.

    \b
    Examples:
      symopt prove momentum heavy_ball
      symopt prove adam adamw --json
      symopt prove adam adam_epsilon_hat --certificate adam_forms.py
      symopt prove adam adam_epsilon_hat --certificate adam_forms.v --smt
      symopt prove my_optimizers.py:Nesterov nesterov_bengio
    """
    from symopt.verification.prove import prove

    verdict = prove(_stated(first, library), _stated(second, library), maps=not same_names, smt=smt)
    _write_certificate(verdict, certificate)
    if as_json:
        print_json(verdict_data(verdict))
    else:
        click.echo(str(verdict))
    raise SystemExit(EXIT[verdict.status])


@click.command("audit")
@click.argument("framework", type=click.Choice(["torch", "optax", "sklearn", "keras"]))
@json_option
def audit_command(framework: str, as_json: bool) -> None:
    """Check every optimizer of an installed FRAMEWORK against the rule that it follows.

    \b
    Examples:
      symopt audit torch
      symopt audit optax --json
    """
    from symopt.verification.audit import audit

    message(f"checking the optimizers of {framework} ...")
    result = audit(framework)
    if as_json:
        print_json([{key: _plain(value) for key, value in row.items()} for row in result.rows])
    else:
        click.echo(str(result))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return number(value)


def _implementation(
    target: str, arguments: tuple[str, ...], kind: str, dtype: str | None
) -> Implementation:
    from dataclasses import replace

    import numpy as np

    from symopt.verification.adapting import as_implementation
    from symopt.verification.implementation import Implementation
    from symopt.verification.target import from_function, load_target

    found = load_target(target)
    extra = _values(settings(arguments))
    if kind == "update" or (kind == "auto" and isinstance(found, type)):
        made = Implementation.from_update(functools.partial(found, **extra), found.__name__)
    elif kind == "step":
        made = Implementation.from_step(found)
    elif kind == "auto" and not (callable(found) and hasattr(found, "__code__")):
        made = as_implementation(found)
    else:
        made = from_function(found, extra)
    return replace(made, dtype=np.dtype(dtype).type) if dtype in ("float32", "float64") else made


def _values(given: dict[str, str]) -> dict[str, Any]:
    """Arguments as the code would receive them: integers, floats, or text."""
    values: dict[str, Any] = {}
    for name, text in given.items():
        values[name] = text
        for kind in (float, int):
            with contextlib.suppress(ValueError):
                values[name] = kind(text)
    return values


def _received(given: dict[str, Any]) -> dict[str, Any]:
    """Numbers as the floats that code receives; expressions of t stay text."""
    from symopt.errors import InputError
    from symopt.execution.arithmetic import nearest
    from symopt.statement.numbers import exact

    values: dict[str, Any] = {}
    for name, text in given.items():
        try:
            values[name] = nearest(exact(text))
        except InputError:
            values[name] = text
    return values


def _stated(text: str, library: Catalogue) -> Rule:
    """A rule by its name, or read out of code."""
    if ":" not in text:
        return library.rules.resolve(text)
    from symopt.verification.lift import lift
    from symopt.verification.target import load_target

    return lift(load_target(text))


def _write_certificate(verdict: Verdict, file: str | None) -> None:
    """Write the proof, in the format that the file's name asks for; or say why there is none."""
    from pathlib import Path

    from symopt.execution.files import written

    if file is None:
        return
    form = "coq" if file.endswith(".v") else "sympy"
    if form not in verdict.certificates:
        message(f"no certificate: {verdict.no_certificates.get(form, verdict.status)}")
        return
    written(Path(file), verdict.certificates[form])


def verdict_data(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON data."""
    return {
        "status": verdict.status, "implementation": verdict.implementation, "rule": verdict.rule,
        "eta": number(verdict.eta), "step": verdict.step, "quantity": verdict.quantity,
        "expected": number(verdict.expected), "observed": number(verdict.observed),
        "profile": verdict.profile, "family": verdict.family, "reason": verdict.reason,
        "resolution": {key: number(value) for key, value in verdict.resolution.items()},
        "assumed": list(verdict.assumed),
        "witness": None if verdict.witness is None else str(verdict.witness),
        "map": {name: str(value) for name, value in verdict.map.items()},
        "conditions": verdict.conditions, "relation": list(verdict.relation),
        "difference": None if verdict.difference is None else str(verdict.difference),
        "certificates": dict(verdict.certificates), "cross_checks": list(verdict.cross_checks),
    }  # fmt: skip
