"""What the relay reports, made the session's: on air, off air, who watches."""

from server.services import Services


async def listen(services: Services) -> None:
    """Follow the relay's events for ever; the relay may die and come back meanwhile."""
    async for _event in services.relay.events():
        pass
