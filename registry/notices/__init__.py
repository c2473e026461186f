"""Notices from outsiders: what is wrong, private, defamatory, leaked or under copyright, and the answers."""
