"""Search: the index on top of the registry. It knows the registry; the registry never knows it."""
