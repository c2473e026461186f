"""How an organisation joins: it applies, proves its domain, and stewards decide."""
