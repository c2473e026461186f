"""A citation as a line of text, for people."""

from registry.citations.cited import Cited


def write(cited: Cited) -> str:
    what = f"{cited.what.lower()} {cited.number}{', withdrawn' if cited.note else ''}".strip()
    authors = f"{', '.join(cited.authors)} ({cited.year or 'no date'})"
    return f"{authors}. {cited.title.rstrip('.')} [{what}]. {cited.publisher}. {cited.address}\n"
