"""Records that look like one campaign: public records that few traits, which few others have, join."""
