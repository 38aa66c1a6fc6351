"""How a page is made: templates that escape everything, and a policy that runs nothing.

Every text that a template shows passes through `unusual`, so that no character can hide;
what goes into an attribute or into a drawing is ours.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context
from markupsafe import Markup

from api.web.texts import LANGUAGES, Texts
from api.web.unusual import marked
from ledger.errors import Refused

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# Where there is a script it is ours, and makes no element, script or address out of a string.
SCRIPT_POLICY = (
    f"{CONTENT_POLICY}; script-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
)
FOR_EVER = "public, max-age=31536000, immutable"
GUARDS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: our own forms could not be told from those of others.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pass_context
def _finalize(context: Context, value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return marked(value, context["t"])
    return "" if value is None else value


@cache
def environment() -> Environment:
    """Return the templates, made once."""
    return Environment(
        loader=PackageLoader("api.web"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def rendered(
    request: web.Request,
    template: str,
    texts: Texts,
    *,
    status: int = 200,
    **shown: object,
) -> web.Response:
    """Answer a page that nobody keeps; `script` is the module of ours that helps on it."""
    script = shown.pop("script", None)
    explicit = request.query.get("lang") is not None

    def url(path: str, **query: str) -> str:
        if explicit:
            query["lang"] = texts.language
        return merged(path, query)

    context = {"who": None, "ledger": None, "live": None, "ways": (), "path": request.path, **shown}
    body = (
        environment()
        .get_template(template)
        .render(
            t=texts,
            url=url,
            explicit=explicit,
            style=static("style.css")[1][:12],
            script=None if script is None else f"/script/{modules()[1]}/{script}",
            here=request.path_qs,
            other_language=_other(request, texts),
            **context,
        )
    )
    return web.Response(
        body=body.encode(),
        status=status,
        content_type="text/html",
        charset="utf-8",
        headers={
            **GUARDS,
            "Content-Security-Policy": _policy(script, live=shown.get("live") is not None),
            "Cache-Control": "no-store",
            "Content-Language": texts.language,
            "Vary": "Accept-Language, Cookie",
        },
    )


def merged(path: str, query: Mapping[str, str]) -> str:
    """Return an address of ours with this in its query, before a fragment and once.

    >>> merged("/cases?lang=zh-CN&from=7#last", {"lang": "en"})
    '/cases?from=7&lang=en#last'
    """
    if not query:
        return path
    address, mark, fragment = path.partition("#")
    address, _, asked = address.partition("?")
    kept = [one for one in asked.split("&") if one and one.partition("=")[0] not in query]
    return f"{address}?{'&'.join((*kept, urlencode(query)))}{mark}{fragment}"


def _policy(script: object, *, live: bool) -> str:
    """Return what a page may do: run our script where it has one, ask us where it hears news."""
    if script is None:
        return CONTENT_POLICY
    return f"{SCRIPT_POLICY}; connect-src 'self'" if live else SCRIPT_POLICY


def _other(request: web.Request, texts: Texts) -> str:
    """Return the address of the same page in the other language."""
    other = next(language for language in LANGUAGES if language != texts.language)
    kept = {name: value for name, value in request.query.items() if name != "lang"}
    path = request.path if request.method == "GET" else "/"
    return f"{path}?{urlencode({**kept, 'lang': other})}"


@cache
def static(name: str) -> tuple[bytes, str]:
    """Return one of our files with its digest; the stylesheet is put together of its parts."""
    stem, _, kind = name.partition(".")
    parts = [
        file
        for file in sorted(files("api.web").iterdir(), key=lambda file: file.name)
        if file.name.startswith(stem) and file.name.endswith(f".{kind}")
    ]
    body = b"\n".join(part.read_bytes() for part in parts)
    return body, sha256(body).hexdigest()


@cache
def modules() -> tuple[Mapping[str, bytes], str]:
    """Return the modules of our script by name, and the digest over all: they come together."""
    found = {
        file.name: file.read_bytes()
        for file in sorted(files("api.web").joinpath("script").iterdir(), key=lambda f: f.name)
        if file.name.endswith(".js")
    }
    whole = sha256()
    for name, body in found.items():
        whole.update(f"{name} {len(body)}\n".encode() + body)
    return found, whole.hexdigest()[:32]


async def module(request: web.Request) -> web.Response:
    """Answer a module of the script: it may be kept for ever, for its address has its digest."""
    known, digest = modules()
    body = known.get(request.match_info["module"])
    if body is None or request.match_info["digest"] != digest:
        raise Refused("not-found", "no such module")
    return web.Response(
        body=body,
        content_type="text/javascript",
        charset="utf-8",
        headers={**GUARDS, "Cache-Control": FOR_EVER},
    )


TYPES = {"style.css": "text/css", "mark.svg": "image/svg+xml"}


async def asset(request: web.Request) -> web.Response:
    """Answer the stylesheet or the mark; they may be kept, for their address changes."""
    name = request.path.removeprefix("/")
    body, digest = static(name)
    return web.Response(
        body=body,
        content_type=TYPES[name],
        charset="utf-8",
        headers={**GUARDS, "Cache-Control": "public, max-age=86400", "ETag": f'"{digest[:32]}"'},
    )
