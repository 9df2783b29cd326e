"""What the commands print: JSON, tables and messages. Rich is imported on terminals only."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, Protocol

import click

__all__ = [
    "Watch", "message", "number", "print_json", "print_table", "print_text", "progress",
    "terminal_width", "text_table",
]  # fmt: skip


def message(text: str) -> None:
    """A remark for the user, on stderr."""
    click.echo(text, err=True)


def print_json(data: Any) -> None:
    """Data as JSON on stdout; nan and infinities never appear as bare words."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


def number(value: Any) -> Any:
    """A number of any arithmetic as JSON: floats as numbers, exact ones as text.

    >>> number(Fraction(1, 3)), number(0.5), number(math.inf)
    ('1/3', 0.5, 'inf')
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Fraction):
        from flint import fmpq

        # Python refuses to print integers of more than 4300 digits; flint does not.
        return str(fmpq(value.numerator, value.denominator))
    if hasattr(value, "mid"):
        from symopt.errors import SymoptError
        from symopt.verification.digits import decimal

        try:
            return decimal(value, 30)
        except SymoptError:
            return str(value)
    as_float = float(value)
    return as_float if math.isfinite(as_float) else str(as_float)


def _plain() -> bool:
    return not sys.stdout.isatty()


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> str:
    """A table in plain text, two blanks between columns; nothing is cut.

    >>> print(text_table(["t", "x"], [["0", "1/2"], ["10", "3"]], "rl"))
     t  x
     0  1/2
    10  3
    """
    from symopt.presentation.text import columns

    kinds = align or "l" * len(header)
    widths = [max(columns(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = []
        for cell, width, kind in zip(row, widths, kinds, strict=True):
            blank = " " * (width - columns(cell))
            cells.append(blank + cell if kind == "r" else cell + blank)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def print_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    align: str = "",
    title: str = "",
    styles: Sequence[str] = (),
) -> None:
    """A table on stdout: drawn by rich on a terminal, plain text in a pipe."""
    if _plain():
        if title:
            click.echo(title)
        click.echo(text_table(header, rows, align))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    if title:
        console.print(Text(title, style="bold"))
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for index, name in enumerate(header):
        kind = {"l": "left", "c": "center", "r": "right"}[(align or "l" * len(header))[index]]
        style = styles[index] if index < len(styles) else None
        table.add_column(name, justify=kind, style=style, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        # As Text, so that brackets in a cell are not read as markup.
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def terminal_width() -> int:
    """The columns to fill: those of the terminal, at most 100; 88 in a pipe."""
    import shutil

    return 88 if _plain() else max(40, min(100, shutil.get_terminal_size().columns))


def print_text(text: str, indent: int = 0) -> None:
    """Running text on stdout, wrapped on a terminal and in one line in a pipe."""
    import textwrap

    blank = " " * indent
    if _plain():
        click.echo(blank + text)
        return
    wrapped = textwrap.wrap(
        text, terminal_width(), initial_indent=blank, subsequent_indent=blank,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    click.echo("\n".join(wrapped))


class Watch(Protocol):
    """Told what is being done, and how much of it: ``watch(what, done, total)``."""

    def __call__(self, what: str, done: int, total: int) -> None: ...


@contextmanager
def progress(quiet: bool = False) -> Iterator[Watch]:
    """Progress with the time that is left, on stderr; one line per task where stderr is no tty."""
    if quiet:
        yield lambda what, done, total: None
        return
    if not sys.stderr.isatty():
        seen: set[str] = set()

        def announce(what: str, done: int, total: int) -> None:
            if what not in seen:
                seen.add(what)
                message(f"{what} ...")

        yield announce
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    bars = Progress(
        TextColumn("{task.description:<28}"), BarColumn(bar_width=None), MofNCompleteColumn(),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
        console=Console(file=sys.stderr),
    )  # fmt: skip
    tasks: dict[str, TaskID] = {}
    with bars:

        def watch(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield watch
