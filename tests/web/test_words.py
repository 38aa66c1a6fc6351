"""A Chinese page is in Chinese: policies, members and refusals; English only behind, and marked."""

import ast
import re
from importlib.resources import files

import pytest

from api.web import sheet
from api.web.said import PLACE, said
from api.web.texts import LANGUAGES, Texts, catalogue
from tests.web.conftest import ZONE
from tests.web.test_acting import opened
from tests.web.test_lists import table
from tests.web.test_names import Words
from tests.web.test_queries import NAME, every_page, heard, reader  # noqa: F401 (fixtures)

CHINESE = Texts(LANGUAGES[0], ZONE)
ENGLISH = Texts(LANGUAGES[1], ZONE)
POLICIES = sorted(
    one.name.removesuffix(".json") for one in files("ledger").joinpath("data/policies").iterdir()
)


def test_every_policy_that_comes_with_us_has_a_name():
    assert "link-default" in POLICIES
    assert [] == [name for name in POLICIES if f"policy-name.{name}" not in catalogue()]


def test_a_policy_is_told_by_its_name_and_another_ones_by_its_code():
    assert "岗位规则（标准）（第 2 版）" == sheet.policy("duty-standard@2", CHINESE)
    assert "duties, standard" == sheet.policy("duty-standard", ENGLISH)
    assert "alerts-wanning@1" == sheet.policy("alerts-wanning@1", CHINESE)


def test_every_detail_in_words_is_said_somewhere():
    code = "".join(
        path.read_text("utf-8")
        for package in ("api", "ledger", "projections")
        for path in files(package).rglob("*.py")
    )
    details = [key.removeprefix("detail.") for key in catalogue() if key.startswith("detail.")]

    assert "no such organ" in details
    assert [] == [said for said in details if f'"{said}"' not in code]


# What only the command line says.
OF_COMMANDS = re.compile(
    r"(ledger/fsck|api/(retold|recovery|setup|operate|upkeep|closing|rotating))\.py$"
)


def details_that_name_something():
    """Every refusal in the code whose detail has something put in: where, and its fixed parts."""
    for package in ("api", "ledger"):
        for path in files(package).rglob("*.py"):
            where = f"{package}/{path.relative_to(files(package))}"
            if OF_COMMANDS.search(where):
                continue
            for call in ast.walk(ast.parse(path.read_text("utf-8"))):
                match call:
                    case ast.Call(func=ast.Name(id="Refused"), args=[_, ast.JoinedStr() as told]):
                        yield (
                            where,
                            [
                                one.value if isinstance(one, ast.Constant) else None
                                for one in told.values
                            ],
                        )


def test_every_detail_that_names_something_is_said_in_words():
    every = list(details_that_name_something())
    told = {"".join("7" if part is None else part for part in parts) for _, parts in every}

    assert len(told) > 35
    assert [] == sorted(one for one in told if said(one, CHINESE) is None)
    # The control: nothing is said of what nobody has a form for.
    assert said("the moon is 7", CHINESE) is None


def test_every_form_is_of_a_detail_that_is_said():
    told = ["".join(part or "7" for part in parts) for _, parts in details_that_name_something()]
    forms = [key.removeprefix("said.") for key in catalogue() if key.startswith("said.")]
    patterns = {form: "(.+)".join(map(re.escape, PLACE.split(form)[::2])) for form in forms}

    assert [] == [f for f in forms if not any(re.fullmatch(patterns[f], one) for one in told)]


@pytest.mark.parametrize(
    ("why", "chinese", "english"),
    [
        ("seal is not possible at accepted",
         "已受理时不能用印。", "Seal is not possible at accepted."),
        ("who did accept on this case does not decide it",
         "本件由您受理，依岗位分离不得再决定。", "Who did accept on this case does not decide it."),
        ("the permit is revoked", "许可已撤销。", "The permit is revoked."),
        ("no such item", "没有这个事项。", "No such item."),
        ("due_to: a date such as 2026-03-02",
         "到期不晚于：应为日期，例如2026-03-02。", "Due on or before: a date such as 2026-03-02."),
    ],
)  # fmt: skip
def test_what_a_detail_names_is_told_by_its_own_text(why, chinese, english):
    assert (chinese, english) == (said(why, CHINESE), said(why, ENGLISH))


def test_codes_within_what_is_set_up_are_in_words():
    told = {
        "policy": {"id": "alerts-default", "day_end": "day-end.midnight", "levels": ["handle"]},
        "at": "2026-08-27T08:40:00.016107+00:00",
    }

    said = sheet.told("terms", told, CHINESE, None)

    assert not re.search("alerts|midnight|handle|T08", said)
    assert "2026-08-27 16:40:00" in said


async def test_pages_of_a_case_say_no_members_and_no_policies_in_code(reader):  # noqa: F811
    pages = [one for one in await every_page(reader.serving) if "/cases/" in one.address]
    raw = re.compile(rf"\b[a-z]+_[a-z_]+\b|\b({'|'.join(POLICIES)})\b|\d\d-\d\dT\d\d:")
    found = {}
    for asked in sorted(pages, key=lambda one: one.person):
        await reader.sign_in(asked.person)
        async with reader.session.get(reader.base + asked.address) as answer:
            if "text/html" in answer.headers["Content-Type"]:
                said = [word for word in Words(await answer.text()).words if raw.search(word)]
                if said:
                    found[asked.address] = said

    assert {} == found


async def test_why_a_form_was_refused_is_told_in_chinese_with_the_english_behind(reader):  # noqa: F811
    case = await reader.serving.accepted("QH-002", "2026-03-02")
    await reader.sign_in("zhou-min")
    path = f"/cases/{NAME}/{case}/transfer"

    refused = await reader.post(path, (await opened(reader, path)) | {"to.unit": "nobody"})
    english = await reader.post(
        f"{path}?lang=en", (await opened(reader, path)) | {"to.unit": "nobody"}
    )

    trouble = re.search(r'<section class="trouble".*?</section>', refused.text, re.DOTALL)[0]
    (original,) = re.findall(r'原文：<span lang="en">([^<]+)</span>', trouble)
    outside = re.sub(r'<span lang="en">[^<]*</span>|<code>[^<]*</code>|<[^>]*>', "", trouble)
    assert not re.search("[A-Za-z]", outside)
    assert original in english.text.lower()
    assert "原文" not in english.text


async def test_a_refusal_is_listed_by_its_rule_in_words_with_the_code_behind(reader):  # noqa: F811
    case = await reader.serving.accepted("QH-002", "2026-03-02")
    refused = await reader.serving.act(case, "accept", {}, by="zhou-min")
    assert 409 == refused.status
    await reader.serving.post("/cases", {}, by="chen-zhi")
    await reader.sign_in("jiang-he")

    told = [row["规则"] for row in table(await reader.get(f"/lists/{NAME}/refusals")).told()]

    assert any(word.startswith("无此权限") and "action-not-allowed" in word for word in told)
