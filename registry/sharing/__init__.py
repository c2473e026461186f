"""Sharing groups: circles of organisations that read what is sent to them at TLP:AMBER."""
