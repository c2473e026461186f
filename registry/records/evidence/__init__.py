"""Files of evidence beside a record: kept in the database, shown only to those whom each is for."""
