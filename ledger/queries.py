"""Reads the named statements of a `.sql` file: SQL stands nowhere else."""

import re
from collections.abc import Mapping
from pathlib import Path

NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def load(path: Path) -> Mapping[str, str]:
    """Return the statements of a file by name."""
    parts = NAME.split(path.read_text(encoding="utf-8"))
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}
