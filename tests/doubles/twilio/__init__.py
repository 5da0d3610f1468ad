"""A local double of Twilio Video, for tests: its REST API, its signalling and its signed callbacks.

The unmodified `twilio-video` SDK in a real browser and the unmodified `twilio` package take it for Twilio:

    with Twilio() as twilio:
        server = Server(folder, database_url, **twilio.settings, **twilio.environment)
        browser = browsers.launch(playwright, extra=twilio.chromium_arguments)

There is no media server: browsers are led to connect to each other (`mesh`).

What it proves: our pages against the real SDK (joining, tracks, mute, a second window, a reload, lost
signalling, a room that ends, removal), our server against the real client, and signed callbacks that
come late, twice, in any order or never.

What it does not prove: anything of the media server (simulcast, bandwidth profiles, switching off,
dominant speaker, network quality), TURN and firewalls, regions, insights, real timing, real limits, the
real order of callbacks, real recordings. Nobody has compared it with the live service.

Guesses, besides those that stand beside the code: the codes of the single faults of a token; that a token
is verified again when a browser comes back, and a completed room is 53118 for it; completing a room
twice (400, 53112); what a removed browser is told; that tracks are reported as removed before the one who
leaves; that recordings complete after `room-ended`; the meaning of `is_recording` while nothing is
published; sizes and durations of recordings. Callbacks are posted, never fetched with GET.
"""

from doubles.twilio.callbacks import Callbacks, Delivered, sign
from doubles.twilio.faults import Fault, Faults, Request
from doubles.twilio.model import Composition, Participant, Recording, Room
from doubles.twilio.service import Twilio
from doubles.twilio.sockets import Frame
from doubles.twilio.switches import Switches

__all__ = [
    "Callbacks",
    "Composition",
    "Delivered",
    "Fault",
    "Faults",
    "Frame",
    "Participant",
    "Recording",
    "Request",
    "Room",
    "Switches",
    "Twilio",
    "sign",
]
