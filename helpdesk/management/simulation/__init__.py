"""Months of tickets replayed against the real services and database, and against a model in memory."""
