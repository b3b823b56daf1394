"""Nodes whose effect on a database and whose completion are one commit: ``@node(transactional=SQLite("shop.db"))``."""

from .port import Database as Database, Transaction as Transaction, alive as alive
from .sqlite import SQLite as SQLite
