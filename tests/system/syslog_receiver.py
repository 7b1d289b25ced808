#!/usr/bin/env python3
"""A syslog receiver for tests: one message a line, as it came, in a file.

    syslog_receiver.py udp|tcp|tls PORT FILE [CERTIFICATE KEY]

TCP and TLS take octet counting (RFC 6587) only. A connection is read to its end, then closed.
"""
import socket
import ssl
import sys


def take_frames(stream):
    while stream:
        length, separator, rest = stream.partition(b" ")
        if not separator or not length.isdigit() or length.startswith(b"0") or len(rest) < int(length):
            raise ValueError(f"not a frame: {stream[:80]!r}")
        yield rest[: int(length)]
        stream = rest[int(length) :]


def read_all(connection):
    stream = b""
    while True:
        try:
            more = connection.recv(65536)
        except (ConnectionError, ssl.SSLError):
            break
        if not more:
            break
        stream += more
    return stream


def main():
    kind, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    out = open(path, "ab", buffering=0)
    if kind == "udp":
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind(("127.0.0.1", port))
        while True:
            out.write(receiver.recv(65536) + b"\n")
    context = None
    if kind == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[4], sys.argv[5])
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        connection, _ = listener.accept()
        connection.settimeout(10)
        try:
            if context:
                connection = context.wrap_socket(connection, server_side=True)
            for message in take_frames(read_all(connection)):
                out.write(message + b"\n")
        except (OSError, ValueError) as problem:
            print(problem, file=sys.stderr)
        finally:
            connection.close()


main()
