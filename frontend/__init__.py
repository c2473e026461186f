"""The pages: server-rendered, for everybody, without JavaScript. Stands on registry and search."""

from frontend.routes import extension

__all__ = ["extension"]
