"""The head of a report: machine, date and versions."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path

__all__ = ["head"]

PACKAGES = (
    "numpy", "sympy", "python-flint", "llvmlite", "torch", "jax", "optax", "casadi",
)  # fmt: skip


def head() -> dict[str, str]:
    """What a figure depends on, by name."""
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": processor(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "load": load(),
        "versions": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "compiler": compiler_version(),
    }


def version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def load() -> str:
    """How busy the machine was: tasks that ran or waited in the last minute."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "not known"


def processor() -> str:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = _cpuinfo()
    names = re.findall(r"^model name\s*:\s*(.+)$", text, re.M) or [platform.processor() or "?"]
    speeds = [float(speed) for speed in re.findall(r"^cpu MHz\s*:\s*([\d.]+)$", text, re.M)]
    flags = (re.findall(r"^flags\s*:\s*(.+)$", text, re.M) or [""])[0].split()
    wide = [name for name in ("avx512f", "avx2") if name in flags][:1]
    parts = [names[0], f"{count} cores"]
    parts += [f"{max(speeds) / 1000:.2f} GHz"] if speeds else []
    return ", ".join([*parts, *wide])


def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""


def compiler_version() -> str:
    from .c_code import compiler

    found = compiler()
    if found is None:
        return "none"
    done = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[0]
