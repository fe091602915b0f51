"""Booths, their documents and their staff's grants, as they are edited."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from server.errors import Invalid, NotFound
from server.exhibits.rules import MAX_DOCUMENTS, Document
from server.exhibits.store import Booth, BoothDocument, BoothStaff
from server.ids import new_id
from server.people.store import Person, RoleGrant
from server.rights import Role


async def add_booth(db: AsyncSession, conference_id: UUID, values: Mapping[str, object]) -> UUID:
    row = Booth(conference_id=conference_id, id=new_id(), **values)
    db.add(row)
    await db.flush()
    return row.id


async def save_booth(
    db: AsyncSession, conference_id: UUID, booth_id: UUID, values: Mapping[str, object]
) -> None:
    changed = await db.execute(
        update(Booth)
        .where(Booth.conference_id == conference_id, Booth.id == booth_id)
        .values(**values)
        .returning(Booth.id)
    )
    if changed.first() is None:
        raise NotFound("There is no such booth.")


async def documents(db: AsyncSession, conference_id: UUID, booth_id: UUID) -> list[Document]:
    """Without their contents, which are megabytes."""
    rows = await db.execute(
        select(
            BoothDocument.id,
            BoothDocument.title,
            BoothDocument.address,
            func.coalesce(func.length(BoothDocument.content), 0).label("size"),
            BoothDocument.opened,
        )
        .where(BoothDocument.conference_id == conference_id, BoothDocument.booth_id == booth_id)
        .order_by(BoothDocument.added_at, BoothDocument.id)
    )
    return [Document(id=i, title=t, address=a, size=s, opened=o) for i, t, a, s, o in rows]


async def add_document(
    db: AsyncSession,
    conference_id: UUID,
    booth_id: UUID,
    *,
    title: str,
    address: str = "",
    content: bytes | None = None,
) -> UUID:
    if len(await documents(db, conference_id, booth_id)) >= MAX_DOCUMENTS:
        raise Invalid(f"A booth has at most {MAX_DOCUMENTS} documents.", where="file")
    row = BoothDocument(
        conference_id=conference_id,
        id=new_id(),
        booth_id=booth_id,
        title=title,
        address=address,
        content=content,
    )
    db.add(row)
    await db.flush()
    return row.id


async def remove_document(
    db: AsyncSession, conference_id: UUID, booth_id: UUID, document_id: UUID
) -> None:
    await db.execute(
        delete(BoothDocument).where(
            BoothDocument.conference_id == conference_id,
            BoothDocument.booth_id == booth_id,
            BoothDocument.id == document_id,
        )
    )


async def open_document(
    db: AsyncSession, conference_id: UUID, booth_id: UUID, document_id: UUID
) -> tuple[str, str, bytes | None]:
    """Title, address and content; counts the opening, and not who opened it."""
    found = await db.execute(
        update(BoothDocument)
        .where(
            BoothDocument.conference_id == conference_id,
            BoothDocument.booth_id == booth_id,
            BoothDocument.id == document_id,
        )
        .values(opened=BoothDocument.opened + 1)
        .returning(BoothDocument.title, BoothDocument.address, BoothDocument.content)
    )
    row = found.first()
    if row is None:
        raise NotFound("There is no such document.")
    return row.title, row.address, row.content


async def staff_grants(
    db: AsyncSession, conference_id: UUID
) -> dict[UUID, list[tuple[UUID, str, str]]]:
    """Grant, name and address of each booth's staff."""
    rows = await db.execute(
        select(RoleGrant.booth_id, RoleGrant.id, Person.name, Person.mail)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(
            RoleGrant.conference_id == conference_id,
            RoleGrant.role == Role.EXHIBITOR,
            RoleGrant.booth_id.is_not(None),
        )
        .order_by(Person.mail)
    )
    found: dict[UUID, list[tuple[UUID, str, str]]] = {}
    for booth_id, grant_id, name, mail in rows:
        assert booth_id is not None, "the query asks for those that have one"
        found.setdefault(booth_id, []).append((grant_id, name, mail))
    return found


async def booth_of_grant(db: AsyncSession, conference_id: UUID, grant_id: UUID) -> UUID | None:
    """The booth that a grant is for; None when it is no grant of a booth."""
    return await db.scalar(
        select(RoleGrant.booth_id).where(
            RoleGrant.conference_id == conference_id,
            RoleGrant.id == grant_id,
            RoleGrant.role == Role.EXHIBITOR,
        )
    )


async def forget_staff(
    db: AsyncSession, conference_id: UUID, booth_id: UUID, person_id: UUID
) -> None:
    """They are no longer at the booth; what they wrote stays without their name."""
    await db.execute(
        delete(BoothStaff).where(
            BoothStaff.conference_id == conference_id,
            BoothStaff.booth_id == booth_id,
            BoothStaff.person_id == person_id,
        )
    )
