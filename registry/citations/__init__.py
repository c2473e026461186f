"""How a record, or one version of it, is cited: the facts in one plain object, and a file for each format."""
