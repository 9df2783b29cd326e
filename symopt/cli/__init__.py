"""The command line: ``symopt``. Only click is imported here; each command imports what it needs."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import click

from symopt.errors import BudgetError, InexactError, SymoptError, UndecidedError

__all__ = ["main"]

#: The command -> its module and the function in it. Imported when the command is asked for.
_COMMANDS = {
    "list": ("symopt.cli.statements", "list_command", "Name every rule, objective and system."),
    "show": ("symopt.cli.statements", "show_command", "Show a statement and what follows from it."),
    "derive": ("symopt.cli.derivations", "derive_command", "Write a derivation: LaTeX, HTML, PDF."),
    "compare": ("symopt.cli.derivations", "compare_command", "Set rules side by side; proofs."),
    "unroll": ("symopt.cli.derivations", "unroll_command", "Show the first steps as formulas."),
    "closed-form": (
        "symopt.cli.stability",
        "closed_form_command",
        "Give the point after every step, proved.",
    ),
    "stability": ("symopt.cli.stability", "stability_command", "When and how fast it converges."),
    "run": ("symopt.cli.runs", "run_command", "Run a rule on an objective, exactly or in floats."),
    "sweep": ("symopt.cli.sweeping", "sweep_command", "Run many starts and hyperparameters."),
    "tune": ("symopt.cli.tuning", "tune_command", "Find the best hyperparameters of a rule."),
    "plot": ("symopt.cli.plotting", "plot_command", "Draw paths, losses, regions, animations."),
    "explore": ("symopt.cli.exploring", "explore_command", "Write an interactive page of runs."),
    "verify": ("symopt.cli.verification", "verify_command", "Decide whether code is a rule."),
    "identify": ("symopt.cli.verification", "identify_command", "Find which rule code is."),
    "prove": ("symopt.cli.verification", "prove_command", "Decide whether two rules are one."),
    "lift": ("symopt.cli.lifting", "lift_command", "Read the rule out of code, which is executed."),
    "atlas": ("symopt.cli.atlas", "atlas_command", "Say which optimizer of a framework is what."),
    "audit": ("symopt.cli.verification", "audit_command", "Check a framework's optimizers."),
    "report": ("symopt.cli.report", "report_command", "Everything at once, as one offline page."),
}
#: The exit code of an unexpected error, with its traceback on stderr.
CRASHED = 70
_UNDECIDED = (BudgetError, InexactError, UndecidedError)


class _Refused(click.ClickException):
    """An error of symopt's as one line on stderr."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"symopt: error: {self.format_message()}", file=file, err=file is None)


class _Undecided(_Refused):
    """What could not be decided, or not within its budget."""

    exit_code = 3


class _Group(click.Group):
    """Commands that are imported when they are asked for, and errors that become one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        import importlib

        module, name, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            from symopt.errors import did_you_mean

            hint = did_you_mean(args[0], _COMMANDS) or f" There are {', '.join(_COMMANDS)}."
            raise click.UsageError(f"no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry[2]) for name, entry in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except SymoptError as error:
            failure = _Undecided if isinstance(error, _UNDECIDED) else _Refused
            raise failure(" ".join(str(error).split())) from error
        except BrokenPipeError:
            # The reader has seen enough (symopt list | head -1). What is left goes nowhere, so
            # that closing the stream at the end does not fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except KeyboardInterrupt:
            click.echo("\nsymopt: interrupted", err=True)
            ctx.exit(130)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception:
            # A crash must not look like the verdict "refuted", whose exit code is 1.
            traceback.print_exc()
            ctx.exit(CRASHED)


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 refuted, 2 usage or bad input, 3 undecided or over budget.",
)
@click.version_option(package_name="symopt", message="%(prog)s %(version)s")
def main() -> None:
    """State an optimizer once; get its derivation, its exact trajectory, its fast kernel,
    and a verdict on code that claims to implement it.

    Data goes to stdout, messages go to stderr, and every command takes --json.

    \b
    Examples:
      symopt list rules
      symopt show adam
      symopt run momentum beale --x0 1 3/2 --steps 6 --arithmetic rational
      symopt derive adam beale --steps 2 -o adam.tex
      symopt sweep adam momentum --on beale --set eta=1e-4..1:9:log --starts 25
      symopt tune adam beale --criterion steps --threshold 1e-6 --steps 1000
      symopt plot adam momentum --on beale -o paths.png
      symopt plot --system N3d -o n3d.gif
      symopt verify my_optimizers.py:gd_adam --rule adam
      symopt report --quick
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show η gets an escape for it, not a crash.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
