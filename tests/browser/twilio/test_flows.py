"""The guide's two flows once more, word by word, with Twilio carrying the call."""

from __future__ import annotations

from browser.test_flows import (
    test_the_doctor_creates_starts_joins_and_ends_a_session as test_the_doctor_flow_on_twilio,
)
from browser.test_flows import (
    test_the_patient_sees_joins_and_leaves_a_session as test_the_patient_flow_on_twilio,
)

__all__ = ["test_the_doctor_flow_on_twilio", "test_the_patient_flow_on_twilio"]
