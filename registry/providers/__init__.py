"""Organisations that disclose, and the clients that act for them."""
