"""Whole results: every record that answers a question, as a file that is written while it is sent."""
