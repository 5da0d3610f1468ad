"""What is stored, one noun a file."""

from telehealth.models.audit_entry import AuditEntry
from telehealth.models.change import Change
from telehealth.models.chore import Chore
from telehealth.models.consent import Consent
from telehealth.models.invitation import Invitation
from telehealth.models.limit import Limit
from telehealth.models.link import Link
from telehealth.models.participation import Participation, Signal
from telehealth.models.recording import Recording
from telehealth.models.room import Attendance, Room
from telehealth.models.session import Session, Status
from telehealth.models.sign_in import ApiToken, SignIn
from telehealth.models.user import Role, User
from telehealth.models.visit import Visit

__all__ = [
    "ApiToken",
    "Attendance",
    "AuditEntry",
    "Change",
    "Chore",
    "Consent",
    "Invitation",
    "Limit",
    "Link",
    "Participation",
    "Recording",
    "Role",
    "Room",
    "Session",
    "SignIn",
    "Signal",
    "Status",
    "User",
    "Visit",
]
