"""The page that verifies says what `caseledger verify` says, of true dossiers and of forged ones.

A real browser and the command are given the same files.  Needs chromium, as the tests of
`test_browser` do.
"""

import asyncio
import contextlib
import re
import struct
from base64 import b64encode
from zoneinfo import ZoneInfo

import pytest

from api import trust
from api import verify as command
from api.web import verify_page
from api.web.texts import LANGUAGES, Texts
from ledger import archive, dossier
from ledger.tlog.sm2 import Sm2Key
from tests.ledger import dossiers, test_archive, test_evidence
from tests.ledger.dossiers import (
    FOLLOWS,
    FORM,
    LOG,
    MAIN_ONLY,
    ORIGIN,
    POLICY,
    WITNESSED,
    Making,
    pair,
    zipped,
)
from tests.ledger.test_evidence import FILES, FORGED, INSIDE, LATER, TAKEN_OVER
from tests.ledger.tlog import keys
from tests.web.test_browser import FITS, browser, pytestmark  # noqa: F401 (skips without chromium)
from tests.web.test_pages import part

BAD = re.compile(r"不符 BAD +(?:位置 position (\d+): )?([^:]+): ")
PINNED = POLICY.raw.decode()
# What `/log/vkey` hands out where a log has an SM2 key too.
BY_SM2 = Sm2Key(ORIGIN, keys.POINT).text
KEYS = f"{LOG.text}\n{BY_SM2}\n"
BOTH = tuple(Texts(language, ZoneInfo("Asia/Shanghai")) for language in LANGUAGES)
VERDICT = "#verdict:not([data-verdict=working])"


def by_command(raw, tmp_path, policy, origin=None):
    """What the command says: good, unpinned or bad; and the first bad thing with its position."""
    at = tmp_path / "case.zip"
    at.write_bytes(raw)
    given = tmp_path / "policy"
    given.write_text(policy or "")
    trusted = trust.trust((), given if policy else None, origin, None)
    outcome = command.verified(str(at), trusted, None, lambda *_: None)
    bad = next((found for line in outcome.lines if (found := BAD.match(line))), None)
    if bad is not None:
        return "bad", bad[2], bad[1] or ""
    return "good" if outcome.good else "unpinned", "", ""


async def said(page):
    shown = page.locator(VERDICT)
    await shown.wait_for()
    return tuple(await shown.evaluate("({ dataset: told }) => [told.verdict, told.what, told.at]"))


async def by_page(page, raw, policy, origin=None):
    """What the page says of the same bytes."""
    await page.fill("#keys", policy or "")
    await page.fill("#origin", origin or "")
    await page.set_input_files(
        "#files", {"name": "case.zip", "mimeType": "application/zip", "buffer": raw}
    )
    await page.click("form#verify button")
    return await said(page)


# Fills the form in and sends it, without looking for the places where a hand would click.
SENT = """([keys, origin, raw]) => {
  const at = (id) => document.getElementById(id);
  const given = new DataTransfer();
  const bytes = Uint8Array.from(atob(raw), (one) => one.charCodeAt(0));
  given.items.add(new File([bytes], "case.zip", { type: "application/zip" }));
  at("keys").value = keys;
  at("origin").value = origin;
  at("files").files = given.files;
  at("verify").requestSubmit();
}"""


async def by_script(page, raw, policy, origin=None):
    """The same without a mouse, which takes longer than the page does."""
    await page.evaluate(SENT, [policy or "", origin or "", b64encode(raw).decode()])
    return await said(page)


@contextlib.asynccontextmanager
async def cut_off(visitor, tabs=1):
    """The page in tabs of a browser that is cut off from the network once it is there."""
    async with browser() as started:
        context = await started.new_context(locale="zh-CN")
        context.set_default_timeout(20_000)
        heard = []
        context.on("console", lambda one: heard.append(one.text))
        context.on("weberror", lambda one: heard.append(str(one.error)))
        pages = [await context.new_page() for _ in range(tabs)]
        for page in pages:
            await page.goto(f"{visitor.base}/verify")
            await page.wait_for_selector("form#verify:not([hidden])")
        await context.set_offline(True)
        yield pages
        assert [] == heard


@pytest.fixture
async def page(visitor):
    async with cut_off(visitor) as (page,):
        yield page


def forged_inside(change):
    one = test_evidence.insider(change)
    try:
        return one.files()
    except Exception:  # noqa: BLE001 our own maker refuses some of them as well
        return test_evidence.made_by_hand(one)


