"""The text front end: ``.cflow`` text to syntax, and the formatter."""
