"""Sends sign-in links and invitations."""

from datetime import timedelta
from uuid import UUID

from server import clock
from server.errors import TooMany
from server.people import rules, store
from server.people.rules import Profile
from server.rendering import dates
from server.services import Services

WORDS = """Hello,

this link signs you in to {site}. It works once, for fifteen minutes:

{address}

If you did not ask for it, nothing happens unless you open it.
"""

INVITATION = """Hello,

you are invited to {title}, {dates}.

This link signs you in. It works once, for three days:

{address}

After that, ask for a new link at {site}/sign-in with this mail address.
"""


async def send_link(services: Services, address: str, next_path: str = "/") -> None:
    """Mail a link to somebody we know, or to anybody while some conference is open to all.

    Raises TooMany, MailAway. A stranger gets nothing and is not told.
    """
    async with services.db.begin() as db:
        person = await store.person_by_mail(db, address)
        if person is None:
            if not await store.any_registration_open(db):
                return
            person = await store.ensure_person(db, address)
        window = clock.now() - rules.LINK_LIFETIME
        if await store.links_since(db, person.id, window) >= rules.LINKS_PER_WINDOW:
            raise TooMany("Many links were sent to this address. Wait a quarter of an hour.")
        token = await store.new_link(db, person.id, next_path=next_path)
    site = services.settings.address
    await services.post.send(
        address, "Your sign-in link", WORDS.format(site=site, address=f"{site}/enter/{token}")
    )


INVITATION_LIFETIME = timedelta(days=3)


async def send_invitation(services: Services, conference_id: UUID, person: Profile) -> None:
    """Mail an invitation with a first sign-in link; raises MailAway."""
    async with services.db.begin() as db:
        conference = await store.heading(db, conference_id)
        token = await store.new_link(
            db,
            person.id,
            conference_id=conference_id,
            next_path=f"/conferences/{conference.slug}",
            lifetime=INVITATION_LIFETIME,
        )
    site = services.settings.address
    await services.post.send(
        person.mail,
        f"Invitation: {conference.title}",
        INVITATION.format(
            title=conference.title,
            dates=dates(conference.starts_on, conference.ends_on),
            site=site,
            address=f"{site}/enter/{token}",
        ),
    )
