"""Requests, by the ports that are published and by the name of the service, and what became of them."""

import collections
import random
import threading
import time

from .house import HOST_ADDRESS
from .watch import get

TRIES = 4
TIMEOUT_SECS = 5
# So long after a request failed it is looked why: what happened to the task may not have been heard yet.
LOOK_BACK_SECS = 0.5

# Why a try failed, in words of the report.
ENGINE = "the engine was away"
KILLED = "its task was killed by us"
STOPPED = "its task was being stopped"
# Only without a health check: then a task counts as well from its start.
NEW = "its task had just been started"
# After its return an engine may show a task as running that ended meanwhile; where nobody checks it, nobody else finds out.
GHOST = "the engine shows its task as running, and it is not there"
UNKNOWN = "no known reason"


class Load:
    def __init__(self, house, watcher):
        self.house, self.watcher = house, watcher
        self.lock = threading.Lock()
        self.is_over = False
        # (kind, phase) -> requests; (kind, phase, reason) -> tries and requests that failed.
        self.made = collections.Counter()
        self.failed_tries = collections.Counter()
        self.failed = collections.Counter()
        self.threads = []

    def start(self, services, clients, rate):
        """`rate` requests a second to each service: four of five by the ports, one by the name."""
        for service in services:
            for number in range(2):
                self.spawn(self.ask_ports, service, 0.4 * rate, number)
            self.spawn(self.ask_name, service, 0.2 * rate, clients[service.name])

    def spawn(self, work, service, rate, argument):
        thread = threading.Thread(target=self.repeat, args=(work, service, rate, argument), daemon=True)
        self.threads.append(thread)
        thread.start()

    def stop(self):
        self.is_over = True
        for thread in self.threads:
            thread.join(TRIES * TIMEOUT_SECS)

    def repeat(self, work, service, rate, argument):
        while not self.is_over:
            began = time.monotonic()
            work(service, argument)
            time.sleep(max(0.0, 1 / rate - (time.monotonic() - began)))

    # -- by the ports -------------------------------------------------------------------------------------------------

    def ask_ports(self, service, _):
        """As a proxy does: a healthy task, and the next one where that one does not answer."""
        phase, began, tried = service.phase, time.monotonic(), []
        for _ in range(TRIES):
            tasks = [task for task in self.watcher.healthy(service) if task.port and task not in [one for one, _ in tried]]
            if not tasks:
                break
            task = random.choice(tasks)
            try:
                if get(HOST_ADDRESS, task.port, "/", TIMEOUT_SECS)[0] == 200:
                    break
                tried.append((task, "a status that is not 200"))
            except OSError as error:
                tried.append((task, str(error)))
        else:
            task = None
        has_answer = bool(tasks) and task is not None
        none_left = KILLED if service.taken else UNKNOWN
        with self.lock:
            self.made["port", phase] += 1
        if not tried and has_answer:
            return
        time.sleep(LOOK_BACK_SECS)
        reasons = [self.why(service, task, began) for task, _ in tried]
        with self.lock:
            for (task, error), reason in zip(tried, reasons):
                self.failed_tries["port", phase, reason] += 1
                self.watcher.note(f"a try failed, {reason}: {service.name}, {phase}: {error}: {task}")
            if not has_answer:
                reason = reasons[-1] if reasons else none_left
                self.failed["port", phase, reason] += 1
                self.watcher.note(f"a request failed, {reason}: {service.name}, {phase}: {len(tried)} tries")

    def why(self, service, task, began):
        if self.house.was_engine_away(began):
            return ENGINE
        if task.victim:
            return KILLED
        if task.told_at:
            return STOPPED
        if service.check != "none":
            return UNKNOWN
        if task.started_at > began - LOOK_BACK_SECS:
            return NEW
        return UNKNOWN if task.is_well else GHOST

    # -- by the name --------------------------------------------------------------------------------------------------

    def ask_name(self, service, client):
        phase, began = service.phase, time.monotonic()
        try:
            status, text = get(client, 8080, "/", TIMEOUT_SECS)
        except OSError as error:
            status, text = 0, str(error)
        with self.lock:
            self.made["name", phase] += 1
        if status == 200:
            return
        time.sleep(LOOK_BACK_SECS)
        reason = self.why_not_by_name(service, began)
        with self.lock:
            self.failed["name", phase, reason] += 1
            self.watcher.note(f"a request by name failed, {reason}: {service.name}, {phase}: {' '.join(text.split())[:120]}")

    def why_not_by_name(self, service, began):
        if self.house.was_engine_away(began):
            return ENGINE
        ended = [task for task in self.watcher.of(service.name) if task.ended_at and task.ended_at > began - 1]
        if any(task.victim for task in ended):
            return KILLED
        return STOPPED if ended else UNKNOWN
