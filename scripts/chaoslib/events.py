"""What is done to the services: each has a thread that does one thing after the other and waits until all is well again."""

import collections
import contextlib
import http.client
import json
import random
import signal
import threading
import time

from .house import PATIENCE_SECS
from .services import CRASHES, GOOD, NEVER_HEALTHY
from .watch import get

# How often each thing is done, compared with the others.
WEIGHTS = {
    "deployment": 4,
    "deployment over a deployment": 2,
    "deployment, tasks killed": 2,
    "rollback, never healthy": 2,
    "rollback, crashes": 2,
    "bad commit taken back": 1,
    "tasks killed": 3,
    "tasks made sick": 2,
}
# A deployment has completed when its tasks have been up for 10 s. What falls sick before that is a bad commit, and is rolled back.
COMPLETE_AFTER_SECS = 14
NEED_A_CHECK = {"rollback, never healthy", "tasks made sick"}


class Chaos:
    def __init__(self, house, reconcile, watcher, services, seed, talk):
        self.house, self.reconcile, self.watcher, self.services, self.seed = house, reconcile, watcher, services, seed
        self.talk = talk
        self.until = 0.0
        # name -> [(seconds, whether reconcile or the engine were disturbed meanwhile)].
        self.took = collections.defaultdict(list)
        self.restarts = []
        self.stuck = []
        self.errors = watcher.errors
        self.lock = threading.Lock()

    def run(self, seconds):
        self.until = time.monotonic() + seconds
        works = [(self.disturb_service, service) for service in self.services]
        works += [(self.kill_reconcile, None), (self.restart_engine, None)]
        threads = [threading.Thread(target=self.guard, args=work, daemon=True) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)

    def guard(self, work, argument):
        """An error of the chaos itself ends the run, and is told."""
        try:
            work(argument)
        except Exception as error:  # noqa: BLE001
            self.errors.append(f"{work.__name__}: {error!r}")

    def is_over(self):
        return time.monotonic() >= self.until or bool(self.errors)

    def dice(self, name):
        """What it is thrown for decides what comes, and not what others throw meanwhile."""
        return random.Random(f"{self.seed}/{name}")

    # -- the services -------------------------------------------------------------------------------------------------

    def disturb_service(self, service):
        dice = self.dice(service.name)
        names = [name for name in WEIGHTS if service.check != "none" or name not in NEED_A_CHECK]
        while not self.is_over():
            (name,) = dice.choices(names, [WEIGHTS[name] for name in names])
            seconds = self.do(service, name, dice)
            if seconds is None:
                return
            service.phase = "rest"
            self.pause(dice.uniform(0.2, 4))

    def do(self, service, name, dice):
        if name == "tasks made sick" and not self.wait(lambda: self.has_completed(service)):
            return self.give_up(service, name)
        service.phase = name
        self.watcher.note(f"== {service.name}: {name}")
        began = time.monotonic()
        {
            "deployment": self.deploy,
            "deployment over a deployment": self.deploy_twice,
            "deployment, tasks killed": self.deploy_and_kill,
            "rollback, never healthy": lambda *_: service.write(self.reconcile.manifests, NEVER_HEALTHY),
            "rollback, crashes": lambda *_: service.write(self.reconcile.manifests, CRASHES),
            "bad commit taken back": self.take_back,
            "tasks killed": self.kill_some,
            "tasks made sick": self.make_sick,
        }[name](service, dice)
        if name.startswith("rollback") and not self.wait_until_given_up(service):
            return self.give_up(service, name)
        if not self.wait_until_settled(service):
            return self.give_up(service, name)
        took = time.monotonic() - began
        disturbed = any(began <= at <= began + took for at in (*self.reconcile.kills, *self.restarts))
        with self.lock:
            self.took[name].append((took, disturbed))
        self.watcher.note(f"== {service.name}: {name}: settled after {took:.1f} s")
        return took

    def give_up(self, service, name):
        if self.errors:
            return
        self.stuck.append(f"{service.name}, {name}: not at rest after {PATIENCE_SECS} s")
        code, status = self.reconcile.run_once("status")
        containers = ""
        # Another one may just be restarting the engine.
        with contextlib.suppress(OSError, http.client.HTTPException):
            found = sorted((one["Names"][0], one["Id"][:12], one["State"], one["Status"]) for one in self.house.containers())
            containers = "\n".join("  ".join(one) for one in found)
        self.watcher.note(f"BROKEN {self.stuck[-1]}; status ends with {code}\n{status}\n{containers}")
        self.until = 0.0

    def wait_until_given_up(self, service):
        """Between two tries of a bad commit all looks well: only `reconcile` can tell that there will be none."""

        def is_given_up():
            code, text = self.reconcile.run_once("status", "-o", "json")
            found = json.loads(text) if code == 0 else {"services": []}
            states = {one["service"]: one["rolloutState"] for one in found["services"]}
            return states.get(service.name) == "FAILED"

        return self.wait(is_given_up, 0.25)

    def wait_until_settled(self, service):
        return self.wait(lambda: self.watcher.has_settled(service))

    def wait(self, is_so, pause=0.05):
        deadline = time.monotonic() + PATIENCE_SECS
        while time.monotonic() < deadline and not self.errors:
            if is_so():
                return True
            time.sleep(pause)
        return False

    def pause(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.is_over():
            time.sleep(0.05)

    def deploy(self, service, _=None):
        service.good = service.write(self.reconcile.manifests, GOOD)

    def deploy_twice(self, service, dice):
        for _ in range(dice.randint(1, 3)):
            self.deploy(service)
            time.sleep(dice.uniform(0, 3))
        self.deploy(service)

    def deploy_and_kill(self, service, dice):
        self.deploy(service)
        for _ in range(dice.randint(1, 3)):
            time.sleep(dice.uniform(0, 2))
            self.kill_some(service, dice)

    def take_back(self, service, dice):
        service.write(self.reconcile.manifests, CRASHES if service.check == "none" else NEVER_HEALTHY)
        time.sleep(dice.uniform(0, 4))
        self.deploy(service)

    def has_completed(self, service):
        tasks = self.watcher.healthy(service)
        return len(tasks) == service.count and all(time.monotonic() - task.started_at > COMPLETE_AFTER_SECS for task in tasks)

    def pick(self, service, dice):
        tasks = sorted(self.watcher.healthy(service), key=lambda task: task.id)
        return dice.sample(tasks, min(dice.randint(1, service.count), len(tasks)))

    def kill_some(self, service, dice):
        victims = self.pick(service, dice)
        self.watcher.take(service, victims, "killed")
        for task in victims:
            try:
                self.house.engine.call("POST", f"/containers/{task.id}/kill?signal=KILL", accept=(404, 409))
            except (OSError, http.client.HTTPException):
                # The engine is away, or has just been: nothing is killed.
                task.victim = None

    def make_sick(self, service, dice):
        victims = self.pick(service, dice)
        self.watcher.take(service, victims, "made sick")
        for task in victims:
            try:
                get(task.address, 8080, "/sicken", 5)
            except OSError:
                self.watcher.note(f"could not be made sick: {task}")

    # -- what concerns all --------------------------------------------------------------------------------------------

    def kill_reconcile(self, _):
        """Half of the time at random moments; in the other half it is left alone, so that both can be seen."""
        dice = self.dice("reconcile")
        while not self.is_over():
            self.pause(dice.uniform(10, 20))
            for _ in range(dice.randint(2, 6)):
                self.pause(dice.expovariate(1 / 3))
                if self.is_over():
                    return
                self.watcher.note("== reconcile: kill -9")
                self.reconcile.kill(dice.choice((0, 0, dice.uniform(0, 2))))

    def restart_engine(self, _):
        dice = self.dice("engine")
        while True:
            self.pause(dice.uniform(20, 50))
            if self.is_over():
                return
            number = dice.choice((signal.SIGTERM, signal.SIGKILL))
            self.watcher.note(f"== engine: {number.name}")
            self.restarts.append(time.monotonic())
            self.house.restart_engine(number, dice.uniform(0, 3))
            self.watcher.note("== engine: answers again")
