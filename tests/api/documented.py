"""Holds what a running service answers against its own OpenAPI document."""

import json
import re

import jsonschema_rs

from api import openapi

PART = re.compile(r"\\\{\w+\\\}")


class Documented:
    """A document, and which of its operations were answered, with which status."""

    def __init__(self, document):
        self.document = document
        self.seen = set()
        self._validators = {}
        # A path without parts is tried before one with them, as it is served.
        self._paths = [
            (re.compile(PART.sub("[^/]+", re.escape(path))), path)
            for path in sorted(document["paths"], key=lambda path: (path.count("{"), path))
        ]

    def operation(self, method, url):
        path = url.partition("?")[0]
        for pattern, template in self._paths:
            if pattern.fullmatch(path) and method.lower() in self.document["paths"][template]:
                return template, self.document["paths"][template][method.lower()]
        return None, None

    def check(self, method, url, response, body):
        """Fail where status, media type or body are not what the document says."""
        template, operation = self.operation(method, url)
        if operation is None:
            return
        where = f"{method} {template} {response.status}"
        answers = operation["responses"]
        told = answers.get(str(response.status), answers.get("default"))
        assert told is not None, f"{where} is not in the document"
        if response.status in range(300, 400):
            self.seen.add((method, template, response.status))
            return
        assert response.content_type in told["content"], f"{where}: {response.content_type}"
        schema = told["content"][response.content_type]["schema"]
        if response.content_type.endswith("json") and "$ref" in schema:
            error = next(self._validator(schema["$ref"]).iter_errors(body), None)
            assert error is None, f"{where}: {list(error.instance_path)}: {error.message[:500]}"
        self.seen.add((method, template, response.status))

    def _validator(self, ref):
        if ref not in self._validators:
            whole = {"$ref": ref, "components": self.document["components"]}
            self._validators[ref] = jsonschema_rs.Draft202012Validator(whole)
        return self._validators[ref]


WRITTEN: dict[tuple, Documented] = {}


def document_of(table):
    """The document of what is served, which takes longer to write than a service to start."""
    served = tuple((row.method, row.path) for row in table)
    if served not in WRITTEN:
        WRITTEN[served] = Documented(json.loads(openapi.written(table)))
    return WRITTEN[served]
