"""A file of another system on this machine: its bytes, its kind, and a mapping if none is given."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from ledger.mapping import of_any_log

SHIPPED = Path(__file__).parent / "demo" / "data"
KINDS = {".csv": "text/csv", ".xes": "application/xml", ".xml": "application/xml"}


@dataclass(frozen=True, slots=True)
class Logged:
    """A file as it is sent: packed ones are unpacked here, the service takes none."""

    name: str
    media: str
    content: bytes
    mapping: bytes

    @property
    def is_log(self) -> bool:
        """Tell whether it is an event log."""
        return self.media == "application/xml"


def read(path: Path, mapping: Path | None = None) -> Logged:
    """Read a file; the mapping of a log may lie beside it or be shipped, or is the standard's."""
    content = path.read_bytes()
    name = path.name
    if name.endswith(".gz"):
        content, name = gzip.decompress(content), name.removesuffix(".gz")
    kind = KINDS.get(Path(name).suffix, "application/x-ndjson")
    return Logged(name, kind, content, _mapping(path, Path(name), kind, mapping))


def _mapping(path: Path, name: Path, kind: str, given: Path | None) -> bytes:
    if given is not None:
        return given.read_bytes()
    if kind != "application/xml":
        return b"{}"
    known = f"{name.stem}.mapping.json"
    for place in (path.with_name(known), SHIPPED / known):
        if place.exists():
            return place.read_bytes()
    return json.dumps(of_any_log(name.stem)).encode()
