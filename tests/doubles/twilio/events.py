"""The parameters of status callbacks, as Twilio's documentation lists them, all of them text.

Events of rooms, people and tracks carry the room's status and a sequence number. Events of recordings
do not, but name the participant: so the documentation's own table has it, and so they were seen.
"""

from __future__ import annotations

from doubles.twilio.model import Composition, Participant, Recording, Room, Track, now, seconds


def _event(event: str, room: Room) -> dict[str, str]:
    """What every event carries."""
    return {
        "AccountSid": room.account_sid,
        "RoomSid": room.sid,
        "StatusCallbackEvent": event,
        "Timestamp": now().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def _media(uri: str, duration: int, size: int) -> dict[str, str]:
    """What is told of a file that can be fetched."""
    return {"MediaUri": f"{uri}/Media", "Duration": str(duration), "Size": str(size)}


def of_room(
    event: str,
    room: Room,
    participant: Participant | None = None,
    track: Track | None = None,
    recording: Recording | None = None,
) -> dict[str, str]:
    """An event of a room, of somebody in it, of a track or of a recording."""
    parameters = {**_event(event, room), "RoomName": room.name, "RoomType": "group"}
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
        parameters |= _media(uri, max(1, seconds(recording.start, recording.end)), recording.size)
    if event == "recording-failed":
        parameters["FailedOperation"] = "RecordingUpload"
    return parameters


def of_composition(event: str, composition: Composition) -> dict[str, str]:
    """An event of a composition."""
    uri = f"/v1/Compositions/{composition.sid}"
    parameters = {
        **_event(event, composition.room),
        "CompositionSid": composition.sid,
        "CompositionUri": uri,
    }
    if event == "composition-progress":
        parameters |= {"PercentageDone": "50", "SecondsRemaining": "1"}
    if event == "composition-available":
        parameters |= _media(uri, composition.duration, composition.size)
    if event == "composition-failed":
        parameters["FailedOperation"] = "MediaProcessing"
        parameters["ErrorMessage"] = "The recordings could not be composed."
    return parameters
