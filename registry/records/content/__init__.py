"""What a record says: its kinds, fields, limits and checks. Pure; no database, no HTTP."""
