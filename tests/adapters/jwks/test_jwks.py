"""Key sets are read from a file, or from where their owner says and from nowhere else."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.jwks.file import FileKeys
from adapters.jwks.url import PublicResolver, UrlKeys
from adapters.ports.signing_keys import MOST_BYTES, KeysUnavailable


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def trust(certificate: Path) -> ssl.SSLContext:
    """Trusts that certificate."""
    context = ssl.create_default_context(cafile=certificate)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


@pytest.fixture
async def issuer(certificate: Path) -> AsyncIterator[str]:
    """The URL of somebody who answers by TLS."""

    async def keys(_: web.Request) -> web.Response:
        return web.Response(body=b'{"keys": []}')

    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPFound("/keys")

    async def large(_: web.Request) -> web.Response:
        return web.Response(body=b" " * (MOST_BYTES + 1))

    app = web.Application()
    app.router.add_get("/keys", keys)
    app.router.add_get("/elsewhere", elsewhere)
    app.router.add_get("/large", large)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=context)
    yield f"https://127.0.0.1:{server.port}"
    await server.close()


async def read(url: str, trust: ssl.SSLContext | None, *, allow_private: bool = True) -> bytes:
    keys = UrlKeys(url, allow_private=allow_private, trust=trust)
    try:
        return await keys.read()
    finally:
        await keys.close()


async def test_keys_are_read_from_a_url(issuer: str, trust: ssl.SSLContext) -> None:
    assert await read(f"{issuer}/keys", trust) == b'{"keys": []}'


@pytest.mark.parametrize(
    ("path", "told"),
    [("/elsewhere", "it answers 302"), ("/none", "it answers 404"), ("/large", "more than 262144 bytes")],
)
async def test_what_is_no_key_set_is_not_taken(issuer: str, trust: ssl.SSLContext, path: str, told: str) -> None:
    with pytest.raises(KeysUnavailable, match=told):
        await read(f"{issuer}{path}", trust)


async def test_a_certificate_that_nobody_trusts_is_refused(issuer: str) -> None:
    with pytest.raises(KeysUnavailable, match="Certificate"):
        await read(f"{issuer}/keys", None)


async def test_a_private_address_is_asked_only_if_its_owner_says_so(issuer: str, trust: ssl.SSLContext) -> None:
    for url in (f"{issuer}/keys", "https://10.0.0.1/keys", "https://[::1]/keys", "https://169.254.169.254/keys"):
        with pytest.raises(KeysUnavailable, match="its address is private"):
            await read(url, trust, allow_private=False)
    # A name is looked at where it is connected to, so that it cannot come to mean something else in between.
    with pytest.raises(KeysUnavailable, match="ClientConnectorDNSError"):
        await read(issuer.replace("127.0.0.1", "localhost") + "/keys", trust, allow_private=False)
    with pytest.raises(OSError, match="has no public address"):
        await PublicResolver().resolve("localhost")


async def test_only_https_is_asked() -> None:
    with pytest.raises(KeysUnavailable, match="write an https URL"):
        await read("http://127.0.0.1/keys", None)


async def test_keys_are_read_from_a_file_each_time(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    keys = FileKeys(file)
    with pytest.raises(KeysUnavailable, match="No such file"):
        await keys.read()
    for content in (b"one", b"two"):
        file.write_bytes(content)
        assert await keys.read() == content
    file.write_bytes(b" " * (MOST_BYTES + 1))
    with pytest.raises(KeysUnavailable, match="no key set"):
        await keys.read()
    await keys.close()
