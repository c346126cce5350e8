"""The server section of a contract: what each kind of system and format may and must say."""
