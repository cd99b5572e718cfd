"""Clients of the encrypted port that mean no good: renegotiation, half-open handshakes, endless keys.

What needs no other implementation of TLS than the server's own is in `tests/server/tls.rs`.
"""

import socket
import ssl
import subprocess

import redis
from support import CERTIFICATES, HOST, TLS_PORT

AUTHORITY = str(CERTIFICATES / "ca.pem")
HALF_OPEN = 300


def openssl(version):
    """The client of OpenSSL, which takes single letters as orders."""
    target = ("-connect", f"{HOST}:{TLS_PORT}", "-CAfile", AUTHORITY, version)
    command = ["openssl", "s_client", *target]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def read_until(process, text):
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"ended without {text}")


def say(process, line):
    process.stdin.write(line + "\n")
    process.stdin.flush()


def check_renegotiation():
    """A client of TLS 1.2 that asks to shake hands again is refused, and its connection ended."""
    with openssl("-tls1_2") as process:
        say(process, "PING")
        read_until(process, "+PONG")
        say(process, "R")
        read_until(process, "RENEGOTIATING")
        rest = process.stdout.read()
        assert "no renegotiation" in rest and "+PONG" not in rest, rest
        process.stdin.close()


def check_new_keys():
    """New keys in TLS 1.3 are taken, time and again."""
    with openssl("-tls1_3") as process:
        for _ in range(20):
            say(process, "K")
            read_until(process, "KEYUPDATE")
            say(process, "PING")
            read_until(process, "+PONG")
        process.stdin.close()
        process.terminate()


def check_half_open(client):
    """Whoever says nothing, or half of it, is ended; others come and go meanwhile."""
    context = ssl.create_default_context(cafile=AUTHORITY)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    begun = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        begun.do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = outgoing.read()
    before = client.info("server").get("tls_handshakes_failed", 0)
    half_open = [socket.create_connection((HOST, TLS_PORT)) for _ in range(HALF_OPEN)]
    for number, open_socket in enumerate(half_open):
        open_socket.sendall(hello[: (0, 3, len(hello) // 2)[number % 3]])
    for _ in range(20):
        with redis.Redis(host=HOST, port=TLS_PORT, ssl=True, ssl_ca_certs=AUTHORITY) as other:
            assert other.ping() is True
    assert client.ping() is True
    for open_socket in half_open:
        open_socket.settimeout(30)
        assert open_socket.recv(100) == b""
        open_socket.close()
    assert client.info("server")["tls_handshakes_failed"] == before + HALF_OPEN


with redis.Redis(host=HOST, port=TLS_PORT, ssl=True, ssl_ca_certs=AUTHORITY) as connected:
    check_renegotiation()
    check_new_keys()
    check_half_open(connected)
    assert connected.ping() is True
