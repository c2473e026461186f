"""The stream of public changes: told as they happen, and again to whoever was away."""
