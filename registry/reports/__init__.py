"""Reporting duties: one incident as several regimes ask for it. A drafting aid, and no legal advice.

One file a regime; `registry.reports.regimes` lists them. What each asks for and by when is taken from public
summaries of the law; who reports checks it against the law itself.
"""
