"""Outside YAML files: read as strictly as everything else, within limits that fit whole taxonomies."""

from typing import Any

from registry.canonical import scan
from registry.errors import Malformed
from registry.taxonomies.sources.loaded import MAX_BYTES
from registry.yaml import Limits, read_yaml

# None of the files read here needs anchors or aliases, so they stay refused.
LIMITS = Limits(bytes=MAX_BYTES, values=500_000)


def read_mapping(data: bytes) -> dict[str, Any]:
    """The object that the file is. Dates stay text; anchors, aliases and duplicate keys are refused.

    Raises `TooLarge` and `Malformed`.
    """
    value = read_yaml(data, LIMITS)
    if not isinstance(value, dict):
        raise Malformed("The YAML file is not an object of named lists.")
    if findings := scan(value):
        raise Malformed("The YAML file holds what cannot be stored.", findings=findings)
    return value
