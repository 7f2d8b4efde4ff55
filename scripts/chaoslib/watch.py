"""What serves, told by the engine and by the tasks themselves, and never by `reconcile`; counted 20 times a second."""

import contextlib
import http.client
import json
import socket
import threading
import time
import urllib.parse

from benchlib.engine import EngineError, UnixConnection

from .house import CLUSTER

SAMPLES_A_SECOND = 20
# How long `reconcile` may take to hear of the end of a task: until then it counts on that task.
HEARS_WITHIN_SECS = 2
# A task that we have not yet seen to be well may be so: what is over so soon is the resolution of looking at a busy machine.
RESOLUTION_SECS = 0.25
# A check by command is due every 5 s. An engine that is ended as it starts or checks a container never checks it again, not after its
# return either, and goes on to say what it said last: a person would stop such a task, and so do we.
FORGOTTEN_AFTER_SECS = 45
FORGOTTEN = "forgotten by the engine"


class Task:
    def __init__(self, id_, service, commit):
        self.id, self.service, self.commit = id_, service, commit
        # When we heard of it.
        self.started_at = self.told_at = self.ended_at = None
        self.port = self.address = None
        # Of the engine's own check, and of ours.
        self.has_passed_check = self.is_well = False
        # Since when the engine has said that it has not checked it yet, or that it is healthy when it is not.
        self.unchecked_since = None
        # What we did to it: "killed" or "made sick".
        self.victim = None

    def begin(self):
        self.started_at = self.started_at or time.monotonic()

    @property
    def is_running(self):
        return self.started_at is not None and self.ended_at is None

    @property
    def serves(self):
        return self.is_running and self.told_at is None

    def is_healthy(self, check):
        if not self.serves or self.victim:
            return False
        return check == "none" or self.is_well and (check == "network" or self.has_passed_check)

    def __str__(self):
        state = "ended" if self.ended_at else "told to stop" if self.told_at else "running" if self.is_running else "created"
        facts = [state, "well" if self.is_well else "not well", *([self.victim] if self.victim else [])]
        return f"{self.id[:12]} commit {self.commit} ({', '.join(facts)})"


