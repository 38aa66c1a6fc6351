"""Files that are on the disk when the call returns, whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex


def replaced(path: Path, content: bytes) -> None:
    """Put a file in the place of the one there is; a crash leaves the old one or the new one."""
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    settled(path.parent)


def kept_secret(path: Path, text: str) -> None:
    """Write a file of mode 0400 under a name that nothing has yet; what has the name stays.

    It gets its name once it is whole and on the disk, and the first one to name it wins: a
    crash leaves no half file, and of two processes one finds that of the other.
    """
    new = path.with_name(f".{path.name}.{token_hex(8)}.new")
    handle = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o400)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        with suppress(FileExistsError):
            os.link(new, path)
    finally:
        new.unlink()
    settled(path.parent)


def settled(folder: Path) -> None:
    """Put a new name on the disk: a synced file that is in no folder is lost all the same."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
