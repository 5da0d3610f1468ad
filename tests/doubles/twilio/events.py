"""The parameters of status callbacks, as Twilio's documentation lists them, all of them text.

Events of rooms, people and tracks carry the room's status and a sequence number. Events of recordings
do not, but name the participant: so the documentation's own table has it, and so they were seen.
"""

from __future__ import annotations

from doubles.twilio.model import Composition, Participant, Recording, Room, Track, now, seconds


def _moment() -> str:
    return now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def of_room(
    event: str,
    room: Room,
    participant: Participant | None = None,
    track: Track | None = None,
    recording: Recording | None = None,
) -> dict[str, str]:
    """An event of a room, of somebody in it, of a track or of a recording."""
    parameters = {
        "AccountSid": room.account_sid,
        "RoomName": room.name,
        "RoomSid": room.sid,
        "RoomType": "group",
        "StatusCallbackEvent": event,
        "Timestamp": _moment(),
    }
    if recording is not None:
        return {**parameters, **_of_recording(event, recording)}
    parameters["RoomStatus"] = room.status
    parameters["SequenceNumber"] = str(room.events)
    room.events += 1
    if event == "room-ended":
        parameters["RoomDuration"] = str(seconds(room.created, room.end))
    if participant is not None:
        parameters["ParticipantSid"] = participant.sid
        parameters["ParticipantIdentity"] = participant.identity
        gone = participant.status == "disconnected"
        parameters["ParticipantStatus"] = "disconnected" if gone else "connected"
        if event == "participant-disconnected":
            parameters["ParticipantDuration"] = str(seconds(participant.start, participant.end))
    if track is not None:
        parameters["TrackSid"] = track.sid
        parameters["TrackKind"] = track.kind
        parameters["TrackName"] = track.name
    return parameters


def _of_recording(event: str, recording: Recording) -> dict[str, str]:
    uri = f"/v1/Recordings/{recording.sid}"
    parameters = {
        "ParticipantSid": recording.participant.sid,
        "ParticipantIdentity": recording.participant.identity,
        "RecordingSid": recording.sid,
        "SourceSid": recording.track.sid,
        "RecordingUri": uri,
        "Container": recording.container,
        "Codec": recording.codec,
        "Type": recording.track.kind,
        "TrackName": recording.track.name,
        "OffsetFromTwilioVideoEpoch": str(recording.offset),
    }
    if event == "recording-completed":
        parameters["MediaUri"] = f"{uri}/Media"
        parameters["Duration"] = str(max(1, seconds(recording.start, recording.end)))
        parameters["Size"] = str(recording.size)
    if event == "recording-failed":
        parameters["FailedOperation"] = "RecordingUpload"
    return parameters


def of_composition(event: str, composition: Composition) -> dict[str, str]:
    """An event of a composition."""
    uri = f"/v1/Compositions/{composition.sid}"
    parameters = {
        "AccountSid": composition.room.account_sid,
        "RoomSid": composition.room.sid,
        "CompositionSid": composition.sid,
        "CompositionUri": uri,
        "StatusCallbackEvent": event,
        "Timestamp": _moment(),
    }
    if event == "composition-progress":
        parameters |= {"PercentageDone": "50", "SecondsRemaining": "1"}
    if event == "composition-available":
        parameters["MediaUri"] = f"{uri}/Media"
        parameters["Duration"] = str(composition.duration)
        parameters["Size"] = str(composition.size)
    if event == "composition-failed":
        parameters["FailedOperation"] = "MediaProcessing"
        parameters["ErrorMessage"] = "The recordings could not be composed."
    return parameters
