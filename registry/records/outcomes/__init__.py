"""What was reported to work, and what not: kept as rows beside each record, counted when somebody asks."""
