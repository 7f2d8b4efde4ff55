"""The most direct client of the Engine API: one keep-alive connection over the unix socket for every thread."""

import http.client
import json
import os
import socket
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

IMAGE = "reconcile-shop:1"
COMMAND = ["sleep"]
MEMORY_MIB = 32
# Everything that a run makes carries this prefix in a name or in the value of a label.
PREFIX = "reconcile-bench-"
LABEL = "reconcile-bench"


# The engine hangs up on a connection that has been idle for some minutes, as during a figure that needs no engine.
IDLE_SECONDS_MAX = 30


class EngineError(Exception):
    """The engine answered with an error."""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("engine", timeout=300)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def find_socket():
    host = os.environ.get("DOCKER_HOST", "")
    if not host:
        return "/var/run/docker.sock"
    if host.startswith("unix://"):
        return host[len("unix://") :]
    raise SystemExit(f"error: the benchmark needs the engine's unix socket, and DOCKER_HOST is {host}")


class Engine:
    def __init__(self, path, in_flight):
        self.path = path
        self.in_flight = in_flight
        self.local = threading.local()

    def call(self, method, path, body=None, accept=()):
        """One call; the decoded answer. A status in `accept` is no error."""
        connection = getattr(self.local, "connection", None)
        now = time.monotonic()
        if connection is not None and now - self.local.used > IDLE_SECONDS_MAX:
            connection.close()
            connection = None
        if connection is None:
            connection = self.local.connection = UnixConnection(self.path)
        self.local.used = now
        data = None if body is None else json.dumps(body).encode()
        headers = {} if data is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self.local.connection = None
            raise
        if response.status >= 400 and response.status not in accept:
            raise EngineError(f"{method} {path}: {response.status} {text.decode(errors='replace').strip()}")
        try:
            return json.loads(text) if text else None
        except ValueError:
            return text.decode(errors="replace")

    def every(self, work, items):
        """work(item) for all items, as many at once as the engine takes well."""
        with ThreadPoolExecutor(self.in_flight) as pool:
            return list(pool.map(work, items))

    def list_containers(self, label):
        filters = urllib.parse.quote(json.dumps({"label": [label]}))
        return self.call("GET", f"/containers/json?all=1&filters={filters}")

    def inspect(self, container):
        return self.call("GET", f"/containers/{container}/json")

    def create_network(self, name, run):
        body = {"Name": name, "Driver": "bridge", "CheckDuplicate": True, "Labels": {LABEL: run}}
        return self.call("POST", "/networks/create", body)["Id"]

    def run_container(self, name, network, run, alias, restart="no"):
        created = self.create_container(name, network, run, alias, restart)
        self.start_container(created)
        return created

    def start_container(self, container):
        self.call("POST", f"/containers/{container}/start")

    def stop_container(self, container):
        self.call("POST", f"/containers/{container}/stop")

    def create_container(self, name, network, run, alias, restart="no"):
        body = {
            "Image": IMAGE,
            "Cmd": COMMAND,
            "Labels": {LABEL: run},
            "HostConfig": {
                "NetworkMode": network,
                "Memory": MEMORY_MIB << 20,
                "RestartPolicy": {"Name": restart},
            },
            "NetworkingConfig": {"EndpointsConfig": {network: {"Aliases": [alias]}}},
        }
        return self.call("POST", f"/containers/create?name={name}", body)["Id"]

    def remove_labelled(self, *labels):
        """Removes containers, networks and volumes with any of these labels, and nothing else. The networks that stay."""
        stuck = []
        for label in labels:
            filters = urllib.parse.quote(json.dumps({"label": [label]}))
            for _ in range(3):
                found = self.list_containers(label)
                if not found:
                    break
                self.every(
                    lambda one: self.call("DELETE", f"/containers/{one['Id']}?force=1&v=1", accept=(404, 409)), found
                )
            for one in self.call("GET", f"/networks?filters={filters}"):
                if not self.remove_network(one["Id"]):
                    stuck.append(one["Name"])
            volumes = self.call("GET", f"/volumes?filters={filters}")["Volumes"] or []
            for one in volumes:
                self.call("DELETE", f"/volumes/{one['Name']}?force=1", accept=(404, 409))

        return stuck

    def remove_network(self, id_):
        """Docker 20.10 loses count of a network's endpoints now and then: such a network stays until the engine restarts."""
        for _ in range(30):
            if not self.call("DELETE", f"/networks/{id_}", accept=(403, 404)):
                return True
            if (self.call("GET", f"/networks/{id_}", accept=(404,)) or {}).get("Id") is None:
                return True
            time.sleep(0.1)
        return False

    def leftovers(self):
        """The labels of what earlier runs left behind."""
        found = set()
        keys = ("reconcile.cluster", LABEL, "com.docker.compose.project")
        things = []
        for key in keys:
            filters = urllib.parse.quote(json.dumps({"label": [key]}))
            things += self.call("GET", f"/containers/json?all=1&filters={filters}")
            things += self.call("GET", f"/networks?filters={filters}")
        for thing in things:
            for key in keys:
                value = (thing.get("Labels") or {}).get(key, "")
                if value.startswith(PREFIX):
                    found.add(f"{key}={value}")
        return sorted(found)


class Events:
    """The engine's `start` events, or others, each with the moment of its arrival."""

    def __init__(self, path, action="start"):
        self.action = action
        filters = urllib.parse.quote(json.dumps({"type": ["container"], "event": [action.partition(":")[0]]}))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.socket.sendall(f"GET /events?filters={filters} HTTP/1.1\r\nHost: engine\r\n\r\n".encode())
        self.response = http.client.HTTPResponse(self.socket)
        self.response.begin()
        self.seen = []
        self.changed = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            while line := self.response.readline():
                if line.strip():
                    event, now = json.loads(line), time.monotonic()
                    if event["Action"] != self.action:
                        continue
                    with self.changed:
                        self.seen.append((now, event["id"], event["Actor"]["Attributes"]))
                        self.changed.notify_all()
        except (OSError, ValueError, http.client.HTTPException):
            pass

    def wait(self, since, matches, timeout=60, count=1):
        """The moment of the `count`th event after `since` for which matches(id, attributes)."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                hits = [at for at, id_, attributes in self.seen if at >= since and matches(id_, attributes)]
                if len(hits) >= count:
                    return hits[count - 1]
                if not self.changed.wait(deadline - time.monotonic()):
                    raise EngineError(f"no `{self.action}` of the container within {timeout} s")

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
