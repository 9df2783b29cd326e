"""Sweeps as files: NetCDF for arrays, CSV for tables, JSON with the exact hyperparameters."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from symopt.errors import InputError, MissingExtraError
from symopt.execution.files import written

if TYPE_CHECKING:
    from symopt.execution.sweep.result import Sweep

__all__ = ["ENDINGS", "records", "save"]

#: The endings of files that hold a sweep.
ENDINGS = (".nc", ".csv", ".json")


def save(sweep: Sweep, target: Path) -> Path:
    """Write a sweep to a file; see :meth:`Sweep.save`."""
    ending = target.suffix.lower()
    if ending == ".nc":
        return written(target, _netcdf(sweep))
    if ending == ".csv":
        return written(target, _csv(sweep))
    if ending == ".json":
        data = {"caption": sweep.caption, "steps": sweep.steps, "arithmetic": sweep.arithmetic}
        return written(target, json.dumps({**data, "runs": list(records(sweep))}, allow_nan=False))
    raise InputError(f"{target}: a sweep is saved as {', '.join(ENDINGS)}")


def records(sweep: Sweep) -> Iterator[dict[str, Any]]:
    """One run after another: names, exact hyperparameters as text, start, and what it gave."""
    for one in sweep.ends:
        fixed = {name: str(value) for name, value in one.fixed.items()}
        for place, values in one.settings:
            chosen = {**fixed, **{name: str(value) for name, value in values.items()}}
            for index, start in enumerate(one.starts):
                yield {
                    "rule": one.rule.name,
                    "objective": one.objective.name,
                    "hyperparameters": chosen,
                    "start": index,
                    "x0": [_number(value) for value in start],
                    **{
                        name: [_number(value) for value in array[(*place, index)]]
                        if array.ndim > len(place) + 1
                        else _number(array[(*place, index)])
                        for name, array in one.quantities.items()
                    },
                }


def _number(value: Any) -> Any:
    plain = value.item()
    return str(plain) if isinstance(plain, float) and not math.isfinite(plain) else plain


def _csv(sweep: Sweep) -> str:
    names = list(
        dict.fromkeys(
            name for one in sweep.ends for name in (*(a.name for a in one.axes), *one.fixed)
        )
    )
    size = max(one.objective.dimension for one in sweep.ends)
    vectors = {"x0", *(n for n, a in sweep.ends[0].quantities.items() if a.ndim > _depth(sweep))}
    columns = ["x0", *sweep.ends[0].quantities]
    header = ["rule", "objective", *names, "start"]
    for name in columns:
        header += [f"{name}_{i + 1}" for i in range(size)] if name in vectors else [name]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for record in records(sweep):
        row = [record["rule"], record["objective"]]
        row += [record["hyperparameters"].get(name, "") for name in names]
        row.append(record["start"])
        for name in columns:
            value = record[name]
            row += [*value, *[""] * (size - len(value))] if name in vectors else [value]
        writer.writerow(row)
    return stream.getvalue()


def _depth(sweep: Sweep) -> int:
    return len(sweep.ends[0].axes) + 1


def _netcdf(sweep: Sweep) -> bytes:
    data = sweep.to_xarray()
    # The old format of NetCDF, which needs the least to be read, has neither truth values nor
    # long integers.
    short = {
        name: (array.dims, array.values.astype("i1" if array.dtype == bool else "i4"))
        for name, array in data.items()
        if array.dtype.kind in "bi"
    }
    data = data.assign(short)
    data["start"] = data["start"].astype("i4")
    try:
        return bytes(data.to_netcdf(None, engine="scipy"))
    except (ImportError, ValueError) as error:
        raise MissingExtraError(
            f"a .nc file needs SciPy: pip install 'symopt[sweep]' ({error})"
        ) from error
