from uuid import UUID, uuid4

from realtime.bus.memory import MemoryBus
from realtime.presence import Presence
from tests.unit.realtime.test_publisher import Ear

TAB, PHONE, OTHER = uuid4(), uuid4(), uuid4()


def open_presence() -> tuple[Presence, list[str]]:
    changes: list[str] = []
    return Presence(MemoryBus(Ear()), changes.append), changes


async def test_a_person_with_two_tabs_counts_once_and_leaves_with_the_last() -> None:
    presence, changes = open_presence()
    await presence.enter("stage", "ann", TAB)
    await presence.enter("stage", "ann", PHONE)
    await presence.enter("stage", "ben", OTHER)
    assert await presence.count("stage") == 2
    assert await presence.people("stage") == {"ann", "ben"}
    await presence.leave(TAB)
    assert await presence.count("stage") == 2
    await presence.leave(PHONE)
    assert await presence.people("stage") == {"ben"}
    assert changes == ["stage"] * 3, "only when somebody comes or goes"


async def test_a_connection_may_be_in_several_places_and_leave_one() -> None:
    presence, changes = open_presence()
    await presence.enter("hall", "ann", TAB)
    await presence.enter("booth", "ann", TAB)
    await presence.leave(TAB, "booth")
    assert (await presence.count("hall"), await presence.count("booth")) == (1, 0)
    await presence.leave(TAB)
    await presence.leave(TAB)
    assert await presence.count("hall") == 0
    assert changes == ["hall", "booth", "booth", "hall"]


async def test_two_processes_count_a_person_once() -> None:
    bus = MemoryBus(Ear())
    one, two = Presence(bus), Presence(bus)
    await one.enter("stage", "ann", TAB)
    await two.enter("stage", "ann", PHONE)
    await two.enter("stage", "ben", OTHER)
    assert await one.count("stage") == 2
    await one.close()
    assert await two.people("stage") == {"ann", "ben"}
    await two.close()
    assert await two.count("stage") == 0


async def test_renewing_notices_what_others_left_to_lapse() -> None:
    bus = MemoryBus(Ear())
    changes: list[str] = []
    one, two = Presence(bus, changes.append), Presence(bus)
    await one.enter("stage", "ann", TAB)
    await two.enter("stage", "ben", OTHER)
    await one.renew()
    await one.renew()
    assert changes == ["stage", "stage"]


async def test_leaving_what_was_never_entered_changes_nothing() -> None:
    presence, changes = open_presence()
    await presence.leave(UUID(int=1))
    assert changes == []
