"""A program that uses the JSON API, and the description that each of its answers is held to."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from openapi_schema_validator import OAS31Validator
from werkzeug.test import TestResponse

from support.cast import Person
from telehealth import api_tokens, people
from telehealth.access import SYSTEM

PREFIX = "/api/v1"


class Description:
    """The OpenAPI description of the running app."""

    def __init__(self, app: Flask) -> None:
        self.spec: dict[str, Any] = app.test_client().get(f"{PREFIX}/openapi.json").get_json()

    def check(self, method: str, path: str, answer: TestResponse) -> None:
        """Fail where an answer is not what is described."""
        responses = self.operation(method, path)["responses"]
        described = responses.get(str(answer.status_code))
        assert described, f"{method} {path} answered {answer.status_code}, which is not described"
        content = described["content"][answer.mimetype]
        schema = {**content["schema"], "components": self.spec["components"]}
        faults = [error.message for error in OAS31Validator(schema).iter_errors(answer.get_json())]
        assert not faults, f"{method} {path} {answer.status_code}: {faults}"

    def operation(self, method: str, path: str) -> dict[str, Any]:
        """What is described of a call; a path without braces wins over one with."""
        path = path.partition("?")[0]
        for template in sorted(self.spec["paths"], key=lambda one: one.count("{")):
            pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
            operations: dict[str, Any] = self.spec["paths"][template]
            if re.fullmatch(pattern, path) and method.lower() in operations:
                found: dict[str, Any] = operations[method.lower()]
                return found
        raise AssertionError(f"{method} {path} is not described")


class Program:
    """Acts for a member of the cast, with a bearer token."""

    def __init__(self, app: Flask, person: Person, description: Description) -> None:
        self.person = person
        self.client = app.test_client(use_cookies=False)
        self.description = description
        with app.app_context():
            user = people.by_email(person.part.email)
            assert user is not None
            self.token = api_tokens.create(user, "tests", by=SYSTEM)

    def get(self, path: str, status: int = 200) -> Any:
        """What comes back of a GET."""
        return self.call("GET", path, status).get_json()

    def post(self, path: str, sent: Any = None, status: int = 200) -> Any:
        """What comes back of a POST of JSON; of an empty one where there is nothing to send."""
        more = {} if sent is None else {"json": sent}
        return self.call("POST", path, status, **more).get_json()

    def call(self, method: str, path: str, status: int, **more: Any) -> TestResponse:
        """The whole answer, which must have this status and be as described."""
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        answer = self.client.open(f"{PREFIX}{path}", method=method, headers=headers, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:400]}"
        self.description.check(method, f"{PREFIX}{path}", answer)
        return answer
