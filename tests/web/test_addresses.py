"""Whoever chose a language in the address keeps it, wherever a page leads to."""

from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import pytest

from api.web.page import merged
from tests.web.test_event_page import events_of, published
from tests.web.test_lists import world


class Links(HTMLParser):
    """The addresses of pages of ours that a page leads to; not the one in the other language."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        href = given.get("href") or ""
        ours = href.startswith("/") and not href.startswith("/v1/")
        if tag == "a" and ours and given.get("class") != "lang":
            self.found.append(href)


@pytest.mark.parametrize(
    ("address", "whole"),
    [
        ("/cases", "/cases?lang=en"),
        ("/cases?from=7", "/cases?from=7&lang=en"),
        ("/cases#last", "/cases?lang=en#last"),
        ("/cases?from=%26&x=1#a?b", "/cases?from=%26&x=1&lang=en#a?b"),
        ("/cases?lang=zh-CN&from=7", "/cases?from=7&lang=en"),
        ("/cases?", "/cases?lang=en"),
    ],
)
def test_a_language_goes_into_the_query_once(address, whole):
    assert whole == merged(address, {"lang": "en"})
    assert address == merged(address, {})


async def test_every_link_keeps_the_language(reader):
    case, _, _ = await world(reader.serving)
    await reader.serving.service.caught_up("469002", -1)
    await published(reader.serving)
    await reader.sign_in("jiang-he")
    position = (await events_of(reader.serving, case))[1]["position"]

    for path in (
        "/board/469002?from=2026-03-01&to=2026-04-30",
        "/persons/469002/zhou-min",
        "/organs/469002/qh-xzsp",
        "/lists/469002/audit",
        "/lists/469002/findings",
        f"/cases/469002/{case}",
        f"/cases/469002/{case}/events/{position}",
    ):
        seen = await reader.get(f"{path}{'&' if '?' in path else '?'}lang=en")
        assert 200 == seen.status, path
        links = Links(seen.text).found
        assert len(links) > 4, path
        for link in links:
            asked = [value for name, value in parse_qsl(urlsplit(link).query) if name == "lang"]
            assert ["en"] == asked, (path, link)
