"""What makes one record like another: what an engine looks for, and the reasons that readers are told."""
