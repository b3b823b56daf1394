"""Nodes whose effect on a database and whose completion are one commit: ``@node(transactional=SQLite("shop.db"))``."""

from .duckdb import DuckDB as DuckDB
from .port import Database as Database, Transaction as Transaction, alive as alive
from .postgresql import PostgreSQL as PostgreSQL
from .sqlite import SQLite as SQLite
