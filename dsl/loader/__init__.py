"""Loading ``.cflow`` files and what they import."""