class Watcher:
    def __init__(self, house, services):
        self.house, self.services = house, {service.name: service for service in services}
        self.tasks = {}
        self.lock = threading.RLock()
        self.poke = threading.Event()
        self.is_over = False
        # (phase, service) -> the fewest that were healthy, with what we had taken then.
        self.least = {}
        self.broken = []
        self.errors = []
        self.samples = self.late = self.forgotten = 0
        self.log = open(house.folder / "timeline.log", "w", encoding="utf-8")
        self.began_at = time.monotonic()

    def start(self):
        for work in (self.follow_events, self.follow_list, self.sample):
            threading.Thread(target=self.guard, args=(work,), daemon=True).start()

    def guard(self, work):
        """Without a watcher nothing is proved."""
        try:
            work()
        except Exception as error:  # noqa: BLE001
            self.errors.append(f"{work.__name__}: {error!r}")

    def note(self, text):
        with self.lock:
            self.log.write(f"{time.monotonic() - self.began_at:9.3f} {text}\n")
            self.log.flush()

    # -- what the engine tells ----------------------------------------------------------------------------------------

    def follow_events(self):
        filters = urllib.parse.quote(json.dumps({"type": ["container"], "label": [f"reconcile.cluster={CLUSTER}"]}))
        since = time.time()
        while not self.is_over:
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                connection = UnixConnection(str(self.house.socket))
                connection.request("GET", f"/events?since={since:.6f}&filters={filters}")
                answer = connection.getresponse()
                while line := answer.readline():
                    event = json.loads(line)
                    since = event["timeNano"] / 1e9
                    self.hear(event)
            time.sleep(0.05)

    def hear(self, event):
        attributes, what = event["Actor"]["Attributes"], event["Action"]
        with self.lock:
            task = self.task(event["id"], attributes)
            if what == "start":
                task.begin()
            elif what == "die":
                self.end(task)
            elif what == "kill" and attributes.get("signal") == "15":
                task.told_at = task.told_at or time.monotonic()
            elif what.startswith("health_status"):
                task.has_passed_check = what.endswith(" healthy")
            elif what != "create":
                return
            if what != "create":
                self.note(f"{what:12} {attributes.get('signal', '')} {attributes['name']} {task}")
        self.poke.set()

    def task(self, id_, labels):
        if id_ not in self.tasks:
            commit = int(labels.get("chaos", 0))
            self.tasks[id_] = Task(id_, labels["reconcile.service"], commit)
        return self.tasks[id_]

    def end(self, task):
        """What ends of itself, without having been told to, is no more `reconcile`'s doing than what we kill."""
        service = self.services[task.service]
        if task.is_healthy(service.check):
            service.taken.append(task)
        task.ended_at = task.ended_at or time.monotonic()

    def follow_list(self):
        """Addresses and ports, and whatever the events left out."""
        while not self.is_over:
            self.poke.wait(0.25)
            self.poke.clear()
            with contextlib.suppress(OSError, EngineError, http.client.HTTPException):
                self.read_list()
                self.stop_forgotten()

    def stop_forgotten(self):
        now = time.monotonic()
        with self.lock:
            old = [task for task in self.tasks.values() if task.serves and task.unchecked_since is not None]
            old = [task for task in old if now - task.unchecked_since > FORGOTTEN_AFTER_SECS and task.victim != FORGOTTEN]
        for task in old:
            self.forgotten += 1
            self.take(self.services[task.service], [task], FORGOTTEN)
            self.house.engine.call("POST", f"/containers/{task.id}/kill?signal=KILL", accept=(404, 409))

    def read_list(self):
        found = self.house.containers()
        with self.lock:
            for one in found:
                task = self.task(one["Id"], one["Labels"])
                # The list lags behind: what has ended never comes back.
                if one["State"] == "running":
                    task.begin()
                if one["State"] in ("exited", "dead"):
                    self.end(task)
                task.has_passed_check = task.has_passed_check or "(healthy)" in one["Status"]
                is_unchecked = "(health: starting)" in one["Status"] or "(healthy)" in one["Status"] and not task.is_well
                task.unchecked_since = (task.unchecked_since or time.monotonic()) if is_unchecked else None
                ports = [port["PublicPort"] for port in one["Ports"] if "PublicPort" in port]
                address = next((network["IPAddress"] for network in one["NetworkSettings"]["Networks"].values()), "")
                if ports and address:
                    is_new = task.address is None
                    task.port, task.address = ports[0], address
                    if is_new:
                        threading.Thread(target=self.ask, args=(task,), daemon=True).start()
            listed = {one["Id"] for one in found}
            for id_ in [id_ for id_, task in self.tasks.items() if task.ended_at and id_ not in listed]:
                # A last moment for those who look after what became of a request.
                if time.monotonic() - self.tasks[id_].ended_at > 10:
                    del self.tasks[id_]

    # -- what the tasks tell ------------------------------------------------------------------------------------------

    def ask(self, task):
        """Whether a task is well, as often as it is counted."""
        while not self.is_over and task.ended_at is None:
            began = time.monotonic()
            try:
                task.is_well = get(task.address, 8080, "/health", 1)[0] == 200
            except TimeoutError:
                # A busy machine: it is as it was.
                self.late += 1
            except OSError:
                task.is_well = False
            time.sleep(max(0.0, 1 / SAMPLES_A_SECOND - (time.monotonic() - began)))

    # -- counting -----------------------------------------------------------------------------------------------------

    def of(self, name):
        with self.lock:
            return [task for task in self.tasks.values() if task.service == name]

    def healthy(self, service):
        return [task for task in self.of(service.name) if task.is_healthy(service.check)]

    def take(self, service, tasks, how):
        """Notes that these tasks are ours from now on: what is missing because of that is no fault of `reconcile`."""
        with self.lock:
            for task in tasks:
                if task.is_healthy(service.check):
                    service.taken.append(task)
                task.victim = how
                self.note(f"{how}: {task}")

    def has_settled(self, service):
        """Whether as many tasks as are wanted serve, all of the last good commit, and nothing else runs."""
        with self.lock:
            running = [task for task in self.of(service.name) if task.is_running]
            healthy = [task for task in running if task.is_healthy(service.check) and task.commit == service.good]
        return len(healthy) == len(running) == service.count

    def sample(self):
        at = time.monotonic()
        while not self.is_over:
            with self.lock:
                for service in self.services.values():
                    self.count(service)
                self.samples += 1
            at += 1 / SAMPLES_A_SECOND
            time.sleep(max(0.0, at - time.monotonic()))

    def count(self, service):
        now = time.monotonic()
        healthy = len(self.healthy(service))
        service.is_up = service.is_up or healthy == service.count
        if healthy >= service.promise and not self.house.was_engine_away(now):
            service.taken = [task for task in service.taken if self.may_be_counted_on(task, now)]
        if not service.is_up:
            return
        taken = len(service.taken)
        key = (service.phase, service.name)
        self.least[key] = min(self.least.get(key, (healthy + taken, healthy, taken)), (healthy + taken, healthy, taken))
        if healthy + taken >= service.promise:
            service.short_since = None
        elif service.short_since is None:
            service.short_since = now
        elif now - service.short_since > RESOLUTION_SECS:
            self.complain(service, f"{healthy} tasks are healthy, {service.promise} were promised, {taken} were taken by us")
        # One that was told to stop exists until it has ended.
        exist = sum(1 for task in self.of(service.name) if task.is_running)
        if exist > service.ceiling:
            self.complain(service, f"{exist} tasks exist, at most {service.ceiling} may")

    def may_be_counted_on(self, task, now):
        """Whether `reconcile` may not know yet that a task is lost."""
        if task.ended_at is None:
            return task.victim is not None
        return now - task.ended_at <= HEARS_WITHIN_SECS

    def complain(self, service, text):
        what = f"{service.name}, {service.phase}: {text}"
        if not self.broken or self.broken[-1][1] != what:
            self.broken.append((time.monotonic() - self.began_at, what))
            tasks = "".join(f"\n          {task}" for task in self.of(service.name) if task.ended_at is None)
            self.note(f"BROKEN {what}{tasks}")


def get(address, port, path, timeout):
    """Status and body of one request on a connection of its own."""
    with socket.create_connection((address, port), timeout=timeout) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    words = head.split(b" ")
    if len(words) < 2 or not words[1].isdigit():
        raise ConnectionError("it hung up without an answer")
    return int(words[1]), body.decode(errors="replace")
