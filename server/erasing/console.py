"""`rounds erase`: somebody asked to be forgotten."""

from server.audit import store as audit
from server.erasing import store
from server.errors import NotFound
from server.operating import opened, say
from server.people import store as people
from server.settings import Settings


async def erase(settings: Settings, mail: str, *, even_credit: bool) -> int:
    """Take back what may go today, and say what stays, why, and until when."""
    async with opened(settings) as database, database.begin() as db:
        person = await people.person_by_mail(db, mail)
        if person is None:
            raise NotFound(f"{mail}: nobody here has this address", where="MAIL")
        held = None if even_credit else await store.held(db, person.id)
        act = "person.withdraw" if held else "person.erase"
        if held:
            await store.withdraw(db, person.id)
        else:
            await store.erase(db, person.id)
        await audit.record(db, None, person_id=None, act=act, on=person.id)
    if held:
        claims = "1 claim" if held.claims == 1 else f"{held.claims} claims"
        say(f"{mail}: sign-ins, roles, badges, visits, questions and votes are gone.")
        say(
            f"What proves {claims} of credit is kept until {held.until}, as accreditors ask. "
            "Run this again then, or now with --even-credit: certificates then verify no more."
        )
    else:
        say(f"{mail}: erased. The ledger still verifies, and tells of nobody.")
    return 0
