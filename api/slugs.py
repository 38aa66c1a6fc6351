"""The reasons for which a request is turned away, and what the caller should do about each.

Data only: `problems` makes answers of it, the OpenAPI document and the reference list it.
Every reason has a title and an advice in Chinese and in English.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slug:
    """One reason: its HTTP status, its title and what to do, each in zh-CN and en."""

    name: str
    status: int
    title_zh: str
    title_en: str
    todo_zh: str
    todo_en: str

    def words(self, language: str) -> tuple[str, str]:
        """Return title and what to do, in Chinese or in English."""
        if language == "zh-CN":
            return self.title_zh, self.todo_zh
        return self.title_en, self.todo_en


_TABLE = """
bad-request | 400 | HTTP 使用不当 | HTTP used wrongly
    | 请按 HTTP/1.1 规范重新发送请求。 | Send the request again in correct HTTP/1.1.
malformed-json | 400 | 正文不是一个 UTF-8 的 JSON 对象 | The body is not one UTF-8 JSON object
    | 请发送一个不带 BOM 的 UTF-8 JSON 对象。 | Send exactly one JSON object in UTF-8 without BOM.
duplicate-key | 400 | 同一成员出现两次 | A member occurs twice
    | 请使每个成员只出现一次。 | Send each member once.
too-deep | 400 | 嵌套过深 | Nested too deeply
    | 嵌套请勿超过 32 层。 | Nest no deeper than 32 levels.
invalid-parameter | 400 | 查询参数无效 | A query parameter is not valid
    | 请按接口文档核对参数名、次数和取值范围。 | Check its name, that it occurs once, and its range.
invalid-cursor | 400 | 翻页游标无效 | The cursor is not valid
    | 请不带 after 从第一页重新读取。 | Read again from the first page, without `after`.
idempotency-key-missing | 400 | 缺少 Idempotency-Key | Idempotency-Key is missing
    | 请为每一个办理动作附上新的 Idempotency-Key；重试时沿用原值。
    | Send a new Idempotency-Key with each act, and the same one when repeating it.
idempotency-key-invalid | 400 | Idempotency-Key 无效 | Idempotency-Key is not valid
    | 请只发送一个由 1 至 255 个可见 ASCII 字符组成的值。
    | Send exactly one, of 1 to 255 visible ASCII characters.
version-invalid | 400 | If-Match 无效 | If-Match is not valid
    | 请只发送一个强版本号，例如 If-Match: "3"；新收件不带此头。
    | Send one strong version such as If-Match: "3"; none when a case is received.
on-behalf-of-invalid | 400 | On-Behalf-Of 无效 | On-Behalf-Of is not valid
    | 使用系统密钥时请附一个 On-Behalf-Of 写明办理人；使用令牌时不得附带。
    | Name one person there with an API key; leave it out with a token.
unauthenticated | 401 | 未通过身份验证 | Not authenticated
    | 请使用有效的令牌或系统密钥重试。 | Try again with a valid token or API key.
action-not-allowed | 403 | 无权办理 | Not yours to do
    | 您的岗位没有此项权限；请由有权的人员办理。
    | No appointment of yours gives this action here; ask somebody whose does.
appointment-ended | 403 | 授权已终止 | The appointment has ended
    | 您曾有的授权已经终止；如需办理请重新申请授权。
    | An appointment of yours gave this and has ended; a new one has to be granted.
beyond-authority | 403 | 超越批准权限 | Beyond authority
    | 所列批准人无权批准此事项；请由有权的人批准。
    | The person named as approving could not approve this; name one who can.
separation-of-duties | 403 | 违反岗位分离 | Duties must stay apart
    | 按所列规则须由另一人办理。 | By the rule named, another person has to do this.
restricted | 403 | 仅限存储 | Kept for storage only
    | 该信息已限制处理，不能查看或使用。
    | These data are restricted and can neither be shown nor used.
purpose-required | 403 | 须说明查阅目的 | A purpose is required
    | 请用 Purpose 头写明受认可的目的代码和依据编号。
    | Name an accepted purpose and its reference in the Purpose header.
origin-not-allowed | 403 | 来源页面不被允许 | The page of origin is not allowed
    | 请从本系统的页面重新操作。 | Do this from a page of this service.
