"""Endpoints of the JSON API, declared once: the check of what comes in and the OpenAPI description.

The description is made from the same declarations that run, so it cannot say anything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import Blueprint, jsonify, make_response, request
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from telehealth.routes.shapes import Nothing, Shape, read_body, read_query

MEANINGS = {
    200: "Done",
    201: "Created",
    400: "Something in the request cannot be used",
    401: "Not signed in",
    403: "Yours, but not your action",
    404: "There is none, or it is somebody else's",
    409: "Not at this moment",
    413: "Too large",
    429: "Too many requests",
    502: "The video service refused for good",
    503: "The video service does not answer for now",
}

PART = re.compile(r"<(?:[^:>]+:)?(\w+)>")
"""A part of an address that names something, with or without its converter."""


@dataclass(frozen=True)
class Operation:
    """One endpoint: where, what goes in, what comes out."""

    method: str
    rule: str
    name: str
    words: str
    answer: type[BaseModel]
    status: int
    errors: tuple[int, ...]
    query: type[Shape] | None = None
    body: type[Shape] | None = None


class Api:
    """A blueprint whose endpoints are declared with their shapes."""

    def __init__(self, blueprint: Blueprint, error: type[BaseModel]) -> None:
        self.blueprint = blueprint
        self.error = error
        self.operations: list[Operation] = []

    def endpoint(
        self,
        method: str,
        rule: str,
        answer: type[BaseModel],
        *,
        status: int = 200,
        errors: tuple[int, ...] = (),
        query: type[Shape] | None = None,
        body: type[Shape] | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a view; it gets `query` and `body` as checked models beside the path's parts."""

        def declare(view: Callable[..., Any]) -> Callable[..., Any]:
            words = " ".join((view.__doc__ or "").split())
            self.operations.append(
                Operation(method, rule, view.__name__, words, answer, status, errors, query, body)
            )

            @wraps(view)
            def run(**parts: Any) -> Any:
                asked, sent = read_query(query or Nothing), _sent(body)
                if query:
                    parts["query"] = asked
                if body:
                    parts["body"] = sent
                return _respond(view(**parts), status)

            self.blueprint.add_url_rule(rule, view.__name__, run, methods=[method])
            return run

        return declare

    def describe(self, title: str, version: str) -> dict[str, Any]:
        """The OpenAPI 3.1 description of everything declared here."""
        shapes: list[tuple[type[BaseModel], Any]] = [(self.error, "serialization")]
        for one in self.operations:
            shapes += [(one.answer, "serialization")]
            shapes += [(one.body, "validation")] if one.body else []
        keys, definitions = models_json_schema(shapes, ref_template="#/components/schemas/{model}")
        paths: dict[str, dict[str, Any]] = {}
        for one in self.operations:
            path = PART.sub(r"{\1}", f"{self.blueprint.url_prefix}{one.rule}")
            paths.setdefault(path, {})[one.method.lower()] = self._one(one, keys)
        return {
            "openapi": "3.1.0",
            "info": {"title": title, "version": version},
            "security": [{"bearer": []}, {"cookie": []}],
            "paths": paths,
            "components": {
                "schemas": definitions.get("$defs", {}),
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer"},
                    "cookie": {"type": "apiKey", "in": "cookie", "name": "sign_in"},
                    "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRFToken"},
                },
            },
        }

    def _one(self, one: Operation, keys: Any) -> dict[str, Any]:
        errors = {400, 401, *one.errors, *({413} if one.body else ()), 429}
        found: dict[str, Any] = {
            "operationId": one.name,
            "summary": one.words,
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in PART.findall(one.rule)
            ]
            + _query_parameters(one.query),
            "responses": {str(one.status): _content(MEANINGS[one.status], keys[one.answer, "serialization"])}
            | {
                str(code): _content(MEANINGS[code], keys[self.error, "serialization"])
                for code in sorted(errors)
            },
        }
        seconds = {"schema": {"type": "integer"}, "required": True, "description": "Seconds to wait"}
        found["responses"]["429"]["headers"] = {"Retry-After": seconds}
        if one.method != "GET":
            found["security"] = [{"bearer": []}, {"cookie": [], "csrf": []}]
        if one.status == 201:
            found["responses"]["201"]["headers"] = {
                "Location": {"schema": {"type": "string"}, "required": False}
            }
        if one.body:
            schema = keys[one.body, "validation"]
            found["requestBody"] = {
                "required": any(field.is_required() for field in one.body.model_fields.values()),
                "content": {"application/json": {"schema": schema}},
            }
        return found


def _sent(body: type[Shape] | None) -> Shape | None:
    """The body; a GET has none, and whatever else is sent unasked is refused."""
    return None if request.method == "GET" and body is None else read_body(body or Nothing)


def _respond(result: Any, status: int) -> Any:
    body, headers = result if isinstance(result, tuple) else (result, {})
    return make_response(jsonify(body), status, headers)


def _content(words: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _query_parameters(query: type[Shape] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    shapes = query.model_json_schema()["properties"]
    return [
        {"name": name, "in": "query", "required": False, "schema": _or_empty(one)}
        for name, one in shapes.items()
    ]


def _or_empty(schema: dict[str, Any]) -> dict[str, Any]:
    """A query knows no null; an empty parameter is as good as none."""
    given = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    return {"anyOf": [*given, {"const": ""}]}
