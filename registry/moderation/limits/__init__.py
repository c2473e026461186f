"""How much anybody may ask: per address, per client, per organisation."""
