"""A service that changes: a rolling update beside the same starts and stops done by hand, and the replacement of what is unhealthy."""

import threading
import time
import urllib.request

from .engine import COMMAND, IMAGE, LABEL, MEMORY_MIB, Events
from .report import seconds, talk
from .rivals import write_file
from .tasks import in_turn

TASKS = 10
# How long a task without a health check runs before it counts as healthy: both sides wait for that, as the promise asks.
SETTLE_SECS = 0.08
CHECK = "healthCheck: { command: [CMD, /shop, check, 'http://localhost:8080/health'], interval: 5, timeout: 2, retries: 1 }"


def measure_rollout(bench):
    """From the start of the program, or of the first call, to the end of the last old task."""
    ours = bench.reconcile
    if not ours:
        return bench.report.skip(f"rolling update of {TASKS} / by hand", "no reconcile")
    talk(f"a rolling update of {TASKS} tasks")
    ends = Events(bench.engine.path, "die")
    by_hand = ByHand(bench)
    round_ = 0

    def update():
        nonlocal round_
        round_ += 1
        prepare(ours, f"command: {COMMAND}, environment: [{{ name: ROUND, value: '{round_}' }}]")
        begin = time.monotonic()
        ours.up()
        return ends.wait(begin, is_of(ours), count=TASKS) - begin

    try:
        prepare(ours, f"command: {COMMAND}")
        ours.up()
        by_hand.begin()
        times = in_turn(bench, {"reconcile": update, "by hand": by_hand.update})
    finally:
        ends.close()
        ours.down()
        bench.engine.remove_labelled(bench.raw.label)
    bench.report.ratio(f"rolling update of {TASKS}, 100/200 / by hand", times["reconcile"], times["by hand"], 1.2, None)


class ByHand:
    """The best order that 100/200 allows: all new tasks at once, and each old one as soon as its successor is healthy."""

    def __init__(self, bench):
        self.engine, self.run = bench.engine, bench.raw.run
        self.made, self.round = [], 0

    def begin(self):
        self.network = self.engine.create_network(f"{self.run}-rollout", self.run)
        self.made = self.engine.every(self.start, range(TASKS))

    def start(self, number):
        name = f"{self.run}-r{self.round}-{number}"
        return self.engine.run_container(name, self.network, self.run, f"r{number}")

    def replace(self, number):
        new, old = self.start(number), self.made[number]
        time.sleep(SETTLE_SECS)
        self.engine.call("POST", f"/containers/{old}/stop?t=30", accept=(304,))
        self.made[number] = new
        return old

    def update(self):
        self.round += 1
        old = []
        threads = [threading.Thread(target=lambda n=number: old.append(self.replace(n))) for number in range(TASKS)]
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        taken = time.monotonic() - begin
        assert len(old) == TASKS, "a task was not replaced"
        self.engine.every(lambda one: self.engine.call("DELETE", f"/containers/{one}?force=1&v=1"), old)
        return taken


def measure_unhealthy(bench):
    """From the engine's `unhealthy` to the start of the replacement, less what the engine itself takes to create and start one."""
    ours = bench.reconcile
    figure = "unhealthy to replacement started, over the engine's own time"
    if not ours:
        return bench.report.skip(figure, "no reconcile")
    talk("replacement of what is unhealthy")
    starts, sick = Events(bench.engine.path), Events(bench.engine.path, "health_status: unhealthy")
    times, own = [], []
    try:
        network = bench.engine.create_network(f"{bench.raw.run}-sick", bench.raw.run)
        prepare(ours, f"command: [sick], {CHECK}")
        ours.up()
        with bench.watch():
            victims = [one["Id"] for one in bench.engine.list_containers(ours.label) if one["State"] == "running"]
            for number, victim in enumerate(victims[: max(bench.pairs, 5)]):
                bench.wait_until_quiet()
                own.append(start_by_hand(bench, starts, network, number))
                times.append(replace_sick(bench, starts, sick, victim))
                talk(f"   {number + 1}: the engine alone {seconds(own[-1])}, reconcile {seconds(times[-1])}")
    finally:
        starts.close()
        sick.close()
        ours.down()
        bench.engine.remove_labelled(bench.raw.label)
    over = [1000 * (taken - alone) for taken, alone in zip(times, own)]
    bench.report.value(figure, over, 100, None, " ms", "the engine's own is create and start of the same container")
    bench.report.ratio("(unhealthy to replacement started / create and start by hand)", times, own, None, None)


def start_by_hand(bench, starts, network, number):
    body = {
        "Image": IMAGE,
        "Cmd": ["sick"],
        "Labels": {LABEL: bench.raw.run},
        "HostConfig": {"NetworkMode": network, "Memory": MEMORY_MIB << 20},
    }
    begin = time.monotonic()
    made = bench.engine.call("POST", f"/containers/create?name={bench.raw.run}-sick-{number}", body)["Id"]
    bench.engine.start_container(made)
    return starts.wait(begin, lambda id_, _: id_ == made) - begin


def replace_sick(bench, starts, sick, victim):
    address = next(iter(bench.engine.inspect(victim)["NetworkSettings"]["Networks"].values()))["IPAddress"]
    begin = time.monotonic()
    urllib.request.urlopen(f"http://{address}:8080/sicken", timeout=10).read()
    found = sick.wait(begin, lambda id_, _: id_ == victim)
    return starts.wait(found, is_of(bench.reconcile)) - found


def is_of(ours):
    return lambda _, attributes: attributes.get("reconcile.cluster") == ours.cluster


def prepare(ours, container):
    """A cluster with one service of ten tasks, of which a new one comes before the old one goes."""
    ours.prepare(0)
    head = ours.folder / "cluster.yaml"
    text = head.read_text(encoding="utf-8")
    text += "---\napiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: { name: web }\nspec:\n  containerDefinitions:\n"
    text += f"    - {{ name: main, image: '{IMAGE}', memory: {MEMORY_MIB}, {container} }}\n"
    text += "---\napiVersion: reconcile/v1\nkind: Service\nmetadata: { name: web }\nspec:\n"
    text += f"  cluster: {ours.cluster}\n  taskDefinition: web\n  desiredCount: {TASKS}\n"
    text += "  deploymentConfiguration: { minimumHealthyPercent: 100, maximumPercent: 200 }\n"
    write_file(head, text)
