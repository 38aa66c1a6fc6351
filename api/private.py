"""Small files of secrets: ours alone, and never half written."""

import os
import stat
from pathlib import Path


def read(path: Path) -> bytes:
    """Return what a private file holds; refuse one that others may read."""
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise PermissionError(f"others may read {path}: chmod 600")
        return file.read()


def write(path: Path, content: bytes) -> None:
    """Put a private file in its place at once; a crash leaves the old one, or none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
