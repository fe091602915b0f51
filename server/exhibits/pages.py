"""Exhibits as pages: hall, booth, desk, office."""

from starlette.routing import BaseRoute

from server.exhibits import booth_editor, desk, hall_pages, office, visiting

routes: list[BaseRoute] = [
    *hall_pages.routes,
    *visiting.routes,
    *desk.routes,
    *office.routes,
    *booth_editor.routes,
]
