"""How a page is made: templates that escape everything, and a policy that runs nothing.

Every text that a template shows passes through `unusual`, so that no character can hide;
what goes into an attribute or into a drawing is ours.
"""

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

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
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
    request: web.Request, template: str, texts: Texts, *, status: int = 200, **shown: object
) -> web.Response:
    """Answer a page that nobody keeps."""
    explicit = request.query.get("lang") is not None

    def url(path: str, **query: str) -> str:
        if explicit:
            query["lang"] = texts.language
        return f"{path}?{urlencode(query)}" if query else path

    context = {"who": None, "ledger": None, **shown}
    body = (
        environment()
        .get_template(template)
        .render(
            t=texts,
            url=url,
            explicit=explicit,
            style=static("style.css")[1][:12],
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
            "Cache-Control": "no-store",
            "Content-Language": texts.language,
            "Vary": "Accept-Language, Cookie",
        },
    )


def _other(request: web.Request, texts: Texts) -> str:
    """Return the address of the same page in the other language."""
    other = next(language for language in LANGUAGES if language != texts.language)
    kept = {name: value for name, value in request.query.items() if name != "lang"}
    path = request.path if request.method == "GET" else "/"
    return f"{path}?{urlencode({**kept, 'lang': other})}"


@cache
def static(name: str) -> tuple[bytes, str]:
    """Return one of our two files with its digest."""
    body = files("api.web").joinpath(name).read_bytes()
    return body, sha256(body).hexdigest()


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
