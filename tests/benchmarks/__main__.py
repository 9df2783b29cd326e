"""``python -m tests.benchmarks [TABLES]``: the tables, and which targets this run met."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import batches, growth, networks, sweeps, symbolic, trajectories, verification
from .machine import head, load
from .tables import Results
from .targets import targets_table

GROUPS = {
    "trajectories": trajectories.add_tables,
    "batches": batches.add_tables,
    "sweep": sweeps.add_tables,
    "symbolic": symbolic.add_tables,
    "growth": growth.add_tables,
    "networks": networks.add_tables,
    "verification": verification.add_tables,
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLES", help=f"of {', '.join(GROUPS)}; all")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, no targets: does it work"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="the tables as data, too")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="a picture of each growth curve")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.tables if name not in GROUPS]
    if unknown:
        parser.error(f"no table {unknown[0]!r}; there are {', '.join(GROUPS)}")
    top = head()
    print("\n".join(f"- {name}: {text}" for name, text in top.items()), flush=True)
    results = Results(show=lambda table: print(f"\n{table}", flush=True))
    for name in given.tables or GROUPS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        more = {"plots": given.plots} if name == "growth" else {}
        GROUPS[name](results, quick=given.quick, **more)
    if not given.quick:
        results.add(targets_table(results))
    print(f"\n- load at the end: {load()}")
    if given.json:
        data = {"head": top, "tables": [table.as_json() for table in results.tables]}
        given.json.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
