"""Questions that members keep: one canonical question each, from which its page, feeds and exports hang."""
