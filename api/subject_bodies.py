"""What the body of each act about personal data may hold: shapes only."""

from collections.abc import Mapping

from api.fields import Line, Text
from api.parts import Act


class Plain(Act):
    """限制、解除、留存: an act that says nothing more than that it was done."""


class DestroyKey(Act, kw_only=True):
    """销毁密钥: on which legal basis, and which rule of retention is over."""

    legal_basis: Text
    retention: Line


BODIES: Mapping[str, type[Act]] = {
    "restrict": Plain,
    "release": Plain,
    "hold": Plain,
    "lift-hold": Plain,
    "destroy-key": DestroyKey,
    "approve": Plain,
}
