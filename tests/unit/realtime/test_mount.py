"""What we use of uvicorn beyond its documented interface; a new version must keep it."""

import asyncio
import inspect

import pytest
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server, ServerState

from realtime.hub.mount import hub_server, mount


def refuse(*_arguments: object) -> None:
    raise AssertionError


def test_a_socket_class_is_called_with_these_names_and_fed_like_this() -> None:
    source = inspect.getsource(HttpToolsProtocol.handle_websocket_upgrade)
    for used in (
        "config=self.config",
        "server_state=self.server_state",
        "app_state=self.app_state",
        "protocol.connection_made(self.transport)",
        "protocol.data_received(",
        "set_protocol(protocol)",
    ):
        assert used in source


@pytest.mark.parametrize("protocol", [HttpToolsProtocol, H11Protocol])
def test_a_head_that_is_complete_shows_in_these(protocol: type[asyncio.Protocol]) -> None:
    source = inspect.getsource(protocol)
    for used in (
        "self.cycle = RequestResponseCycle(",
        "self.connections.add(self)",
        "self.connections.discard(self)",
        "self.cycle.response_complete",
    ):
        assert used in source


def test_stopping_asks_every_connection_and_waits_for_them() -> None:
    assert "connection.shutdown()" in inspect.getsource(Server.shutdown)
    assert "self.server_state.connections" in inspect.getsource(Server._wait_tasks_to_complete)


def test_a_factory_is_accepted_in_place_of_a_class() -> None:
    factory = mount(["https://rounds.example"], refuse)  # type: ignore[arg-type]
    server = hub_server(["https://rounds.example"], refuse)  # type: ignore[arg-type]
    server.config.load()
    assert server.config.ws_protocol_class is not None
    state = ServerState()
    config = Config("none:none")
    first = factory(config=config, server_state=state, app_state={})
    assert first is not factory(config=config, server_state=state, app_state={})
