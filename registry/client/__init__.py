"""A client of a registry: typed, with one implementation under a synchronous and an asynchronous face.

    from registry.client import Client, Credentials, calls

    with Client("https://registry.example", Credentials("example-lab.0123", "secret")) as registry:
        draft = registry.run(calls.create(submission, key="the-case-of-march"))
        registry.run(calls.publish(draft.id, if_match=draft.etag, key="publish the-case-of-march"))
        for record in registry.each(calls.records(kind=["incident"])):
            ...

`calls` describes requests as plain data and how their answers are read; `Client` and `AsyncClient` run them.
Everything that goes wrong is raised as one of `registry.errors`, with the findings that the registry sent.
"""

from registry.client import calls
from registry.client.answers import (
    Document,
    Draft,
    Handling,
    Outcome,
    Page,
    Published,
    Validation,
)
from registry.client.clients import AsyncClient, Client
from registry.client.flow import Credentials, Patience

__all__ = [
    "AsyncClient",
    "Client",
    "Credentials",
    "Document",
    "Draft",
    "Handling",
    "Outcome",
    "Page",
    "Patience",
    "Published",
    "Validation",
    "calls",
]
