"""Who asks: tokens become an `Actor`."""
