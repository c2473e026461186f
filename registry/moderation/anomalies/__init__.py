"""Notice of unusual activity: what an organisation does today beside what it usually does."""
