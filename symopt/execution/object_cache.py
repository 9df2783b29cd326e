"""Machine code kept on disk, so that the next process need not compile it again.

A file holds a key, a checksum and the code. The key is a digest of all that the code follows from:
the program's text, the versions of symopt and of the compiler, and the processor with its
features. What does not have this key and this checksum is not used: it is compiled again, and
the file replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from symopt.errors import OutputError
from symopt.execution.files import written

__all__ = ["cached", "folder", "is_kept"]

_MAGIC = b"symopt machine code 1\n"
_DIGEST = hashlib.sha256().digest_size
#: Files that are kept; of more, the older half goes.
_MOST = 2000


def folder() -> Path | None:
    """Where machine code is kept: ``SYMOPT_CACHE``, or the user's cache; ``off`` is nowhere.

    >>> import os
    >>> os.environ["SYMOPT_CACHE"], before = "off", os.environ.get("SYMOPT_CACHE")
    >>> print(folder())
    None
    >>> _ = os.environ.pop("SYMOPT_CACHE") if before is None else None
    >>> if before is not None: os.environ["SYMOPT_CACHE"] = before
    """
    chosen = os.environ.get("SYMOPT_CACHE", "")
    if chosen.strip().lower() == "off":
        return None
    if chosen:
        return Path(chosen) / "machine-code"
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA", "")
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        home = Path.home()
    except RuntimeError:  # no home: nothing is kept
        return Path(base) / "symopt" / "machine-code" if base else None
    usual = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return (Path(base) if base else home / usual) / "symopt" / "machine-code"


def cached(parts: tuple[str, ...], make: Callable[[], bytes]) -> bytes:
    """The code that follows from ``parts``: from the disk, or made and put there.

    A folder that cannot be read or written is no error; nothing is kept then.
    """
    key = _key(parts)
    place = folder()
    path = None if place is None else place / key.hex()
    if path is not None:
        found = _read(path, key)
        if found is not None:
            return found
    code = make()
    if path is not None:
        _write(path, key, code)
    return code


def is_kept(parts: tuple[str, ...]) -> bool:
    """Whether there is a file of this code, whole or not."""
    place = folder()
    return place is not None and (place / _key(parts).hex()).exists()


def _key(parts: tuple[str, ...]) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()


def _read(path: Path, key: bytes) -> bytes | None:
    try:
        if not _own(path.parent):
            return None
        content = path.read_bytes()
    except OSError:
        return None
    head = _MAGIC + key
    code = content[len(head) + _DIGEST :]
    checksum = content[len(head) : len(head) + _DIGEST]
    whole = content.startswith(head) and hashlib.sha256(key + code).digest() == checksum
    return code if whole and code else None


def _write(path: Path, key: bytes, code: bytes) -> None:
    content = _MAGIC + key + hashlib.sha256(key + code).digest() + code
    with contextlib.suppress(OSError, OutputError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _own(path.parent):
            written(path, content)
            _prune(path.parent)


def _own(place: Path) -> bool:
    """Whether nobody else can write here: machine code of others is not run."""
    if os.name == "nt":
        return True
    about = place.stat()
    return about.st_uid == os.geteuid() and not about.st_mode & 0o022


def _prune(place: Path) -> None:
    """Remove the older half of too many files."""
    files = list(place.iterdir())
    if len(files) <= _MOST:
        return
    aged = sorted((file.stat().st_mtime, file.name) for file in files)
    for _, name in aged[: len(aged) // 2]:
        (place / name).unlink(missing_ok=True)