not-found | 404 | 未找到 | Not found
    | 没有此路径或对象，或对您不可见；请核对地址。
    | There is no such path or thing, or not for you; check the address.
case-not-found | 404 | 未找到该办件 | No such case
    | 没有此办件，或对您不可见；请核对办件编号。
    | There is no such case, or not for you; check the case number.
method-not-allowed | 405 | 方法不被允许 | Method not allowed
    | 请使用 Allow 头所列的方法；已记录的内容只能以新的动作更正。
    | Use a method named in Allow; what is recorded is put right by a new act only.
not-acceptable | 406 | 无可接受的格式 | No acceptable representation
    | 请在 Accept 中列出本路径提供的格式。 | Name a format in Accept that this path offers.
timeout | 408 | 请求发送过慢 | The request came too slowly
    | 请在时限内重新发送整个请求。 | Send the whole request again, faster.
wrong-stage | 409 | 当前环节不能办理 | Not possible at this stage
    | 请查看 allowed_actions 中当前可办理的动作。
    | See `allowed_actions` for what is possible now.
already-done | 409 | 已经办理 | Already done
    | 此动作只能办理一次；原记录见 earlier_position。
    | This is done once only; see `earlier_position` for the act on record.
document-mismatch | 409 | 文书不一致 | Not the same document
    | 请使用与决定（或用印）一致的文书版本和摘要。
    | Use the version and digest of the document decided on (or sealed).
seal-not-held | 409 | 未持有该印章 | The seal is not held
    | 该印章此刻不由您保管或未启用；请先办理交接或启用。
    | You do not keep this seal now, or it is not in use: hand it over or enable it first.
basis-moved | 409 | 办理依据已变化 | The basis has moved
    | 所依据的事项、印章、授权、日历或规则已变化；请重新读取后再办理。
    | An item, seal, appointment, calendar or policy changed meanwhile: read again, then act.
legal-hold | 409 | 已被保全 | Held for inspection
    | 检查部门已要求保全，解除前不能办理。 | An inspection hold forbids this until it is lifted.
rule-refused | 409 | 程序规则不允许 | A rule of procedure forbids it
    | 请查看 rule 所列规则，补足条件后再办理。
    | See `rule`, meet what it asks for, then act again.
anchor-shrunk | 409 | 日志短于已存证的检查点 | The log is shorter than what is anchored
    | 请取该日志最新的检查点重试；若其记录确已减少，请查明原因。
    | Take its newest checkpoint; if events are really gone there, find out why.
anchor-conflict | 409 | 该日志有两段不一致的历史 | The log has two histories
    | 两个已签名的检查点互不相容，已作为证据记录；请通知监察机关，先查明再处理。
    | Two signed checkpoints contradict each other and are on record: call inspection.
version-conflict | 412 | 办件已有新版本 | The case has moved on
    | 请读取 current_version 的办件后再决定是否办理。
    | Read the case at `current_version`, then decide again.
body-too-large | 413 | 正文过大 | The body is too large
    | 请减小正文；文件只登记摘要，不随请求上传。
    | Send less; of documents only the digests are recorded.
media-type | 415 | 媒体类型不支持 | Media type not supported
    | 请使用 Content-Type: application/json（UTF-8）。
    | Send Content-Type: application/json in UTF-8.
encoding-not-supported | 415 | 不支持内容编码 | Content-Encoding not supported
    | 请不经压缩发送正文，并去掉 Content-Encoding。
    | Send the body uncompressed and without Content-Encoding.
expectation-failed | 417 | Expect 不支持 | Expectation failed
    | 除 100-continue 外请去掉 Expect 头。 | Leave Expect out, unless it is 100-continue.
schema | 422 | 内容不符合格式 | Not of the required form
    | 请按接口文档更正 pointer 所指的成员。 | Correct the member that `pointer` names.
unknown-field | 422 | 不认识或不可填写的成员 | A member unknown or not yours to set
    | 请去掉 pointer 所指的成员。 | Leave out the member that `pointer` names.
integer-range | 422 | 整数超出范围 | Integer out of range
    | 整数的绝对值不得大于 2^53−1。 | Integers are at most 2^53−1 in size.
forbidden-character | 422 | 含有不允许的字符 | A forbidden character
    | 请去掉控制字符、双向控制符等不可见字符。
    | Remove control, direction and other invisible characters.