def hostile():
    """Archives in another spelling than ours: as others write them, cut, longer, with a bomb."""
    raw = zipped(FILES)
    begin = struct.unpack("<L", raw[-6:-2])[0]
    middle = archive.opened(dossiers.io.BytesIO(raw)).members["case-000000000008.event"].begin
    return {
        "nothing": b"",
        "no zip": b"PK" * 40,
        "something behind": raw + b"x",
        "something before": b"x" + raw,
        "cut": raw[:-30],
        "by others": test_archive.by_others(list(FILES.items())),
        "a comment": test_archive.by_others(list(FILES.items()), comment=b"hello"),
        "a bomb": test_archive.bomb(2 << 20),
        "a name to climb with": test_archive.named("../x"),
        "a packed byte": raw[: middle + 3] + bytes((raw[middle + 3] ^ 1,)) + raw[middle + 4 :],
        "a byte of the directory": raw[: begin + 9] + b"\x01" + raw[begin + 10 :],
        "a count": test_archive.end_of(raw, count=3, here=3),
        "a length": test_archive.end_of(raw, length=7),
    }


def corpus():
    """True dossiers, and every forged one of the command's own tests; with whom is trusted."""
    true = zipped(FILES)
    witnessed = zipped(Making(witnesses=("inspection",)).files())
    yield "true", true, PINNED, None
    yield "true, of the origin", true, PINNED, ORIGIN
    yield "true, of another origin", true, PINNED, "other"
    yield "true, by a bare key", true, f"log {LOG.text}\nquorum none\n", None
    yield "true, unpinned", true, None, None
    yield "true, without witnesses", true, WITNESSED.raw.decode(), None
    yield "true, witnessed", witnessed, WITNESSED.raw.decode(), None
    yield "true, with a document", zipped(FILES | {f"document-{FORM}": b"form"}), PINNED, None
    yield "another document", zipped(FILES | {f"document-{FORM}": b"fork"}), PINNED, None
    yield "without refusals", zipped(Making(refused=()).files()), PINNED, None
    yield "no key of the open line", true, MAIN_ONLY.raw.decode(), None
    yield "by a thief", zipped(Making(key="thief").files()), PINNED, None
    yield "by a thief, unpinned", zipped(Making(key="thief").files()), None, None
    beside = Making(vkey=KEYS.encode()).files()
    yield "a key by SM2 in it", zipped(beside), PINNED, None
    yield (
        "another key by SM2 in it",
        zipped(beside | {"vkey": f"{LOG.text}\n".encode()}),
        PINNED,
        None,
    )
    for name, (files, _, _) in FORGED.items():
        yield name, zipped(files), PINNED, None
    for name, (change, _, _) in INSIDE.items():
        yield f"inside: {name}", zipped(forged_inside(change)), PINNED, None
    for name, (files, policy, _, _) in LATER.items():
        yield name, zipped(files), policy.raw.decode(), None
    yield "rotated, unpinned", zipped(LATER["rotated twice"][0]), None, None
    yield "two stamps", zipped(Making(stamps=(b"one", b"two")).files()), PINNED, None
    yield "no stamp", zipped(Making(stamps=()).files()), PINNED, None
    yield "a stamp too large", zipped(Making(stamps=(bytes(65_537),)).files()), PINNED, None
    for name in FILES:
        raw = bytearray(FILES[name])
        raw[len(raw) // 2] ^= 0x20
        yield f"a byte of {name}", zipped(FILES | {name: bytes(raw)}), PINNED, None
    for name, raw in hostile().items():
        yield f"hostile: {name}", raw, PINNED, None


async def test_it_says_what_the_command_says_of_every_dossier(visitor, tmp_path):
    different, verdicts, left = [], [], corpus()

    async def compare(page):
        for name, raw, policy, origin in left:
            told = by_command(raw, tmp_path, policy, origin)
            shown = await by_script(page, raw, policy, origin)
            verdicts.append(told[0])
            if told != shown:
                different.append((name, told, shown))
            if told[0] == "bad":
                code = await page.get_attribute("#verdict", "data-code")
                assert BOTH[0].of("meaning", code) in await page.inner_text("#verdict"), name

    # A tab mostly waits for its own reads: three of them share the dossiers.
    async with cut_off(visitor, tabs=3) as pages, asyncio.TaskGroup() as comparing:
        for page in pages:
            comparing.create_task(compare(page))

    print({one: verdicts.count(one) for one in set(verdicts)})
    assert [] == different
    assert verdicts.count("bad") >= 175
    assert verdicts.count("good") >= 15
    assert verdicts.count("unpinned") >= 2


@contextlib.asynccontextmanager
async def altered(visitor, module, old, new):
    """The page with something else in one module of its script."""
    async with browser() as started:
        page = await started.new_page(locale="zh-CN")

        async def on_the_way(route):
            fetched = await route.fetch()
            text = await fetched.text()
            assert 1 == text.count(old)
            await route.fulfill(response=fetched, body=text.replace(old, new))

        await page.route(f"**/{module}", on_the_way)
        await page.goto(f"{visitor.base}/verify")
        await page.wait_for_selector("form#verify:not([hidden])")
        yield page


async def test_control_a_page_that_checks_no_path_is_found_out(visitor, tmp_path):
    """The corpus tells: with the check of paths taken out of the script, the two part."""
    mark = "export async function checkInclusion(index, size, leaf, path, root) {"
    raw = zipped(FORGED["a path of zeroes"][0])
    assert ("bad", "event", "8") == by_command(raw, tmp_path, PINNED)

    async with altered(visitor, "tlog.js", mark, f"{mark} return;") as page:
        assert ("bad", "event", "8") != await by_page(page, raw, PINNED)


async def test_control_a_page_that_lets_retired_keys_sign_is_found_out(visitor, tmp_path):
    raw = zipped(LATER["a retired key alone"][0])
    assert ("bad", "checkpoint", "5") == by_command(raw, tmp_path, PINNED)

    async with altered(
        visitor, "rotation.js", "if (!standing.length) throw", "if (!mine.length) throw"
    ) as page:
        assert ("bad", "checkpoint", "5") != await by_page(page, raw, PINNED)


async def test_a_document_too_large_for_a_browser_is_not_called_bad(visitor, tmp_path):
    whole = FILES | {f"document-{FORM}": b"form"}
    limit = ("const MAX_DOCUMENT = 512 * 2 ** 20;", "const MAX_DOCUMENT = 3;")

    async with altered(visitor, "evidence.js", *limit) as page:
        assert ("unable", "", "") == await by_page(page, zipped(whole), PINNED)
        assert f"document-{FORM}" in await page.inner_text("#verdict")
        assert "命令行" in await page.inner_text("#verdict")
        assert "open" == await page.get_attribute("[data-check=documents]", "data-state")
        # What is bad beside it is told all the same.
        extra = zipped(whole | {f"document-{'0' * 64}": b"x"})
        assert "bad" == (await by_page(page, extra, PINNED))[0]
        assert by_command(extra, tmp_path, PINNED) == await said(page)


@pytest.mark.parametrize("name", ["NotReadableError", "RangeError"])
async def test_what_the_browser_fails_at_is_not_called_bad(page, name):
    failing = """(name) => {
      const real = Blob.prototype.arrayBuffer;
      let n = 0;
      Blob.prototype.arrayBuffer = async function () {
        n += 1;
        if (n < 40) return real.call(this);
        throw name === "RangeError" ? new RangeError("no room") : new DOMException("gone", name);
      };
    }"""
    assert "good" == (await by_page(page, zipped(FILES), PINNED))[0]

    await page.evaluate(failing, name)
    assert ("unable", "", "") == await by_page(page, zipped(FILES), PINNED)
    assert [] == await page.query_selector_all("[data-state=failed]")


async def test_keys_predecessor_and_stamps_are_told(page):
    await by_page(page, zipped(LATER["following, and rotated"][0]), PINNED)

    first, second = LOG.text, pair("next")[0].text
    assert f"{first} → {second}" == await page.inner_text("[data-found=key-add]")
    assert f"{first} → {second}" == await page.inner_text("[data-found=key-retire]")
    told = await page.inner_text("[data-found=follows]")
    assert f"{FOLLOWS['origin']}，已签名 3 条，保有 2 条" in told
    assert FOLLOWS["statement"] == await page.inner_text("[data-found=closed-by]")
    assert "1 个，本页未核验" in await page.inner_text("[data-found=stamps]")
    assert "--tsa-cert" in await page.inner_text("[data-found=stamps]")

    await by_page(page, zipped(Making(stamps=()).files()), PINNED)
    assert 0 == await page.locator("[data-found=stamps]").count()


async def test_a_line_by_sm2_is_left_to_the_command_line_and_told(page):
    told = "[data-found=sm2]"
    for raw, pinned, there in (
        (zipped(FILES), LOG.text, 0), (zipped(FILES), KEYS, 1),
        (zipped(Making(vkey=KEYS.encode()).files()), LOG.text, 1),
    ):  # fmt: skip
        assert "good" == (await by_page(page, raw, pinned))[0]
        assert there == await page.locator(told).count()
    assert "本页未核验" in await page.inner_text(told)
    # Alone it is no key of the log.
    assert "wrongly" == (await by_page(page, zipped(FILES), BY_SM2))[0]


async def test_every_check_is_told_and_the_first_bad_one_named(page):
    await by_page(page, zipped(FILES), PINNED)
    states = await page.eval_on_selector_all(
        "#checks li", "(all) => all.map((li) => li.dataset.state)"
    )
    assert ["ok"] * 8 == states
    assert "469002-2026-000007" == await page.inner_text("[data-found=case]")
    assert "5, 7, 8, 9" == await page.inner_text("[data-found=at-decision]")

    await by_page(page, zipped(FORGED["a byte of an event"][0]), PINNED)
    states = await page.eval_on_selector_all(
        "#checks li", "(all) => all.map((li) => li.dataset.state)"
    )
    assert ["ok", "ok", "failed", *["open"] * 5] == states
    assert "位置 8" in await page.inner_text("#verdict")


# What a bad verdict means, by a dossier that is bad in that way.
MEANINGS = {
    "zip": hostile()["cut"],
    "absent": zipped({n: raw for n, raw in FILES.items() if n != "checkpoint"}),
    "files": zipped(FILES | {"case-000000000008.txt": b"x"}),
    "checkpoint": zipped(Making(key="thief").files()),
    "events": zipped(FORGED["a byte of an event"][0]),
    "complete": zipped(FORGED["the last event cut off, and told so"][0]),
    "rules": zipped(FORGED["a byte of a rule"][0]),
    "refusals": zipped(FORGED["a byte of a refusal"][0]),
    "manifest": zipped(FORGED["a member too many"][0]),
    "documents": zipped(FILES | {f"document-{FORM}": b"fork"}),
}


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_what_a_bad_verdict_means_is_said_in_the_reader_s_language(visitor, language):
    texts = BOTH[LANGUAGES.index(language)]
    async with browser() as started:
        page = await started.new_page()
        await page.goto(f"{visitor.base}/verify?lang={language}")
        await page.wait_for_selector("form#verify:not([hidden])")
        for code, raw in MEANINGS.items():
            assert "bad" == (await by_script(page, raw, PINNED))[0], code
            told = await page.inner_text("#verdict")
            assert code == await page.get_attribute("#verdict", "data-code")
            assert texts.of("meaning", code) in told, (code, told)
            # The very words of the command stand behind it, as what they are: English.
            exact = await page.inner_text("#verdict [lang=en]")
            assert exact.isascii(), exact
            assert exact == await page.inner_text("#checks [data-state=failed] small[lang=en]")


def test_every_meaning_is_there_and_is_no_other_s():
    meanings = {texts.of("meaning", code) for texts in BOTH for code in verify_page.MEANINGS}

    assert 2 * len(verify_page.MEANINGS) == len(meanings)
    assert {*verify_page.MEANINGS} == MEANINGS.keys() | {"proof"}


async def test_without_a_key_of_ones_own_it_says_so_loudly(page):
    assert ("unpinned", "", "") == await by_page(page, zipped(FILES), None)

    assert "不能证明任何事" in await page.inner_text("#verdict")
    assert "unpinned" == await page.get_attribute("[data-check=checkpoint]", "data-state")


@pytest.mark.parametrize(
    "given", ["hello", "log x\nquorum none\n", f"log {LOG.text}\n", "quorum x\n"]
)
async def test_what_is_no_key_and_no_policy_is_used_wrongly(page, given):
    assert "wrongly" == (await by_page(page, zipped(FILES), given))[0]


async def test_a_bare_key_is_enough(page):
    assert "good" == (await by_page(page, zipped(FILES), LOG.text))[0]


def files_of(position=8, change=lambda raw: raw):
    names = [dossier.event_name("case", position, what) for what in ("tlog-proof", "event")]
    raws = [FILES[names[0]], change(FILES[names[1]])]
    return [
        {"name": name, "mimeType": "application/octet-stream", "buffer": raw}
        for name, raw in zip(names, raws, strict=True)
    ]


async def test_a_record_and_its_proof_are_verified_together(page):
    await page.fill("#keys", LOG.text)
    await page.set_input_files("#files", files_of())
    await page.click("form#verify button")
    assert ("good", "", "") == await said(page)
    assert "8" == await page.inner_text("[data-found=position]")

    await page.set_input_files("#files", files_of(change=lambda raw: raw + b" "))
    await page.click("form#verify button")
    assert "bad" == (await said(page))[0]
    assert BOTH[0].of("meaning", "proof") in await page.inner_text("#verdict")

    await page.fill("#keys", "")
    await page.set_input_files("#files", files_of())
    await page.click("form#verify button")
    assert "wrongly" == (await said(page))[0]


def beside(name):
    """A record, its proof and the file of keys, of a dossier."""
    files = LATER[name][0]
    names = [dossier.event_name("case", 8, what) for what in ("tlog-proof", "event")]
    return [
        {"name": one, "mimeType": "application/octet-stream", "buffer": files[one]}
        for one in (*names, "keys")
    ]


@pytest.mark.parametrize(
    ("name", "with_keys", "verdict"),
    [
        ("rotated, by the first key", True, ("good", "", "")),
        ("rotated, by the first key", False, ("bad", "proof", "")),
        ("a retired key alone", True, ("bad", "proof", "")),
        ("both keys sign", True, ("good", "", "")),
    ],
)
async def test_a_record_is_verified_by_whoever_pinned_the_first_key(page, name, with_keys, verdict):
    given = beside(name)
    await page.fill("#keys", LOG.text)
    await page.set_input_files("#files", given if with_keys else given[:2])
    await page.click("form#verify button")

    assert verdict == await said(page)
    shown = await page.locator("[data-found=key-add]").count()
    assert (verdict[0] == "good") == (shown == 1)


async def test_an_empty_file_of_keys_is_of_a_log_whose_first_key_signs(page):
    empty = {"name": "keys", "mimeType": "application/octet-stream", "buffer": b""}
    await page.fill("#keys", LOG.text)
    await page.set_input_files("#files", [*files_of(), empty])
    await page.click("form#verify button")
    assert ("good", "", "") == await said(page)

    spoiled = empty | {"buffer": TAKEN_OVER.replace(b"size 3", b"size 4")}
    await page.set_input_files("#files", [*files_of(), spoiled])
    await page.click("form#verify button")
    assert "bad" == (await said(page))[0]


async def test_the_page_may_connect_to_nothing_and_is_for_anybody(visitor):
    page = await visitor.get("/verify?lang=en")

    policy = page.headers["Content-Security-Policy"]
    assert 200 == page.status
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert "script-src 'self';" in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    assert "unsafe" not in policy
    assert "caseledger verify dossier.zip --key KEY" in page.text
    assert "Without one use the command line below" in page.text


async def test_a_module_stands_at_an_address_that_changes_with_it(visitor):
    page = await visitor.get("/verify")
    address = part(r'src="(/script/[0-9a-f]{32}/verify\.js)"', page.text)

    module = await visitor.get(address)

    assert 200 == module.status
    assert "text/javascript; charset=utf-8" == module.headers["Content-Type"]
    assert "immutable" in module.headers["Cache-Control"]
    other = address.replace(address.split("/")[2], "0" * 32)
    assert 404 == (await visitor.get(other)).status
    assert 404 == (await visitor.get(address.replace("verify.js", "page.py"))).status


async def test_control_what_the_page_tried_to_load_from_elsewhere_would_be_heard(visitor):
    async with browser() as started:
        page = await started.new_page()
        heard = []
        page.on("console", lambda one: heard.append(one.text))
        await page.goto(f"{visitor.base}/verify")
        await page.evaluate("() => fetch('/healthz').catch(() => undefined)")
        assert any("Content Security Policy" in one for one in heard), heard


@pytest.mark.parametrize("language", ["zh-CN", "en"])
async def test_it_is_laid_out_wide_and_narrow(visitor, tmp_path, language):
    async with browser() as started:
        page = await started.new_page(viewport={"width": 1280, "height": 900})
        await page.goto(f"{visitor.base}/verify?lang={language}")
        await page.wait_for_selector("form#verify:not([hidden])")
        await by_page(page, zipped(FORGED["a byte of an event"][0]), PINNED)
        for width in (1280, 390):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.screenshot(path=tmp_path / f"verify-{width}.png", full_page=True)
            assert await page.evaluate(FITS), width
