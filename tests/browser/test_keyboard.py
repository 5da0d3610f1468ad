"""The whole of it by keyboard alone: Tab, Enter, Space, and what is typed."""

from __future__ import annotations

from playwright.sync_api import expect
from support.cast import Clinic

from browser.keys import AtKeys, sign_in, type_time
from browser.people import At, Call, meet


def test_the_doctor_needs_no_mouse(at_screen: At, clinic: Clinic):
    visit = clinic.visit()
    grey = at_screen("dr_grey", signed_in=False)
    keys, page = AtKeys(grey), grey.page
    sign_in(keys)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    keys.go_to(page.locator(f'a[href="/visits/{visit.id}/telemedicine"]').first)
    page.keyboard.press("Enter")
    grey.is_at(f"/visits/{visit.id}/telemedicine")

    # Create.
    keys.press("+ Create Session")
    start = page.get_by_label("Scheduled Start Time")
    expect(start).to_be_focused()
    type_time(keys, start, hours=2)
    keys.go_to(page.get_by_label("Enable Recording"))
    page.keyboard.press("Space")
    expect(page.get_by_label("Enable Recording")).to_be_checked()
    keys.go_to(page.get_by_label("Notes", exact=True))
    page.keyboard.type("Knee, left")
    keys.press("Create Session")
    card = page.locator("[data-session-id]")
    expect(card).to_have_attribute("data-status", "SCHEDULED")
    keys.hears("The session is planned.")
    keys.is_somewhere()

    # Start; the next step has the focus.
    keys.press("Start Session", card, key="Space")
    expect(card).to_have_attribute("data-status", "IN_PROGRESS")
    keys.hears("The session has started. You can join the call now.")
    expect(grey.button("Join Call", card)).to_be_focused()

    # History opens and closes.
    summary = card.locator("summary")
    keys.go_to(summary)
    page.keyboard.press("Enter")
    expect(card.get_by_role("listitem").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(card.get_by_role("listitem").first).to_be_hidden()

    # Join, toggle, leave.
    keys.go_to(grey.button("Join Call", card), back=True)
    page.keyboard.press("Enter")
    page.wait_for_url("**/call")
    session_id = page.url.split("/")[-2]
    ana = at_screen("ana")
    ana.open_call(session_id)
    grey.sees(ana)
    keys.hears("The call has begun. You can talk now.", "#announcer")
    for name, key in (("Microphone", "Space"), ("Camera", "Enter")):
        keys.press(name, key=key)
        expect(grey.button(name)).to_have_attribute("aria-pressed", "false")
        expect(grey.button(name)).to_be_focused()
        page.keyboard.press(key)
        expect(grey.button(name)).to_have_attribute("aria-pressed", "true")
    keys.press("Devices")
    expect(page.locator("#device-choice")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#device-choice")).to_be_hidden()
    expect(grey.button("Devices")).to_be_focused()
    keys.press("Leave Call")
    grey.is_at(f"/visits/{visit.id}/telemedicine")

    # End: the safe answer has the focus, Escape is one, and the focus comes back.
    keys.press("Join Call", card)
    page.wait_for_url("**/call")
    grey.sees(ana)
    keys.press("End Session")
    expect(grey.button("Keep talking")).to_be_focused()
    page.keyboard.press("Escape")
    expect(grey.button("End Session")).to_be_focused()
    page.keyboard.press("Enter")
    keys.press("End Session", page.locator("dialog[open]"))
    grey.is_("disconnected")
    expect(page.get_by_role("heading", name="The session has ended")).to_be_focused()
    keys.hears("The video visit has ended.", "#announcer")
    keys.go_to(page.get_by_role("link", name="Back to the visit"))
    page.keyboard.press("Enter")
    grey.finds(session_id, "COMPLETED")


def test_the_patient_needs_no_mouse(at_screen: At, clinic: Clinic):
    session = clinic.session(visit=clinic.visit("dr_house", "ben"))
    house, ben = at_screen("dr_house"), at_screen("ben", signed_in=False)
    keys, page = AtKeys(ben), ben.page
    sign_in(keys)
    keys.go_to(page.get_by_role("link", name="Telemedicine"))
    page.keyboard.press("Enter")
    ben.is_at("/patient-portal/telemedicine")
    keys.press("Join Session", ben.card(session))
    ben.is_("waiting")
    ben.reads("We have told Dr Paul House that you are here.")
    house.open(f"/visits/{session.visit_id}/telemedicine").press("Start Session", house.card(session))
    expect(page.locator("#call-stage h1")).to_be_focused()
    house.open_call(session)
    ben.sees(house)
    keys.press("Leave Session")
    ben.is_at("/patient-portal/telemedicine")
    keys.press("Join Session", ben.card(session))
    ben.sees(house)
    house.end()
    ben.is_("disconnected")
    expect(page.get_by_role("heading", name="Your visit has ended")).to_be_focused()


def test_questions_on_the_card_have_the_safe_answer_first(at_screen: At, clinic: Clinic):
    visit = clinic.visit()
    one, other = clinic.session(visit=visit), clinic.session("IN_PROGRESS", visit=visit)
    grey = at_screen("dr_grey").open(f"/visits/{visit.id}/telemedicine")
    keys, page = AtKeys(grey), grey.page
    keys.press("Cancel Session", grey.card(one))
    expect(grey.button("Keep the session")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(grey.button("Cancel Session", grey.card(one))).to_be_focused()
    grey.finds(one, "SCHEDULED")

    page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    keys.go_to(dialog.get_by_label("Reason (you can leave this empty)"), back=True)
    page.keyboard.type("Ana is better")
    keys.press("Cancel Session", dialog)
    grey.reads("Ana is better", grey.finds(one, "CANCELLED"))
    keys.hears("The session is cancelled.")
    keys.is_somewhere()

    keys.press("End Session", grey.card(other))
    expect(grey.button("Keep it going")).to_be_focused()
    keys.press("End Session", dialog)
    grey.finds(other, "COMPLETED")
    keys.hears("The session has ended.")
    keys.is_somewhere()


def test_messages_and_menus_close_and_the_focus_stays(at_screen: At, clinic: Clinic):
    session = clinic.session()
    grey = at_screen("dr_grey").open(f"/visits/{session.visit_id}/telemedicine")
    keys, page = AtKeys(grey), grey.page
    keys.press("Start Session", grey.card(session))
    keys.hears("The session has started.")
    keys.go_to(page.locator("#flash [data-dismiss]"), back=True)
    page.keyboard.press("Enter")
    expect(page.locator("#flash .notice")).to_have_count(0)
    keys.is_somewhere()
    keys.go_to(grey.button("Dr Maria Grey"), back=True)
    page.keyboard.press("Enter")
    expect(grey.button("Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(grey.button("Sign out")).to_be_hidden()
    expect(grey.button("Dr Maria Grey")).to_be_focused()


def test_what_the_other_side_does_is_said(call: Call):
    _session, grey, ana = call
    keys = AtKeys(grey)
    ana.toggle("Camera", on=False)
    keys.hears("Ana Lima has the camera off.", "#announcer")
    ana.toggle("Microphone", on=False)
    keys.hears("Ana Lima has camera and microphone off.", "#announcer")
    ana.press("Leave Session")
    keys.hears("You are here. The other person is not here yet.", "#announcer")


def test_who_comes_by_the_link_needs_no_mouse(at_screen: At, clinic: Clinic):
    session = clinic.session("IN_PROGRESS")
    grey = at_screen("dr_grey").open_call(session)
    guest = at_screen("ana", signed_in=False, viewport={"width": 390, "height": 844})
    keys = AtKeys(guest.open(clinic.link(session)))
    guest.page.keyboard.press("Tab")
    expect(guest.page.get_by_role("link", name="Skip to main content")).to_be_focused()
    keys.press("Join Session")
    guest.sees(grey)
    keys.hears("The call has begun. You can talk now.", "#announcer")
    keys.press("Camera", key="Space")
    grey.shows_no_picture_of(guest)
    keys.press("Leave Session")
    guest.is_at(f"/telemedicine/{session.id}")
    keys.press("Join Session")
    guest.sees(grey)
    grey.end()
    expect(guest.page.get_by_role("heading", name="Your visit has ended")).to_be_focused()


def test_a_recording_is_refused_and_agreed_to_without_a_mouse(at_screen: At, clinic: Clinic):
    session = clinic.session(recording_enabled=True)
    ana = at_screen("ana", anew=True)
    page = ana.page
    keys = AtKeys(ana.open_call(session).is_("waiting"))
    room = page.locator("#waiting-room")
    keys.press("Agree to recording", room)
    expect(room.get_by_text("You agreed to the recording.")).to_be_focused()
    keys.press("Do not record", room, key="Space")
    expect(room.get_by_text("You said no. Nothing is being recorded.")).to_be_focused()

    grey = at_screen("dr_grey", anew=True).open(f"/visits/{session.visit_id}/telemedicine")
    grey.press("Start Session", grey.card(session))
    grey.press("Join Call", grey.finds(session, "IN_PROGRESS"))
    ana.sees(grey)
    keys.press("Recording")
    choice = page.locator("#recording-choice")
    keys.press("Agree to recording", choice)
    expect(choice.get_by_text("You agreed to the recording.")).to_be_focused()
    page.keyboard.press("Escape")
    expect(choice).to_be_hidden()
    expect(ana.button("Recording")).to_be_focused()
    expect(page.locator(".recording-badge")).to_be_visible()
    keys.hears("This call is being recorded.", "#announcer")


def test_the_question_in_the_call_is_answered_without_a_mouse(at_screen: At, clinic: Clinic):
    session = clinic.session("IN_PROGRESS", recording_enabled=True)
    grey, ana = at_screen("dr_grey", anew=True), at_screen("ana", anew=True)
    meet(grey, ana, session)
    AtKeys(ana).press("Do not record")
    expect(ana.page.get_by_role("heading", name="May this visit be recorded?")).to_have_count(0)
    expect(ana.button("Recording")).to_be_focused()
    grey.reads("The patient did not agree. Nothing is recorded.")


def test_staff_need_no_mouse(at_screen: At):
    sam = at_screen("sam", signed_in=False)
    keys, page = AtKeys(sam), sam.page
    sign_in(keys)

    # Make a person.
    keys.follow("People")
    keys.follow("Add person")
    keys.fill("Role", "Patient")
    keys.press("Add person")
    expect(page.locator("[data-error-summary]")).to_be_focused()
    keys.fill("Name", "Iris Novak")
    keys.fill("Email", "iris@people.example")
    keys.fill("Date of birth", "03041958")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Invitation link")).to_be_focused()
    assert "/invitation/" in page.get_by_label("Invitation link").and_(page.locator("input")).input_value()
    expect(page.get_by_label("Date of birth")).to_have_value("1958-03-04")

    # Open a visit for them.
    keys.follow("Visits")
    keys.follow("New visit")
    keys.fill("Patient", "Iris")
    keys.fill("Doctor", "Dr Paul")
    keys.fill("Reason", "A cough")
    keys.press("Open visit", key="Space")
    expect(page.get_by_role("heading", name="Iris Novak", level=1)).to_be_visible()
    sam.reads("A cough")
    sam.reads("Dr Paul House")