too-long | 422 | 字符串过长 | A string is too long
    | 单行内容不超过 200 字，文本不超过 10000 字。
    | Single lines hold 200 characters, texts 10,000.
too-many-items | 422 | 项目过多 | Too many items
    | 列表不超过 200 项，全部成员不超过 1000 个。
    | Lists hold 200 items, a body 1,000 members.
record-too-large | 422 | 记录过大 | The record is too large
    | 一条记录不超过 60000 字节；请减少材料或缩短名称。
    | A record holds 60,000 bytes: send fewer materials or shorter names.
occurred-in-future | 422 | 发生时间在未来 | occurred_at lies in the future
    | occurred_at 不得晚于当前时间 120 秒以上。
    | occurred_at is at most 120 s ahead of the ledger's clock.
unknown-reference | 422 | 所引用的对象不存在 | What is referred to is not there
    | 请核对所引用的事项、机构、人员、印章、文书或记录。
    | Check the item, organ, person, seal, document or event named.
anchor-unproven | 422 | 检查点未能证明 | The checkpoint does not prove out
    | 请核对登记的公钥，并用该日志的哈希块重新计算一致性证明。
    | Check the registered keys, and make the proof anew from that log's tiles.
idempotency-key-reused | 422 | Idempotency-Key 已用于另一请求 | The key was used for another request
    | 不同的请求请使用新的 Idempotency-Key。 | Use a new Idempotency-Key for another request.
webhook-target | 422 | 推送地址不被允许 | The webhook address is not allowed
    | 请使用允许名单内的公开 https 地址。 | Use a public https address of the allow-list.
import-format | 422 | 导入文件无法读取 | The import file cannot be read
    | 请核对文件格式、编码和映射。 | Check the file's format, encoding and mapping.
version-required | 428 | 缺少 If-Match | If-Match is missing
    | 请附上最近看到的办件版本，例如 If-Match: "3"。
    | Send the version last seen, such as If-Match: "3".
rate-limited | 429 | 请求过于频繁 | Too many requests
    | 请等待 Retry-After 所示的秒数。 | Wait as long as Retry-After says.
internal | 500 | 系统内部错误 | A defect of ours
    | 请凭 instance 编号联系管理员；可用同一 Idempotency-Key 再试。
    | Tell the operator the `instance`; the same Idempotency-Key may be tried again.
behind | 503 | 数据尚未更新到所求位置 | Not yet at that position
    | 请稍后再读。 | Read again a little later.
busy | 503 | 系统繁忙 | Busy
    | 未记录任何内容；请稍后用同一 Idempotency-Key 再试。
    | Nothing was stored; try again with the same Idempotency-Key.
store-unavailable | 503 | 数据库不可用 | The store is unavailable
    | 未记录任何内容；请稍后用同一 Idempotency-Key 再试。
    | Nothing was stored; try again with the same Idempotency-Key.
storage-full | 503 | 存储空间不足 | The storage is full
    | 未记录任何内容；扩容后请用同一 Idempotency-Key 再试。
    | Nothing was stored; try again with the same key once there is room.
outcome-unknown | 503 | 结果未知 | The outcome is unknown
    | 可能已记录也可能未记录；请用同一 Idempotency-Key 再次询问。
    | It may be stored or not: ask again with the same Idempotency-Key.
integrity-hold | 503 | 因完整性检查暂停记录 | Appends are held
    | 在完整性恢复之前不接受新记录；见 /readyz。
    | Nothing is appended until integrity is established; see /readyz.
access-log-unavailable | 503 | 查阅无法登记 | The reading could not be recorded
    | 查阅须先登记，故未显示内容；请稍后再试。
    | Reading is recorded first, so nothing is shown; try again later.
"""


def _read(table: str) -> Mapping[str, Slug]:
    """Read the table: an entry may go on in indented lines."""
    joined = table.replace("\n    |", " |").strip().splitlines()
    rows = ([cell.strip() for cell in line.split("|")] for line in joined)
    slugs = (Slug(name, int(status), *words) for name, status, *words in rows)
    return {slug.name: slug for slug in slugs}


SLUGS: Mapping[str, Slug] = _read(_TABLE)
