"""The statements of the benchmark by their names."""

from pathlib import Path

from ledger.queries import load

STATEMENTS = load(Path(__file__).with_suffix(".sql"))
