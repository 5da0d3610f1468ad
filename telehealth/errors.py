"""What can go wrong, in the words of the domain; the routes turn each class into one HTTP answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel import gettext as _

if TYPE_CHECKING:
    from telehealth.models import Session


class Refusal(Exception):
    """An answer that is no success. `message` is for the person who asked; it holds no ids and no names."""

    status = 400
    code = "invalid"

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.usual_message()
        super().__init__(self.message)

    def usual_message(self) -> str:
        """The words where the raiser gave none."""
        return _("This did not work.")


class Invalid(Refusal):
    """What was sent cannot be used. `fields` maps a field to what is wrong with it."""

    def __init__(self, message: str | None = None, fields: dict[str, list[str]] | None = None) -> None:
        self.fields = fields or {}
        super().__init__(message)

    def usual_message(self) -> str:
        return _("Some of what was sent cannot be used.")


class Unauthenticated(Refusal):
    """Nobody is signed in, or the sign-in is over."""

    status = 401
    code = "unauthenticated"

    def usual_message(self) -> str:
        return _("Please sign in.")


class Denied(Refusal):
    """A refusal that the audit keeps: who tried what on which object."""

    def __init__(
        self,
        message: str | None = None,
        *,
        action: str | None = None,
        object_type: str | None = None,
        object_id: str | None = None,
    ) -> None:
        self.action = action
        self.object_type = object_type
        self.object_id = object_id
        super().__init__(message)


class NotAllowed(Denied):
    """The object is theirs to see, the action is not theirs to take."""

    status = 403
    code = "forbidden"

    def usual_message(self) -> str:
        return _("Another person's role is needed for this. Ask the clinic if you think you should.")


class NotFound(Denied):
    """There is no such thing, or it belongs to somebody else: the answer is the same."""

    status = 404
    code = "not_found"

    def usual_message(self) -> str:
        return _("It may have been moved, or the address has a mistake.")


class WrongState(Refusal):
    """The right person at the wrong moment. `session` is the present state, for the answer to show."""

    status = 409
    code = "wrong_state"

    def __init__(self, message: str | None = None, *, session: Session | None = None) -> None:
        self.session = session
        super().__init__(message)

    def usual_message(self) -> str:
        return _("This is not possible any more. Here is how things are now.")


class OutOfOrder(Invalid):
    """A piece of something larger came too early; `fields` names the one that is expected."""

    status = 409
    code = "out_of_order"

    def __init__(self, expected: int) -> None:
        super().__init__(fields={"next": [str(expected)]})

    def usual_message(self) -> str:
        return _("A piece before this one is missing.")


class Gone(Refusal):
    """It worked once and never will again. `code` tells a program which kind."""

    status = 410
    code = "gone"

    def __init__(self, message: str | None = None, *, code: str = "gone") -> None:
        self.code = code
        super().__init__(message)

    def usual_message(self) -> str:
        return _("This link no longer works.")


class TooLarge(Refusal):
    """More was sent than is ever needed."""

    status = 413
    code = "too_large"

    def usual_message(self) -> str:
        return _("This is too large to send.")


class TooMany(Refusal):
    """Asked too often. `retry_after` is in whole seconds."""

    status = 429
    code = "too_many_requests"

    def __init__(self, message: str | None = None, *, retry_after: int = 60) -> None:
        self.retry_after = retry_after
        super().__init__(message)

    def usual_message(self) -> str:
        return _("Too many tries. Please wait a little and try again.")


class ProviderRefused(Refusal):
    """The video service said no for good. `reason` is kept with the session, in plain words."""

    status = 502
    code = "provider_unavailable"

    def __init__(self, reason: str, *, session: Session | None = None) -> None:
        self.session = session
        super().__init__(reason)


class ProviderUnavailable(Refusal):
    """The video service is out of reach for now; trying again later may work."""

    status = 503
    code = "provider_unavailable"

    def __init__(self, message: str | None = None, *, session: Session | None = None) -> None:
        self.session = session
        super().__init__(message)

    def usual_message(self) -> str:
        return _("The video service does not answer. Nothing is lost. Try again in a minute.")
