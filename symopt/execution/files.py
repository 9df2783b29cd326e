"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from symopt.errors import OutputError

__all__ = ["written"]


def written(target: Path, content: str | bytes, *, durable: bool = False) -> Path:
    """Write text or bytes through a temporary file, so that no half-written file is ever seen.

    A ``durable`` file is on the disk, and not only with the operating system, when this returns.

    Raises :class:`~symopt.errors.OutputError` that names the path and the cause.
    """
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=".part", dir=target.parent
        )
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode("utf-8") if isinstance(content, str) else content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
        if durable:
            _sync_folder(target.parent)
    except OSError as error:
        if temporary:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write {target}: {reason}; choose another path") from error
    return target


def _sync_folder(folder: Path) -> None:
    """The new name is durable too; systems that cannot open a folder have no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _mode(target: Path) -> int:
    """The mode of the file to be replaced, or what a new file would get here."""
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
