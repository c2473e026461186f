"""What is disclosed, by whom and in what order; and the API to it.

The rooms, from the ground floor up, are listed in `docs/contributor.md`. A room may import only from
rooms below it; `pyproject.toml` holds the rule and the import linter checks it.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("candor-registry")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"
