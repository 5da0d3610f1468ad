"""The shape of JSON that comes in: strict, small, and free of what parsers disagree about."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn, TypeVar

from flask import request
from flask_babel import gettext as _
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic import ValidationError as PydanticError

from telehealth import texts
from telehealth.errors import Invalid

DEEPEST = 20
NAMED = 20
"""So many fields are told what is wrong with them: an answer is not longer than the question."""
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

Model = TypeVar("Model", bound="Shape")


class Shape(BaseModel):
    """A body or a query. Unknown fields are refused, never ignored; types are not guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Nothing(Shape):
    """No fields."""


def _moment(value: object) -> datetime:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("must be a time such as 2026-06-09T14:30:00+02:00, with its offset")
    moment = datetime.fromisoformat(value.upper())
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time of this age") from None


def _text(value: str) -> str:
    if texts.is_unkept(value):
        raise ValueError("holds characters that cannot be used")
    return value


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment with its offset (RFC 3339); without one it is refused."""


class _NoNul:
    """Tells in the description what `_text` refuses and JSON can hold."""

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"pattern": r"^[^\x00]*$", **handler(core)}


Text = Annotated[str, AfterValidator(_text), _NoNul()]
"""Text as both databases take it."""


def read_body(model: type[Model]) -> Model:
    """The JSON body in this shape; an empty one will do where nothing is required. Raises Invalid."""
    raw = request.get_data(cache=False)
    if not raw and not any(one.is_required() for one in model.model_fields.values()):
        return model()
    if not request.is_json:
        raise Invalid(_("Send JSON, with Content-Type: application/json."))
    return parse(model, load(raw))


def read_query(model: type[Model]) -> Model:
    """The query in this shape; an empty parameter is none, one given twice is refused. Raises Invalid."""
    doubled = {name: ["given twice"] for name, all in request.args.lists() if len(all) > 1}
    if doubled:
        raise Invalid(fields=doubled)
    given = {name: value for name, value in request.args.items() if value != ""}
    return parse(model, given, strict=False)


def parse(model: type[Model], data: object, strict: bool | None = None) -> Model:
    """Data in this shape. Raises Invalid, with the fields that are wrong."""
    try:
        return model.model_validate(data, strict=strict)
    except PydanticError as error:
        fields: dict[str, list[str]] = {}
        for one in error.errors(include_url=False, include_input=False, include_context=False)[:NAMED]:
            name = ".".join(str(part) for part in one["loc"])[:100] or "body"
            fields.setdefault(name, []).append(_words(one["type"], one["msg"]))
        raise Invalid(fields=fields) from None


def load(raw: bytes) -> object:
    """JSON without doubled keys, NaN and deep nesting. Raises Invalid."""
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Invalid(_("This is no JSON that can be used.")) from None
    if _depth(found) > DEEPEST:
        raise Invalid(_("This is nested too deeply."))
    return found


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _depth(value: object) -> int:
    level, layer = 0, [value]
    while layer and level <= DEEPEST:
        level += 1
        layer = [
            child
            for one in layer
            if isinstance(one, (dict, list))
            for child in (one.values() if isinstance(one, dict) else one)
        ]
    return level


def _words(kind: str, message: str) -> str:
    known = {
        "missing": _("This is missing."),
        "extra_forbidden": _("This field is unknown or cannot be set."),
    }
    return known.get(kind, message)
