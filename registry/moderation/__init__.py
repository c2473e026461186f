"""What keeps the registry usable and harmless: screening, limits, and notice of unusual activity."""
