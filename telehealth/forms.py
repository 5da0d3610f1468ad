"""Forms check the shape of what was typed; they know no roles and no states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import request
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    DateField,
    DateTimeLocalField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TelField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from telehealth import texts, times
from telehealth.errors import Invalid
from telehealth.models import Session, User

NOTES_MOST = 5000
BESIDE = {"csrf_token", "next"}
"""What comes with a form and belongs to none."""


def clean(form: Any, field: Any) -> None:
    """Refuse text that PostgreSQL cannot keep: NUL and lone surrogates."""
    if isinstance(field.data, str) and texts.is_unkept(field.data):
        raise ValidationError(texts.UNUSABLE)


def near(form: Any, field: Any) -> None:
    """Refuse days that no calendar reaches from here."""
    if field.data and not 1900 <= field.data.year <= 2999:
        raise ValidationError(_l("Check the year."))


class Form(FlaskForm):
    """A form whose CSRF token was checked before the view began."""

    class Meta:
        csrf = False

        def wrap_formdata(self, _form: Any, formdata: Any) -> Any:
            """What a form sent; JSON would bring in types that no field expects."""
            sent = request.form if request.method == "POST" else None
            return sent if formdata is not None else None

    def validate(self, *args: Any, **kwargs: Any) -> bool:
        """What it does not know is refused: nobody else's name, role or state comes in that way."""
        good = super().validate(*args, **kwargs)
        if request.method == "POST" and request.form.keys() - self._fields.keys() - BESIDE:
            self.form_errors.append(_l("Some of what was sent cannot be used."))
            good = False
        return good

    def take(self, refusal: Invalid) -> None:
        """Show what an operation refused beside the fields it named."""
        for name, messages in refusal.fields.items():
            if name in self._fields:
                self._fields[name].errors = [*self._fields[name].errors, *messages]
            else:
                self.form_errors.extend(messages)
        if not refusal.fields and not self.errors:
            self.form_errors.append(refusal.message)


class SignInForm(Form):
    """E-mail and password; anything goes in, so that the answer tells nothing about accounts."""

    email = StringField(_l("Email"), [clean, Length(max=254)])
    password = PasswordField(_l("Password"), [clean])


class PasswordForm(Form):
    """A new password, twice."""

    password = PasswordField(_l("New password"), [clean])
    password_again = PasswordField(_l("The same password again"), [clean])

    def validate_password_again(self, field: PasswordField) -> None:
        """A slip of the finger would lock its owner out."""
        if field.data != self.password.data:
            raise ValidationError(_l("The two passwords are not the same."))


class SessionForm(Form):
    """A new session. `clashes` is filled by the route and asks to be confirmed."""

    scheduled_start = DateTimeLocalField(
        _l("Scheduled Start Time"),
        [InputRequired(_l("Choose a date and a time."))],
        format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
    )
    fold = RadioField(
        _l("Which one?"),
        [Optional()],
        choices=[
            SelectChoice("first", _l("The first time, before the clocks go back")),
            SelectChoice("second", _l("The second time, after the clocks went back")),
        ],
    )
    recording_enabled = BooleanField(_l("Enable Recording"))
    notes = TextAreaField(
        _l("Notes"),
        [clean, Length(max=NOTES_MOST, message=_l("Use at most %(max)d characters."))],
    )
    confirm_clash = BooleanField(_l("Create it anyway"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.clashes: list[Session] = []
        self.ambiguous = False

    def moment(self, zone: ZoneInfo) -> datetime:
        """The start in UTC. Raises Invalid, and Twice where `fold` has to say which one."""
        fold = {"first": 0, "second": 1}.get(self.fold.data or "")
        return times.from_form(self.scheduled_start.data, zone, fold)


class VisitForm(Form):
    """A new visit; the choices are filled by the route."""

    patient_id = SelectField(_l("Patient"), [InputRequired(_l("Choose a patient."))])
    doctor_id = SelectField(_l("Doctor"), [Optional()])
    reason = StringField(_l("Reason"), [clean, InputRequired(_l("Write the reason."))])


class PersonForm(Form):
    """A person of the clinic."""

    role = SelectField(
        _l("Role"),
        choices=[
            SelectChoice("patient", _l("Patient")),
            SelectChoice("doctor", _l("Doctor")),
            SelectChoice("staff", _l("Staff")),
        ],
    )
    name = StringField(_l("Name"), [clean])
    email = StringField(_l("Email"), [clean])
    phone = TelField(_l("Phone"), [clean])
    date_of_birth = DateField(_l("Date of birth"), [Optional()])


class ChangePersonForm(PersonForm):
    """The same without the role, which stays."""

    role = None


class AuditForm(Form):
    """What of the audit to show: days of the clinic, an action that came to be or the refusals, a person."""

    first = DateField(_l("From"), [Optional(), near], name="from")
    last = DateField(_l("To"), [Optional(), near], name="to")
    event = SelectField(_l("Event"), default="")
    who = SelectField(_l("Person"), default="")

    def __init__(self, asked: MultiDict[str, str], events: Mapping[str, str], people: Iterable[User]) -> None:
        super().__init__(asked)
        kinds = [("", _l("All events")), *events.items()]
        self.event.choices = [SelectChoice(*one) for one in kinds]
        everybody = [("", _l("Everyone")), *((person.id, person.name) for person in people)]
        self.who.choices = [SelectChoice(*one) for one in everybody]

    class Meta(Form.Meta):
        def wrap_formdata(self, _form: Any, formdata: Any) -> Any:
            """What stands in the address."""
            return formdata
