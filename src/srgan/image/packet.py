"""An XMP packet as a whole: made, added to, put together from two, and cut in two where a JPEG file needs that."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence
from xml.etree import ElementTree

from srgan.image import xmp
from srgan.image.text import COMMENT, Text

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_NOTE = "http://ns.adobe.com/xmp/note/"
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_TAIL = '\n<?xpacket end="w"?>'
_NEW = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"></rdf:RDF></x:xmpmeta>'
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
_TEXTS = "http://ns.exiftool.org/PNG/PNG/1.0/"

_KNOWN = {
    "Title": ("title", "Alt"),
    "Description": ("description", "Alt"),
    "Copyright": ("rights", "Alt"),
    "Author": ("creator", "Seq"),
    "Source": ("source", ""),
}
"""PNG's keywords for what XMP has a property of Dublin Core for, and its kind of list."""


def with_description(packet: bytes | None, inner: str, uris: dict[str, str]) -> bytes:
    """Return a packet with one more description, of elements whose prefixes are given; a new packet for None.

    A packet that is not in UTF-8, or that does not end as packets do, is returned as it is.
    """
    text = _HEAD + _NEW + _TAIL if packet is None else _text(packet)
    if text is None:
        return packet or b""
    declared = "".join(f" xmlns:{prefix}={_quoted(uri)}" for prefix, uri in uris.items())
    added = f'<rdf:Description xmlns:rdf="{RDF}" rdf:about=""{declared}>{inner}</rdf:Description>'
    for prefix in xmp.prefixes(text, RDF):
        place = text.rfind(f"</{prefix}:RDF>")
        if place >= 0:
            return (text[:place] + added + text[place:]).encode("utf-8", "surrogateescape")
    return packet or b""


def with_texts(packet: bytes | None, texts: Sequence[Text]) -> bytes | None:
    """Return a packet that says these texts as well, those that XMP knows in its own properties."""
    inner, seen = "", packet or b""
    for text in texts:
        body = html.escape(_NO_XML.sub("", text.text), quote=False)
        name, kind = _KNOWN.get(text.keyword, ("", ""))
        if name and f"dc:{name}".encode() not in seen:
            if kind:
                language = f" xml:lang={_quoted(text.language or 'x-default')}" if kind == "Alt" else ""
                body = f"<rdf:{kind}><rdf:li{language}>{body}</rdf:li></rdf:{kind}>"
            inner += f"<dc:{name}>{body}</dc:{name}>"
            seen += f"dc:{name}".encode()
        else:
            tag = re.sub(r"[^A-Za-z0-9_.-]", "-", text.keyword)
            tag = tag if tag[:1].isalpha() else f"{COMMENT}-{tag}"
            inner += f"<PNG:{tag}>{body}</PNG:{tag}>"
    return with_description(packet, inner, {"dc": _DUBLIN_CORE, "PNG": _TEXTS}) if inner else packet


def with_history(packet: bytes | None, software: str, what: str) -> bytes:
    """Return a packet whose history has one more line.

    Parameters
    ----------
    software : what did it, with its version
    what : in words; no time is said, so that the same picture becomes the same file
    """
    event = (
        f'<rdf:li xmlns:rdf="{RDF}" xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#" stEvt:action="edited" '
        f"stEvt:softwareAgent={_quoted(software)} stEvt:parameters={_quoted(what)}/>"
    )
    text = _text(packet) if packet is not None else None
    for prefix in xmp.prefixes(text, "http://ns.adobe.com/xap/1.0/mm/") if text else ():
        found = re.search(
            rf"<{prefix}:History(?:\s[^>]*)?>.*?(</[\w.-]+:Seq>)\s*</{prefix}:History\s*>", text or "", re.S
        )
        if found and text:
            return (text[: found.start(1)] + event + text[found.start(1) :]).encode("utf-8", "surrogateescape")
    inner = f"<xmpMM:History><rdf:Seq>{event}</rdf:Seq></xmpMM:History>"
    return with_description(packet, inner, {"xmpMM": "http://ns.adobe.com/xap/1.0/mm/"})


