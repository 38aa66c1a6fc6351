"""Taking a dossier from its page: an error belongs to the answer that tells it."""

from tests.web.test_acting import hidden, opened


async def test_the_error_of_a_dossier_does_not_stay_beside_the_file(reader):
    case = await reader.serving.accepted("QH-002", "2026-03-02")
    await reader.sign_in("jiang-he")
    path = f"/cases/469002/{case}/dossier"
    said = {"purpose": "inspection", "number": "琼纪监〔2026〕1号", "first": "江河"}

    refused = await reader.post(path, (await opened(reader, path)) | said)
    whole = said | {"second": "严清"}
    checked = await reader.post(path, hidden(refused.text) | whole)
    async with reader.session.post(reader.base + path, data=hidden(checked.text) | whole) as file:
        taken = file.headers["Content-Type"]
    async with reader.session.post(
        reader.base + path, data=(await opened(reader, path)) | whole
    ) as file:
        at_once = file.headers["Content-Type"]

    assert 403 == refused.status
    assert 'role="alert"' in refused.text
    assert 200 == checked.status
    assert 'role="alert"' not in checked.text
    assert 'value="严清"' in checked.text
    assert "下载证据包" in checked.text
    assert ["application/zip"] * 2 == [taken, at_once]


async def test_who_takes_a_dossier_is_on_record_when_it_is_taken(reader):
    case = await reader.serving.accepted("QH-002", "2026-03-02")
    await reader.sign_in("jiang-he")
    path = f"/cases/469002/{case}/dossier"
    whole = {"purpose": "inspection", "number": "1号", "first": "江河", "second": "严清"}

    await reader.post(path, (await opened(reader, path)) | whole | {"_again": "1"})
    before = await reader.serving.get("/access-log?what=read-dossier", by="yan-qing")
    async with reader.session.post(
        reader.base + path, data=(await opened(reader, path)) | whole
    ) as file:
        assert 200 == file.status
    after = await reader.serving.get("/access-log?what=read-dossier", by="yan-qing")

    said = {"code": "inspection", "reference": "1号 江河、严清"}
    assert [0, 1] == [
        [one.get("purpose") for one in log.body["items"]].count(said) for log in (before, after)
    ]
