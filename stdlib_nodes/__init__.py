"""The standard node packs: one module a pack, written as a user would write them.

A pack is a module of ``@node`` functions with annotations and declared effects; modules whose names begin with ``_``
are shared by packs and are none themselves. Nothing in the package imports a pack but by its name, when a program
asks for it; a pack imports the public names of ``cflow`` only, and libraries that belong to an extra within
:func:`~._extras.needs`. ``PACKS`` is the list that `cflow nodes` and `import` offer.
"""

from __future__ import annotations

from typing import NamedTuple


class Pack(NamedTuple):
    """What is told of a pack before it is imported.

    Parameters
    ----------
    summary: one sentence.
    permissions: what its nodes ask the host for (:mod:`cflow.compiler.permissions`): ``net``, ``files``, ``process``.
    extra: the extra of the distribution that brings its libraries; empty: it needs none.
    modules: those libraries, as they are imported.
    """

    summary: str
    permissions: tuple[str, ...] = ()
    extra: str = ""
    modules: tuple[str, ...] = ()


PACKS: dict[str, Pack] = {
    "chart": Pack("Bars, lines and histograms as SVG text."),
    "compress": Pack("Compressed bytes and files; zip and tar archives.", ("files",), "data", ("zstandard",)),
    "crypto": Pack("Hashes, signatures, tokens, encryption.", ("files",), "crypto", ("cryptography", "jwt")),
    "csv": Pack("Tables as CSV text and CSV files.", ("files",)),
    "data": Pack("Lists of records: choose, sort, group, sum up, combine, query.", (), "data", ("duckdb",)),
    "files": Pack("Files and folders: read, write, list, copy, move, delete, watch.", ("files",)),
    "graphql": Pack("GraphQL: queries, mutations, connections page by page.", ("net",)),
    "html": Pack("HTML pages: elements by CSS, text, links, tables.", (), "web", ("selectolax",)),
    "http": Pack("HTTP: the verbs, JSON, pages, downloads, uploads.", ("net", "files")),
    "image": Pack("Pictures: read, resize, crop, turn, combine, write.", ("files",), "image", ("PIL",)),
    "json": Pack("JSON text and JSON files; long lists as streams.", ("files",), "data", ("ijson", "jmespath")),
    "jsonl": Pack("JSON lines, as text, files and streams.", ("files",)),
    "kv": Pack("JSON values by key, kept in the store from run to run."),
    "llm": Pack("Language models: chat, checked JSON, tools, embeddings.", ("net",), "data", ("jsonschema",)),
    "log": Pack("Lines for the log, on standard error."),
    "mail": Pack("Mail: send by SMTP, read and sort by IMAP.", ("net", "files"), "mail", ("imapclient",)),
    "markdown": Pack("Markdown to HTML and back, and what stands in it.", (), "web", ("markdown_it", "markdownify")),
    "metrics": Pack(
        "Counters, gauges, histograms for Prometheus.", ("net", "files"), "metrics", ("prometheus_client",)
    ),
    "notify": Pack("Short messages to people, through a hundred services.", ("net", "files"), "notify", ("apprise",)),
    "pdf": Pack("PDF documents: text and pages; merge, split, draw.", ("files",), "pdf", ("pypdfium2", "PIL")),
    "plot": Pack("Plots of every usual kind, to SVG and PNG.", (), "plot", ("matplotlib",)),
    "random": Pack("Random numbers, choices and samples."),
    "redis": Pack("Redis: texts, counters, lists, hashes, messages.", ("net",), "redis", ("redis",)),
    "rss": Pack("RSS and Atom feeds: parse and write.", (), "web", ("feedparser",)),
    "s3": Pack("Object stores that speak S3: list, get, put, copy, delete.", ("net", "files"), "s3", ("boto3",)),
    "sftp": Pack("Files on other machines: list, read, write, move, delete.", ("net", "files"), "ssh", ("asyncssh",)),
    "shell": Pack("Programs: run them to their end, read what they print.", ("process", "files", "env")),
    "sql": Pack("SQLite, PostgreSQL, DuckDB: query, stream, change.", ("files", "net"), "sql", ("psycopg", "duckdb")),
    "ssh": Pack("Programs on other machines: run them, read their lines.", ("net", "files"), "ssh", ("asyncssh",)),
    "table": Pack("Large files as tables, for the words of data.", ("files",), "data", ("duckdb",)),
    "text": Pack("Regular expressions, templates, splitting, differences, tables.", (), "text", ("jinja2",)),
    "time": Pack(
        "Dates and times: clock, parsing, arithmetic, business days, cron.", (), "time", ("cronsim", "holidays")
    ),
    "toml": Pack("TOML text and files.", ("files",), "data", ("tomli_w",)),
    "validate": Pack("Checks of values by JSON Schema.", (), "data", ("jsonschema",)),
    "xlsx": Pack("Spreadsheets: read and write sheets.", ("files",), "data", ("python_calamine", "xlsxwriter")),
    "xml": Pack("XML: dicts, XPath, long files as streams.", ("files",), "web", ("lxml",)),
    "yaml": Pack("YAML text and files.", ("files",), "data", ("yaml",)),
}
