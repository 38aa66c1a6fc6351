"""The words for the members of a shape and for what they may say."""

from dataclasses import dataclass

from api.web import sheet
from api.web.texts import Texts


@dataclass(frozen=True, slots=True)
class Labels:
    """The words for the members of a shape and for what they may say."""

    texts: Texts
    # What the shape is of, where a word means something else there.
    of: str = ""

    def member(self, name: str) -> str:
        """Return the word for a member."""
        if self.texts.known(f"{self.of}-data.{name}"):
            return self.texts.of(f"{self.of}-data", name)
        return self.texts.of("data", name) if name else ""

    def value(self, name: str, value: str) -> str:
        """Return the word for one of the values of a member."""
        for kind in (f"{self.of}-{name}", *sheet.CODED.get(name, ("value",))):
            if self.texts.known(f"{kind}.{value}"):
                return self.texts.of(kind, value)
        return self.texts.of("value", value)
