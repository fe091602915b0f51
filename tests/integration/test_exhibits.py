"""Queues, threads, badges and leads as rows, on both databases; booths as pages."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from server import clock, topics
from server.call import Call
from server.errors import Forbidden, NotFound, Refused
from server.exhibits import handing, keeping, rules, states, store, talking
from server.exhibits.badges import store as badges
from server.exhibits.importer import read_booths
from server.exhibits.rules import CONSENT_VERSION, Ended, Field, Outdated, Reused, Taken, TalkStatus
from server.exhibits.talks import store as talks
from server.people import store as people
from server.rights import Role
from tests.integration.hall import SLUG, Hall, a_hall

STANDS = b"""{"content/stands/pulmora.md": {"front_matter": {"title": "Pulmora",
"description": "Home spirometry. It <script>x()</script>teaches.", "themes": ["Devices"],
"showcase": "<p onclick='x()'>A mouthpiece</p>", "website": "https://pulmora.example"}}}"""


@pytest.fixture
async def hall(database_url: str, tmp_path: Path) -> AsyncGenerator[Hall]:
    async with a_hall(database_url, tmp_path) as opened:
        yield opened


async def hand_over(call: Call, *fields: str, command_id: UUID | None = None) -> UUID:
    return await handing.hand_over(
        call,
        fields=fields or ("name",),
        purpose="demo",
        months=12,
        text_version=CONSENT_VERSION,
        command_id=command_id or uuid4(),
    )


async def leads(call: Call) -> list[rules.Lead]:
    async with call.db.read() as db:
        return await badges.leads(db, call.conference_id, talking.booth_of(call))


async def standing(call: Call) -> tuple[str, int]:
    async with call.db.read() as db:
        booth_id = talking.booth_of(call)
        visit_id = await talks.visit_of(db, call.conference_id, booth_id, call.person_id)
        assert visit_id is not None
        found = await states.talk(db, call.conference_id, booth_id, visit_id)
    return found.status, found.place


async def count(call: Call, table: Any) -> int:
    async with call.db.read() as db:
        return await db.scalar(select(func.count()).select_from(table)) or 0


async def aged(call: Call, seconds: int) -> None:
    """Nobody was heard of for so long."""
    seen = clock.now() - timedelta(seconds=seconds)
    async with call.db.begin() as db:
        await db.execute(update(store.Visit).values(seen_at=seen))
        await db.execute(update(store.BoothStaff).values(seen_at=seen))


async def outcomes(*work: Any) -> list[Any]:
    return list(await asyncio.gather(*work, return_exceptions=True))


# The queue.


async def test_first_come_first_served_and_asking_again_keeps_the_place(hall: Hall) -> None:
    ana, ben, staff = await hall.call("Ana"), await hall.call("Ben"), await hall.staff()
    first = await talking.ask(ana, "ECG in flutter", uuid4())
    await talking.ask(ben, "", uuid4())
    assert await talking.ask(ana, "Again", uuid4()) == first
    assert (await standing(ana), await standing(ben)) == (("waiting", 1), ("waiting", 2))
    await talking.take(staff, first)
    assert (await standing(ana), await standing(ben)) == (("talking", 0), ("waiting", 1))
    await talking.end(staff, first)
    assert await standing(ana) == ("", 0)


async def test_one_who_asks_from_many_tabs_at_once_stands_in_the_queue_once(hall: Hall) -> None:
    ana = await hall.call("Ana")
    command_id = uuid4()
    asked = await outcomes(
        *(talking.ask(ana, "", command_id) for _ in range(4)),
        *(talking.ask(ana, "", uuid4()) for _ in range(4)),
    )
    assert len(set(asked)) == 1, asked
    assert await count(ana, store.Talk) == 1
    assert await count(ana, store.Visit) == 1


async def test_of_two_who_take_a_visitor_one_does(hall: Hall) -> None:
    ana, daniel, mika = await hall.call("Ana"), await hall.staff(), await hall.staff("Mika")
    talk = await talking.ask(ana, "", uuid4())
    taken = await outcomes(talking.take(daniel, talk), talking.take(mika, talk))
    assert [type(each) for each in taken if isinstance(each, Exception)] == [Taken]
    winner = daniel if isinstance(taken[1], Taken) else mika
    assert await talking.take(winner, talk) in taken, "sent again it is the same talk"


async def test_a_visitor_goes_to_a_colleague_and_leaves_when_they_like(hall: Hall) -> None:
    ana, daniel, mika = await hall.call("Ana"), await hall.staff(), await hall.staff("Mika")
    await talking.present(mika, "Mika S.", "Pricing")
    async with mika.db.read() as db:
        (colleague,) = (await talks.staff(db, hall.conference_id))[talking.booth_of(mika)]
    talk = await talking.ask(ana, "", uuid4())
    await talking.take(daniel, talk, colleague.id)
    async with ana.db.read() as db:
        now = await states.booth(db, hall.conference_id, talking.booth_of(ana))
    assert [(each.called, each.line, each.free) for each in now.staff] == [
        ("Mika S.", "Pricing", False)
    ]
    await talking.leave(ana)
    assert await standing(ana) == ("", 0)
    later = await talking.ask(ana, "", uuid4())
    await talking.leave(ana)
    with pytest.raises(Ended):
        await talking.take(daniel, later)


async def test_a_place_is_kept_over_a_drop_of_a_minute_and_not_for_ever(hall: Hall) -> None:
    ana, staff = await hall.call("Ana"), await hall.staff()
    await talking.ask(ana, "", uuid4())
    await talking.present(staff)
    await aged(ana, 75)
    await keeping.let_go(hall.services)
    assert await standing(ana) == ("waiting", 1), "15 s since the last word, and a minute's drop"
    await aged(ana, 91)
    await talking.stay(ana, leaving=False)
    await keeping.let_go(hall.services)
    assert await standing(ana) == ("waiting", 1), "who is back in time stays where they were"
    await aged(ana, 91)
    await keeping.let_go(hall.services)
    assert await standing(ana) == ("", 0)
    async with ana.db.read() as db:
        now = await states.hall(db, hall.conference_id)
    assert now == {}, "and nobody is at the booth any more"


async def test_staff_are_there_or_away_as_they_say(hall: Hall) -> None:
    staff = await hall.staff()
    booth_id = talking.booth_of(staff)

    async def present() -> list[str]:
        async with staff.db.read() as db:
            now = await states.hall(db, hall.conference_id)
        return [each.called for each in now[booth_id].staff] if booth_id in now else []

    await talking.stay(staff, leaving=False)
    assert await present() == ["Daniel"]
    await talking.away(staff)
    await talking.stay(staff, leaving=False)
    assert await present() == [], "an open desk is not a presence against one's word"
    await talking.present(staff)
    await talking.stay(staff, leaving=True)
    assert await present() == [], "a closed page is seen at once"


async def test_nobody_visits_or_acts_for_a_booth_that_is_not_theirs(hall: Hall) -> None:
    ana, staff = await hall.call("Ana"), await hall.staff()
    rival = await hall.staff("Nora", "Northlight")
    await talking.say(ana, "Hello", None, uuid4())
    async with ana.db.read() as db:
        visit_id = await talks.visit_of(
            db, hall.conference_id, talking.booth_of(ana), ana.person_id
        )
    for attempt in (
        talking.say(rival, "Psst", visit_id, uuid4()),
        talking.say(ana, "I am the staff", visit_id, uuid4()),
        talking.say(staff, "I am a visitor", None, uuid4()),
        talking.ask(staff, "", uuid4()),
        hand_over(staff, "name"),
    ):
        with pytest.raises(Forbidden):
            await attempt
    talk = await talking.ask(ana, "", uuid4())
    for late in (talking.take(rival, talk), talking.end(rival, talk)):
        with pytest.raises(NotFound):
            await late


async def test_a_line_is_said_once_however_often_it_is_sent(hall: Hall) -> None:
    ana, ben = await hall.call("Ana"), await hall.call("Ben")
    command_id = uuid4()
    said = await outcomes(*(talking.say(ana, "Hello", None, command_id) for _ in range(5)))
    assert len(set(said)) == 1, said
    assert await count(ana, store.BoothLine) == 1
    for attempt in (
        talking.say(ana, "Other words", None, command_id),
        talking.say(ben, "Hello", None, command_id),
    ):
        with pytest.raises(Reused):
            await attempt
    events = await hall.events(topics.booth_desk(talking.booth_of(ana)))
    assert [(event["type"], event["text"], event["called"]) for event in events] == [
        ("line", "Hello", "")
    ]


# Badges and leads.


async def test_of_two_identical_hand_overs_at_once_there_is_one_receipt(hall: Hall) -> None:
    ana, staff = await hall.call("Ana"), await hall.staff()
    command_id = uuid4()
    handed = await outcomes(*(hand_over(ana, command_id=command_id) for _ in range(6)))
    assert len(set(handed)) == 1, handed
    assert [lead.id for lead in await leads(staff)] == [handed[0]]
    assert len(await hall.events(topics.booth_desk(talking.booth_of(ana)))) == 1
    for attempt in (
        hand_over(ana, "name", "mail", command_id=command_id),
        hand_over(await hall.call("Ben"), command_id=command_id),
    ):
        with pytest.raises(Reused):
            await attempt


async def test_a_lead_has_the_ticked_details_and_no_others(hall: Hall) -> None:
    ana, staff = await hall.call("Ana"), await hall.staff()
    await hand_over(ana, "name", "affiliation")
    (lead,) = await leads(staff)
    assert lead.details == {Field.NAME: "Ana", Field.AFFILIATION: "Hospital Clinico"}
    async with ana.db.read() as db:
        (receipt,) = await badges.mine(db, hall.conference_id, ana.person_id)
    assert receipt.number == lead.number
    assert receipt.text == rules.consent("Cardivue")
    assert receipt.text_version == CONSENT_VERSION
    assert await leads(await hall.staff("Nora", "Northlight")) == []


async def test_words_that_were_not_read_bind_nobody(hall: Hall) -> None:
    ana = await hall.call("Ana")
    with pytest.raises(Outdated):
        await handing.hand_over(
            ana, fields=["name"], purpose="demo", months=12, text_version="2020-01",
            command_id=uuid4(),
        )  # fmt: skip
    assert await count(ana, store.Receipt) == 0


async def test_withdrawing_takes_everything_back_and_tells_the_exhibitor(hall: Hall) -> None:
    ana, staff = await hall.call("Ana"), await hall.staff()
    receipt_id = await hand_over(ana, "name", "mail")
    await handing.note(staff, receipt_id, interest=3, text="Ana wants two")
    with pytest.raises(NotFound):
        await handing.withdraw(await hall.call("Ben"), receipt_id)
    await handing.withdraw(ana, receipt_id)
    await handing.withdraw(ana, receipt_id)
    (lead,) = await leads(staff)
    assert (lead.holds, lead.details, lead.note, lead.interest) == (False, {}, "", 0)
    with pytest.raises(NotFound):
        await handing.note(staff, receipt_id, interest=1, text="Ana again")
    events = await hall.events(topics.booth_desk(talking.booth_of(staff)))
    assert [event["holds"] for event in events] == [True, True, False]
    assert "Ana" not in str(events)


async def test_an_expired_lead_shows_nothing(hall: Hall) -> None:
    ana, staff = await hall.call("Ana"), await hall.staff()
    await hand_over(ana)
    async with ana.db.begin() as db:
        await db.execute(update(store.Receipt).values(until=clock.now()))
    (lead,) = await leads(staff)
    assert (lead.holds, lead.expired, lead.details) == (False, True, {})


async def test_the_export_has_only_what_holds_at_that_moment(hall: Hall) -> None:
    ana, ben, staff = await hall.call("Ana"), await hall.call("Ben"), await hall.staff()
    gone = await hand_over(ana, "name", "mail")
    kept = await hand_over(ben, "name")
    await handing.note(staff, kept, interest=2, text="=1+1")
    path = f"/booths/{talking.booth_of(staff)}/desk/leads.csv"
    headers = await hall.cookies(staff)
    assert "ana@example.org" in (await hall.http.get(path, headers=headers)).text
    await handing.withdraw(ana, gone)
    answer = await hall.http.get(path, headers=headers)
    assert answer.headers["content-disposition"].startswith('attachment; filename="leads-')
    heading, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    found = dict(zip(heading, row, strict=True))
    assert (found["Name"], found["E-mail address"], found["Note"]) == ("Ben", "", "'=1+1")
    assert found["Receipt ID"] == str(kept)


# Pages.


async def test_every_form_works_without_a_script(hall: Hall) -> None:
    ana, staff = await hall.call("Ana"), await hall.staff()
    booth = f"/booths/{talking.booth_of(ana)}"
    visitor, desk = await hall.cookies(ana), await hall.cookies(staff)

    async def post(path: str, who: dict[str, str], **data: Any) -> int:
        answer = await hall.http.post(booth + path, headers=who, data=data)
        return answer.status_code

    assert await post("/ask", visitor, about="ECG", command_id=str(uuid4())) == 303
    assert "You are number 1" in (await hall.http.get(booth, headers=visitor)).text
    async with ana.db.read() as db:
        (talk,) = await talks.queue(db, hall.conference_id, talking.booth_of(ana))
    assert await post("/desk/take", desk, talk=str(talk.id)) == 303
    hello = {"visit": str(talk.visit_id), "text": "Hello", "command_id": str(uuid4())}
    assert await post("/desk/say", desk, **hello) == 303
    assert await post("/say", visitor, text="Good day", command_id=str(uuid4())) == 303
    seen = (await hall.http.get(booth, headers=visitor)).text
    assert "Daniel</b> is with you" in seen or "Daniel is with you" in seen
    assert "Hello" in seen
    at_desk = (await hall.http.get(f"{booth}/desk", headers=desk)).text
    assert "Good day" in at_desk
    assert "A visitor" in at_desk
    assert "Ana" not in at_desk
    badge = {"purpose": "demo", "months": "12", "text_version": CONSENT_VERSION}
    nothing = await hall.http.post(f"{booth}/badge", headers=visitor, data={**badge, "fields": []})
    assert nothing.status_code == 422
    given = {**badge, "fields": ["name"], "command_id": str(uuid4())}
    assert await post("/badge", visitor, **given) == 303
    assert "Ana" in (await hall.http.get(f"{booth}/desk", headers=desk)).text
    async with ana.db.read() as db:
        (receipt,) = await badges.mine(db, hall.conference_id, ana.person_id)
    mine = f"/conferences/{SLUG}/badges"
    assert receipt.number in (await hall.http.get(mine, headers=visitor)).text
    withdrawn = {"receipt": str(receipt.id)}
    answer = await hall.http.post(f"{mine}/withdraw", headers=visitor, data=withdrawn)
    assert answer.status_code == 303
    assert "Ana" not in (await hall.http.get(f"{booth}/desk", headers=desk)).text
    assert await post("/leave", visitor) == 303
    assert await standing(ana) == ("", 0)


async def test_nothing_is_ticked_before_the_visitor_does(hall: Hall) -> None:
    ana = await hall.call("Ana")
    path = f"/booths/{talking.booth_of(ana)}"
    text = (await hall.http.get(path, headers=await hall.cookies(ana))).text
    assert text.count('type="checkbox" name="fields"') == len(Field)
    assert " checked" not in text
    assert rules.consent("Cardivue").partition("'")[0] in text


async def test_the_hall_is_found_through_and_says_who_is_there(hall: Hall) -> None:
    ana, staff = await hall.call("Ana"), await hall.staff()
    await talking.present(staff)
    headers = await hall.cookies(ana)
    text = (await hall.http.get(f"/conferences/{SLUG}/hall", headers=headers)).text
    assert "2 exhibitors, <span data-open>1</span> with someone at the booth" in text
    assert "Kept apart from accredited education." in text
    found = await hall.http.get(f"/conferences/{SLUG}/hall?q=north", headers=headers)
    cards = [line for line in found.text.splitlines() if "data-booth=" in line]
    assert [" hidden" in card for card in cards] == [True, False]


async def test_an_import_is_idempotent_and_what_it_shows_is_harmless(hall: Hall) -> None:
    reading = read_booths(STANDS)
    assert reading.value is not None
    booths = reading.value
    async with hall.services.db.read() as db:
        would = await store.import_booths(db, hall.conference_id, booths, True)
    async with hall.services.db.begin() as db:
        did = await store.import_booths(db, hall.conference_id, booths, False)
    async with hall.services.db.begin() as db:
        again = await store.import_booths(db, hall.conference_id, booths, False)
        (booth,) = [b for b in await store.booths(db, hall.conference_id) if b.name == "Pulmora"]
    assert would == did == ["added: content/stands/pulmora.md: Pulmora"]
    assert again == ["no changes"]
    headers = await hall.cookies(await hall.call("Ana"))
    text = (await hall.http.get(f"/booths/{booth.id}", headers=headers)).text
    assert "A mouthpiece" in text
    assert "onclick" not in text
    assert "x()" not in text
    assert 'rel="noopener noreferrer external nofollow"' in text


async def test_an_organiser_imports_in_two_steps_and_adds_names_and_dismisses(hall: Hall) -> None:
    ines = await hall.call("Ines", role=Role.ORGANISER)
    headers = await hall.cookies(ines)
    office = f"/conferences/{SLUG}/office/booths"
    files = {"file": ("stands.json", STANDS, "application/json")}
    shown = await hall.http.post(f"{office}/import", headers=headers, files=files)
    assert "added: content/stands/pulmora.md: Pulmora" in shown.text
    assert await count(ines, store.Booth) == 2, "the first step writes nothing"
    packed = shown.text.split('name="packed" value="')[1].split('"')[0]
    confirmed = {"act": "confirm", "name": "stands.json", "packed": packed}
    done = await hall.http.post(f"{office}/import", headers=headers, data=confirmed)
    assert (done.status_code, await count(ines, store.Booth)) == (303, 3)
    made = {"name": "Halden", "tier": "lead", "position": "1"}
    added = await hall.http.post(office, headers=headers, data=made)
    booth_id = UUID(added.headers["location"].split("/")[2])
    named = {"booth": str(booth_id), "mail": "mika@example.org"}
    assert (await hall.http.post(f"{office}/staff", headers=headers, data=named)).is_redirect
    mika = await people_with(hall, "mika@example.org")
    assert [grant.booth_id for grant in mika] == [booth_id]
    page = (await hall.http.get(office, headers=headers)).text
    grant = page.split('name="grant" value="')[1].split('"')[0]
    taken = await hall.http.post(f"{office}/staff/take", headers=headers, data={"grant": grant})
    assert (taken.status_code, await people_with(hall, "mika@example.org")) == (303, frozenset())


async def people_with(hall: Hall, mail: str) -> Any:
    async with hall.services.db.read() as db:
        person = await people.person_by_mail(db, mail)
        assert person is not None
        who = await people.who(db, person.id)
    assert who is not None
    return who.grants


async def test_staff_edit_what_their_booth_shows_and_nothing_else(hall: Hall) -> None:
    staff, rival = await hall.staff(), await hall.staff("Nora", "Northlight")
    booth = f"/booths/{talking.booth_of(staff)}"
    typed = {"tagline": "Reads itself", "name": "Best Booth", "tier": "lead", "position": "0"}
    for who, path, status in (
        (rival, "/desk/edit", 403),
        (staff, "/edit", 403),
        (staff, "/desk/edit", 303),
    ):
        headers = await hall.cookies(who)
        answer = await hall.http.post(booth + path, headers=headers, data=typed)
        assert answer.status_code == status
    async with staff.db.read() as db:
        saved = await store.booth(db, hall.conference_id, talking.booth_of(staff))
    assert (saved.name, saved.tagline, saved.tier) == ("Cardivue", "Reads itself", "standard")


async def test_a_document_is_saved_never_shown_and_counted_without_a_name(hall: Hall) -> None:
    staff, ana = await hall.staff(), await hall.call("Ana")
    booth = f"/booths/{talking.booth_of(staff)}"
    headers = await hall.cookies(staff)
    pdf = {"file": ('"><b>.pdf', b"%PDF-1.7 leaflet", "application/pdf")}
    html = {"file": ("page.pdf", b"<html>", "application/pdf")}
    path = f"{booth}/desk/edit/documents"
    assert (await hall.http.post(path, headers=headers, files=html)).status_code == 422
    assert (await hall.http.post(path, headers=headers, files=pdf)).status_code == 303
    shown = (await hall.http.get(booth, headers=await hall.cookies(ana))).text
    document = shown.split(f'href="{booth}/documents/')[1].split('"')[0]
    opened = await hall.http.get(f"{booth}/documents/{document}", headers=await hall.cookies(ana))
    assert opened.content == b"%PDF-1.7 leaflet"
    assert opened.headers["content-disposition"].startswith("attachment;")
    assert opened.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert opened.headers["x-content-type-options"] == "nosniff"
    edit = (await hall.http.get(f"{booth}/desk/edit", headers=headers)).text
    assert "opened 1 time" in edit


async def test_a_visitor_who_left_is_gone_from_the_rows_of_the_queue(hall: Hall) -> None:
    ana = await hall.call("Ana")
    await talking.ask(ana, "", uuid4())
    await talking.leave(ana)
    await talking.leave(ana)
    async with ana.db.read() as db:
        ended = list(await db.scalars(select(store.Talk.status)))
    assert ended == [TalkStatus.LEFT]
    assert issubclass(Ended, Refused)
