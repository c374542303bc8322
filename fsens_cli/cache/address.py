"""Addresses of files on the web: checked, and with user, password and query kept out of what is shown."""

import base64
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from fsens_cli.errors import FetchError
from fsens_cli.text import MASK, masked, safe

SCHEMES = ("http", "https")
# All of ASCII that an address may hold; what else people write is percent-encoded.
KEPT = "".join(chr(i) for i in range(0x21, 0x7F))


@dataclass(frozen=True, slots=True)
class Address:
    """Where a file is, and who asks for it.

    Attributes:
        url: without user and password, percent-encoded.
        authorization: the header of basic authentication (RFC 7617), or empty.
        shown: for people, without secrets.
    """

    url: str
    authorization: str
    shown: str


def parse_address(text: str) -> Address:
    """Read an address of the web, which may hold ``user:password@``.

    Raises:
        FetchError: it is none; secrets are not repeated.

    >>> parse_address("https://me:secret@host/a%20b?key=1")
    Address(url='https://host/a%20b?key=1', authorization='Basic bWU6c2VjcmV0', shown='https://***@host/a%20b?***')
    """
    parts = _split(text)
    user, _, host = parts.netloc.rpartition("@")
    authorization = f"Basic {base64.b64encode(unquote(user).encode()).decode()}" if user else ""
    try:
        # Names of hosts have an encoding of their own; other tools write it the same way.
        if not host.isascii():
            port = f":{parts.port}" if parts.port else ""
            host = f"{(parts.hostname or '').encode('idna').decode()}{port}"
    except UnicodeError:
        raise FetchError(f"{safe(host)} is no name of a host") from None
    url = quote(urlunsplit(parts._replace(netloc=host)), safe=KEPT)
    return Address(url=url, authorization=authorization, shown=masked(safe(text)))


def within(folder: str, name: str) -> str:
    """Return the address of a file in a folder; the folder's query goes with it.

    >>> within("https://host/data/?key=1", "a.gz")
    'https://host/data/a.gz?key=1'
    """
    parts = _split(folder)
    return urlunsplit(parts._replace(path=f"{parts.path}{name}"))


def is_folder(text: str) -> bool:
    """Return whether an address ends in a slash, but for its query."""
    return _split(text).path.endswith("/")


def has_mask(text: str) -> bool:
    """Return whether an address comes from a record, where its secrets were masked."""
    return f"://{MASK}@" in text or f"?{MASK}" in text


def _split(text: str) -> SplitResult:
    """Return the parts of an address of the web.

    Raises:
        FetchError: it is none.
    """
    expected = "expected https://HOST/PATH or http://HOST/PATH"
    # Of what cannot be taken apart nobody knows which part is a secret.
    given = "what was given" if re.search(r"[@?]", text) else f"'{safe(text)}'"
    if re.search(r"[\x00-\x20\x7f]", text):
        raise FetchError(f"{given} is no address, since it has spaces or control characters: {expected}")
    try:
        parts = urlsplit(text)
        usable = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket without its end, a port that is no number
        usable = False
    if not usable:
        raise FetchError(f"{given} is no address: {expected}")
    return parts
