"""Agenda as pages."""

from starlette.routing import BaseRoute

from server.agenda import office

routes: list[BaseRoute] = [*office.routes]
