"""One log, many readers: every change that matters, in the order in which it was committed."""
