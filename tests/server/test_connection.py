import socket
import struct
import threading

import pytest

from llmproxy.server.connection import ClientSocket

MUCH = b"x" * 8 * 1024 * 1024


@pytest.fixture
def pair():
    """Our end of a connection, which waits for half a second when it sends, and the client's."""
    ours, client = socket.socketpair()
    server = ClientSocket(ours.family, ours.type, ours.proto, ours.detach())
    server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", 0, 500_000))
    with server, client:
        yield server, client


def test_all_is_sent_in_the_end(pair):
    server, client = pair
    received = bytearray()

    def read():
        while len(received) < len(MUCH):
            received.extend(client.recv(65536))

    reader = threading.Thread(target=read)
    reader.start()
    server.sendall(MUCH)
    reader.join(10)
    assert received == MUCH


def test_a_client_that_reads_nothing_is_as_good_as_gone(pair):
    server, _ = pair
    with pytest.raises(BrokenPipeError):
        server.sendall(MUCH)


def test_it_blocks_whatever_it_is_told(pair):
    server, _ = pair
    server.setblocking(False)
    assert server.getblocking()


def test_a_client_that_is_gone_is_told_as_ever(pair):
    server, client = pair
    client.close()
    with pytest.raises(BrokenPipeError):
        server.sendall(b"x")
