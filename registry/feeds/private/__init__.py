"""Feeds for one reader, by a key of their own in the address: what the key's owner may see now."""
