"""What may not be known is looked for at every public exit."""
