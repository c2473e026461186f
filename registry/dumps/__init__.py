"""Everything that is public here, as files that anybody can check, copy and serve."""
