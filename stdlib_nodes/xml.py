"""XML: text to dicts and back, XPath, and long files as streams. File nodes take part in the order of the ``files``
pack. Needs the extra ``web``.

By lxml, with no network, no external files and no entities: a text that declares any is refused. As a dict an element
is ``{name: content}``; its content is text, or a dict of its attributes (``@name``), its own text (``#text``) and its
elements, those that stand there several times as lists. Comments and instructions are left out, and text between
elements keeps its words but not its place.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

from .. import node, permissions
from ._atomic import write_whole
from ._jsontext import simple
from ._libraries import library
from ._streams import PIECE, Source, hops


@node(pure=True)
def loads(text: str | bytes, lists: list[str] | None = None) -> dict[str, Any]:
    """The document as a dict. Elements named in ``lists`` come as lists however often they stand there.

    ``xml.loads("<order id='7'><item>nut</item><item>bolt</item></order>")``
    gives ``{"order": {"@id": "7", "item": ["nut", "bolt"]}}``

    Raises ValueError with line and column for what is not XML, declares entities, or nests too deeply.
    """
    return _document(_parsed(text, "the text"), lists)


@node(pure=True)
def dumps(value: dict[str, Any], indent: bool = True) -> str:
    """The XML text of a dict with one entry, the root.

    ``xml.dumps({"order": {"@id": "7", "item": ["nut", "bolt"]}}, indent=False)``
    gives ``"<order id=\\"7\\"><item>nut</item><item>bolt</item></order>"``

    None gives an empty element. Raises ValueError for names and characters that XML does not have.
    """
    return _text(value, indent)


@node(reads="files")
def read(path: str | Path, lists: list[str] | None = None) -> dict[str, Any]:
    """The document in a file as a dict; see ``loads``.

    ``order = xml.read("order.xml")``
    """
    return _document(_parsed(permissions().file(path).read_bytes(), str(path)), lists)


@node(writes="files")
def write(path: str | Path, value: dict[str, Any], indent: bool = True) -> Path:
    """Put a document into a file, whole or not at all; see ``dumps``. Returns the path.

    ``xml.write("order.xml", {"order": {"@id": "7"}})``
    """
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + _text(value, indent) + "\n" * (not indent)
    return write_whole(path, text.encode())


@node(pure=True)
def select(text: str | bytes, xpath: str, namespaces: dict[str, str] | None = None) -> list[Any]:
    """What an XPath expression finds: elements as their content, attributes and text as text.

    ``xml.select("<a><b n='1'>x</b><b n='2'>y</b></a>", "//b/@n")`` gives ``["1", "2"]``

    Raises ValueError for an expression that is none, or uses a prefix that ``namespaces`` does not have.
    """
    etree = library("xml", "lxml.etree")
    root = _parsed(text, "the text")
    try:
        found = root.xpath(xpath, namespaces=namespaces, smart_strings=False)
    except etree.XPathError as error:
        msg = f"the XPath {xpath!r}: {error}"
        raise ValueError(msg) from error
    items = found if isinstance(found, list) else [found]
    return [_content(item, frozenset()) if etree.iselement(item) else item for item in items]


@node(reads="files")
async def items(
    path: str | Path, tag: str, lists: list[str] | None = None, max_item: int = PIECE
) -> AsyncIterator[dict[str, Any] | str]:
    """The contents of the elements called ``tag`` in a long file as a stream, in constant memory.

    ``for page in xml.items("wiki.xml.bz2", "page"): ...``

    ``tag`` is the name without its prefix. ``max_item``: the most bytes between the ends of two elements. ``.gz``,
    ``.bz2``, ``.xz`` and ``.zst`` are decompressed on the fly. Raises OSError, and ValueError with the path.
    """
    async with hops(path, lambda file: _items(file, tag, lists, str(path)), max_item, of="item") as more:
        while chunk := await more():
            for item in chunk:
                yield item


_SAFE = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}


def _parsed(text: str | bytes, origin: str) -> Any:
    etree = library("xml", "lxml.etree")
    # An encoding that a text names was that of the bytes it once was.
    raw, encoding = (text, None) if isinstance(text, bytes) else (text.encode("utf-8", "surrogatepass"), "utf-8")
    parser = etree.XMLParser(**_SAFE, remove_comments=True, remove_pis=True, encoding=encoding)
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        raise _not_xml(origin, error) from error
    _check_entities(root, origin)
    return root


def _not_xml(origin: str, error: Any) -> ValueError:
    line, column = error.position
    return ValueError(f"{origin} is not XML: {error.msg or 'it is empty'} (line {line}, column {column})")


def _check_entities(root: Any, origin: str) -> None:
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and any(True for _ in dtd.iterentities()):
        msg = f"{origin} declares entities: refused, for they can multiply without end or reach other files"
        raise ValueError(msg)


def _document(root: Any, lists: list[str] | None) -> dict[str, Any]:
    return {_name(root): _content(root, frozenset(lists or ()))}


def _name(element: Any) -> str:
    local = element.tag.rpartition("}")[2]
    return f"{element.prefix}:{local}" if element.prefix else str(local)


def _content(element: Any, lists: frozenset[str]) -> Any:
    """Recursion is safe here: without ``huge_tree`` the parser refuses what nests deeper than 256."""
    outside = {} if (parent := element.getparent()) is None else parent.nsmap
    content: dict[str, Any] = {
        f"@xmlns:{prefix}" if prefix else "@xmlns": uri
        for prefix, uri in element.nsmap.items()
        if outside.get(prefix) != uri
    }
    prefixes = {uri: prefix for prefix, uri in element.nsmap.items() if prefix}
    for name, value in element.attrib.items():
        uri, _, local = name.rpartition("}")
        prefix = "xml" if uri == "{http://www.w3.org/XML/1998/namespace" else prefixes.get(uri[1:])
        content[f"@{prefix}:{local}" if prefix else f"@{local}"] = value
    words = [element.text or ""]
    for child in element:
        words.append(child.tail or "")
        if not isinstance(child.tag, str):  # a reference to an entity that is nowhere declared
            continue
        name = _name(child)
        inner = _content(child, lists)
        if isinstance(there := content.get(name), list):
            there.append(inner)
        elif name in content:
            content[name] = [there, inner]
        else:
            content[name] = [inner] if name in lists else inner
    text = " ".join("".join(words).split()) if len(words) > 1 else words[0]
    if not content:
        return text
    if text.strip():
        content["#text"] = text
    return content


def _items(file: BufferedReader, tag: str, lists: list[str] | None, origin: str) -> Iterator[Any]:
    etree = library("xml", "lxml.etree")
    source = cast(Source, file.raw)
    named = frozenset(lists or ())
    within = 0
    checked = False
    try:
        for event, element in etree.iterparse(
            file, events=("start", "end"), remove_comments=True, remove_pis=True, **_SAFE
        ):
            if not checked:
                _check_entities(element, origin)
                checked = True
            ours = element.tag.rpartition("}")[2] == tag
            if event == "start":
                within += ours
                continue
            within -= ours
            if within:
                continue
            if ours:
                source.passed()
                yield _content(element, named)
            # What has been passed is let go, or the tree would grow with the file.
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise _not_xml(origin, error) from error


def _text(value: dict[str, Any], indent: bool) -> str:
    etree = library("xml", "lxml.etree")
    plain = simple(value)
    if not isinstance(plain, dict) or len(plain) != 1:
        msg = "a document is a dict with one entry, its root"
        raise ValueError(msg)
    ((name, content),) = plain.items()
    if isinstance(content, list):
        msg = f"a document has one root, not {len(content)} called {name!r}"
        raise ValueError(msg)
    root = _element(etree, name, content, {})
    if indent:
        etree.indent(root)
    return str(etree.tostring(root, encoding="unicode", pretty_print=indent))


def _element(etree: Any, name: str, content: Any, outside: dict[str, str], parent: Any = None) -> Any:
    parts = content if isinstance(content, dict) else {"#text": content}
    here = {key.partition(":")[2]: uri for key, uri in parts.items() if key.partition(":")[0] == "@xmlns"}
    scope = outside | here
    nsmap = {prefix or None: uri for prefix, uri in here.items()}
    try:
        tag = _qualified(name, scope, scope.get("", ""))
        element = etree.Element(tag, nsmap=nsmap) if parent is None else etree.SubElement(parent, tag, nsmap=nsmap)
        for key, item in parts.items():
            if key.partition(":")[0] == "@xmlns":
                continue
            if key == "#text":
                element.text = _words(item) or None
            elif key.startswith("@"):
                element.set(_qualified(key[1:], scope, ""), _words(item))
            else:
                for one in item if isinstance(item, list) else [item]:
                    _element(etree, key, one, scope, element)
    except (ValueError, TypeError) as error:
        if str(error).startswith("the element"):
            raise
        msg = f"the element {name!r}: {error}"
        raise ValueError(msg) from error
    return element


def _qualified(name: str, scope: dict[str, str], default: str) -> str:
    prefix, colon, local = name.rpartition(":")
    if prefix == "xml":
        return f"{{http://www.w3.org/XML/1998/namespace}}{local}"
    if colon and prefix not in scope:
        msg = f"the prefix of {name!r} is declared nowhere: give '@xmlns:{prefix}'"
        raise ValueError(msg)
    uri = scope[prefix] if colon else default
    return f"{{{uri}}}{local}" if uri else name


def _words(value: Any) -> str:
    if isinstance(value, (list, dict)):
        msg = f"an attribute or '#text' is text, not {type(value).__name__}"
        raise ValueError(msg)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
