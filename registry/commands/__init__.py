"""The commands of each room, one file a topic."""
