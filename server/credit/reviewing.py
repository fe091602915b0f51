"""Asking for a review, and answering one: each once, each on record."""

from uuid import UUID

from server import clock
from server.agenda import store as agenda
from server.audit import store as audit
from server.call import Call
from server.credit import store as claims
from server.credit.reviews import rules, store
from server.credit.reviews.rules import Outcome


async def ask(call: Call, *, session_id: UUID, text: str, command_id: UUID) -> None:
    """One review of one session at a time; the same command again is the same review."""
    text = rules.said(text, "review")
    async with call.db.begin() as db:
        await claims.lock(db, call.conference_id, call.person_id)
        if await store.by_command(db, call.conference_id, command_id):
            return
        conference = await agenda.conference(db, call.conference_id)
        await agenda.session(db, call.conference_id, session_id)
        if clock.now().astimezone(conference.tz).date() > rules.until(conference.ends_on):
            raise rules.ReviewLate("Reviews of this conference are over.", where="review")
        mine = await store.reviews(db, call.conference_id, call.person_id)
        if any(one.session_id == session_id and one.outcome is None for one in mine):
            raise rules.ReviewOpen(
                "You asked for a review of this session already; its answer comes here.",
                where="review",
            )
        await store.add(
            db, call.conference_id, person_id=call.person_id, session_id=session_id, text=text,
            command_id=command_id,
        )  # fmt: skip
        await audit.record(
            db, call.conference_id, person_id=call.person_id, act="review.ask", on=session_id
        )


async def answer(call: Call, review_id: UUID, *, outcome: Outcome, text: str) -> None:
    """Nobody answers what they asked themselves."""
    text = rules.said(text, "answer")
    async with call.db.begin() as db:
        asked = await store.review(db, call.conference_id, review_id)
        if asked.person_id == call.person_id:
            raise rules.OwnReview("Another officer answers what you asked for.", where="answer")
        if not await store.answer(
            db, call.conference_id, review_id,
            outcome=outcome, text=text, person_id=call.person_id,
        ):  # fmt: skip
            raise rules.ReviewAnswered("Somebody answered before you.", where="answer")
        await audit.record(
            db, call.conference_id, person_id=call.person_id, act="review.answer", on=review_id,
            outcome=outcome.value,
        )  # fmt: skip
