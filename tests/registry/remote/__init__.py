"""A provider's own commands, against a registry that is served."""
