"""Search over what is shared below TLP:CLEAR: an index apart, which no public question is asked of."""
