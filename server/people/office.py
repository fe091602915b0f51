"""People of a conference, for its organisers."""

from starlette.routing import BaseRoute

routes: list[BaseRoute] = []
