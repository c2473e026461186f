"""The pages, one file a topic.

Each takes what it shows from the registry's reads and answers prepared bytes.
"""