def together(packet: bytes, extended: bytes) -> bytes:
    """Return one packet of the two that a JPEG file has; see :func:`in_two`."""
    first, second = _text(packet), _text(extended)
    if first is None or second is None:
        return packet
    first = xmp.without(first, _NOTE, ("HasExtendedXMP",))
    body = re.search(r"<([\w.-]+):RDF((?:\s[^>]*)?)>(.*)</\1:RDF\s*>", second, re.DOTALL)
    root = re.search(r"<([\w.-]+):RDF((?:\s[^>]*)?)>", first)
    place = first.rfind(f"</{root[1]}:RDF>") if root else -1
    if body is None or root is None or place < 0:
        return packet
    added = first[:place] + body[3] + first[place:]
    known = {name for name, _ in _declarations(root[2])}
    more = "".join(f" xmlns:{name}={_quoted(uri)}" for name, uri in _declarations(body[2]) if name not in known)
    return (added[: root.end() - 1] + more + added[root.end() - 1 :]).encode("utf-8", "surrogateescape")


def in_two(packet: bytes, room: int) -> tuple[bytes, bytes] | None:
    """Return a packet of at most ``room`` bytes, and another with its largest properties; None where that is not possible.

    The first one must get the name of the second: it has ``xmpNote:HasExtendedXMP=""`` for that.
    """
    text = _text(packet)
    if text is None or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        for _, (prefix, uri) in ElementTree.iterparse(io.BytesIO(packet), ["start-ns"]):
            if prefix and not re.fullmatch(r"ns\d+|xml", prefix):
                ElementTree.register_namespace(prefix, uri)
        tree = ElementTree.fromstring(packet)
    except (ElementTree.ParseError, ValueError):
        return None
    ElementTree.register_namespace("xmpNote", _NOTE)
    rdf = tree if tree.tag == f"{{{RDF}}}RDF" else tree.find(f"{{{RDF}}}RDF")
    if rdf is None or not len(rdf):
        return None
    rdf[0].set(f"{{{_NOTE}}}HasExtendedXMP", "0" * 32)
    moved = ElementTree.Element(f"{{{RDF}}}Description", {f"{{{RDF}}}about": ""})
    pieces = sorted(_properties(rdf), key=lambda piece: piece[0], reverse=True)
    for _, owner, part in pieces:
        if len(first := _serialised(tree)) <= room:
            break
        if isinstance(part, str):
            moved.set(part, owner.attrib.pop(part))
        else:
            owner.remove(part)
            moved.append(part)
    else:
        if len(first := _serialised(tree)) > room:
            return None
    root = ElementTree.Element("{adobe:ns:meta/}xmpmeta")
    ElementTree.register_namespace("x", "adobe:ns:meta/")
    ElementTree.SubElement(root, f"{{{RDF}}}RDF").append(moved)
    return first, ElementTree.tostring(root, "utf-8", xml_declaration=False)


def named(packet: bytes, guid: str) -> bytes:
    """Return the first packet of :func:`in_two` with the name of the second."""
    text = packet.decode("utf-8", "surrogateescape")
    return xmp.replace(text, _NOTE, "HasExtendedXMP", lambda _: guid).encode("utf-8", "surrogateescape")


_Property = tuple[int, ElementTree.Element, "str | ElementTree.Element"]


def _properties(rdf: ElementTree.Element) -> list[_Property]:
    found: list[_Property] = []
    for description in rdf:
        for child in description:
            found.append((len(ElementTree.tostring(child, "utf-8")), description, child))
        for name, text in description.attrib.items():
            if not name.startswith((f"{{{RDF}}}", f"{{{_NOTE}}}", "{http://www.w3.org/XML")):
                found.append((len(text.encode()), description, name))
    return found


def _serialised(tree: ElementTree.Element) -> bytes:
    return (_HEAD + ElementTree.tostring(tree, "unicode") + _TAIL).encode()


def _declarations(attributes: str) -> list[tuple[str, str]]:
    return re.findall(r"""xmlns:([\w.-]+)\s*=\s*["']([^"']*)["']""", attributes)


def _text(packet: bytes) -> str | None:
    return None if b"\0" in packet[:64] else packet.decode("utf-8", "surrogateescape")


def _quoted(value: str) -> str:
    """Return an attribute's value in quotes; ``xml.sax.saxutils`` does so too, and imports two megabytes of network code."""
    text = html.escape(value)
    return '"' + "".join(f"&#{ord(char)};" if char in "\t\n\r" else char for char in text) + '"'
