"""Every question is a feed: entries that know no format, and one writer a format.

selection    which records a feed is about: its address read and written
links        absolute addresses, and ids that never change
entries      from a published document to a neutral entry; body: its content as HTML
feed         a feed as all writers see it
rss atom jsonfeed opml    the writers, pure; formats: the list of them
discovery    how a page announces its feeds
queries api  what is in a feed now, and its answer over HTTP
"""
