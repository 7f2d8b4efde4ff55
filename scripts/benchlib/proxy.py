"""A unix socket before the engine's own, which notes every request and changes nothing."""

import os
import socket
import threading


class CountingProxy:
    """`with CountingProxy(engine_socket, path) as proxy: ...; proxy.requests` is the list of (method, target)."""

    def __init__(self, upstream, path):
        self.upstream, self.path = upstream, path
        self.requests = []
        self.lock = threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def __enter__(self):
        self.listener.bind(self.path)
        self.listener.listen(512)
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        # Closing alone does not wake a thread that waits in accept.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        os.unlink(self.path)

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            server.connect(self.upstream)
        except OSError:
            client.close()
            return
        # Answers need no reading, only passing on: streams, hijacked connections and plain answers are one to us.
        back = threading.Thread(target=pump, args=(server, client), daemon=True)
        back.start()
        try:
            self.forward_requests(client.makefile("rb"), server)
        except (OSError, ValueError):
            pass
        half_close(server)
        back.join()
        client.close()
        server.close()

    def forward_requests(self, reader, server):
        while line := reader.readline():
            if not line.strip():
                server.sendall(line)
                continue
            head, headers = [line], {}
            while (header := reader.readline()) not in (b"\r\n", b"\n", b""):
                head.append(header)
                name, _, value = header.partition(b":")
                headers[name.strip().lower()] = value.strip().lower()
            method, target, *_ = line.decode("latin-1").split(" ")
            with self.lock:
                self.requests.append((method, target))
            server.sendall(b"".join(head) + b"\r\n")
            if b"upgrade" in headers or is_hijack(target):
                while data := reader.read1(65536):
                    server.sendall(data)
                return
            if headers.get(b"transfer-encoding") == b"chunked":
                forward_chunks(reader, server)
            elif length := int(headers.get(b"content-length", 0)):
                forward_bytes(reader, server, length)


def is_hijack(target):
    path = target.partition("?")[0]
    return path.endswith("/attach") or (path.endswith("/start") and "/exec/" in path)


def forward_bytes(reader, server, length):
    while length:
        data = reader.read1(min(length, 65536))
        if not data:
            raise OSError("the client hung up inside a request")
        server.sendall(data)
        length -= len(data)


def forward_chunks(reader, server):
    while True:
        line = reader.readline()
        server.sendall(line)
        size = int(line.partition(b";")[0].strip() or b"0", 16)
        if size == 0:
            while (trailer := reader.readline()) not in (b"\r\n", b"\n", b""):
                server.sendall(trailer)
            server.sendall(b"\r\n")
            return
        forward_bytes(reader, server, size + 2)


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    half_close(sink)


def half_close(end):
    try:
        end.shutdown(socket.SHUT_WR)
    except OSError:
        pass
