"""Programs that run in the clients' own environments; nothing here is imported by pytest."""
