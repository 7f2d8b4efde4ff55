"""What a health check costs: one of Docker's own, which runs a program in the container, beside one over the network."""

import json
import os
import pathlib
import socket
import threading
import time
import urllib.parse

from .engine import IMAGE, LABEL, MEMORY_MIB
from .report import talk
from .rivals import write_file

CONTAINERS = 100
INTERVAL_SECS = 1
TICKS = os.sysconf("SC_CLK_TCK")
# The processes of an engine: its own time, and that of the processes that they have waited for.
ENGINE_PROCESSES = ("dockerd", "containerd", "containerd-shim", "podman", "conmon")


def measure_checks(bench, cpu_seconds):
    """100 containers at a one-second interval: without a check, with one over the network, with Docker's own."""
    ours, report = bench.reconcile, bench.report
    if not ours:
        return report.skip("checks over the network / Docker's", "no reconcile")
    length = 10 if bench.options.quick else 30
    figures = {}
    checks = {
        "none": "",
        "network": f"healthCheck: {{ httpGet: {{ path: /health, port: 8080 }}, interval: {INTERVAL_SECS}, timeout: 2 }}",
    }
    for name, check in checks.items():
        talk(f"{CONTAINERS} tasks, checks: {name}")
        prepare(ours, check)
        try:
            ours.up()
            with bench.watch() as process:
                time.sleep(5)
                bench.wait_until_quiet()
                figures[name] = sample(length, lambda pid=process.pid: cpu_seconds(pid), tcp_connections)
        finally:
            ours.down()
        tell(name, figures[name])
    talk(f"{CONTAINERS} containers, checks of Docker's own")
    try:
        run_checked(bench)
        time.sleep(5)
        with ExecEvents(bench.engine.path) as events:
            figures["docker"] = sample(length, lambda: 0.0, events.count)
    finally:
        bench.engine.remove_labelled(bench.raw.label)
    tell("docker", figures["docker"])
    judge(report, figures, CONTAINERS / INTERVAL_SECS * length)


def judge(report, figures, scheduled):
    none, network, docker = (figures[name] for name in ("none", "network", "docker"))
    # What connects to anything without us does so without checks as well.
    asked, run = max(network["checks"] - none["checks"], 1), max(docker["checks"], 1)
    own = network["own"] / asked
    theirs = (docker["engine"] - none["engine"]) / run
    report.add(
        "a check over the network / one of Docker's, processor time", own / theirs, own / theirs, 1 / 50, 1 / 200,
        f"{own * 1e3:.3f} / {theirs * 1e3:.1f} cpu-ms: reconcile / dockerd, containerd, shims", 1,
    )  # fmt: skip
    whole = (network["machine"] - none["machine"]) / asked
    whole_docker = (docker["machine"] - none["machine"]) / run
    figure = "(the same, whole machine, the checked program included)"
    if min(whole, whole_docker) > 0:
        detail = f"{whole * 1e3:.2f} / {whole_docker * 1e3:.1f} cpu-ms"
        report.add(figure, whole / whole_docker, whole / whole_docker, None, None, detail, 1)
    else:
        report.skip(figure, "other programs used the machine more than the checks did")
    missed = 100 * max(0, 1 - asked / scheduled)
    report.value("checks over the network that were due and not made", [missed], 2, 0.5, " %", f"{asked:.0f} of {scheduled:.0f}")
    missed = 100 * max(0, 1 - run / scheduled)
    report.value("(checks of Docker's that were due and not made)", [missed], None, None, " %", f"{run:.0f} of {scheduled:.0f}")
    share = 100 * network["own"] / network["length"]
    report.value(f"--watch with {scheduled / network['length']:.0f} checks a second, of a core", [share], None, None, " %")


def tell(name, figures):
    talk(f"   {name}: " + ", ".join(f"{what} {value:.2f}" for what, value in figures.items()))


def sample(length, own_seconds, checks):
    """What was spent and done in `length` seconds."""
    def read():
        return {"own": own_seconds(), "engine": engine_seconds(), "machine": machine_seconds(), "checks": checks()}

    before, start = read(), time.monotonic()
    time.sleep(length)
    after = read()
    taken = time.monotonic() - start
    return {**{name: (after[name] - before[name]) * length / taken for name in before}, "length": length}


def machine_seconds():
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(field) for field in file.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def engine_seconds():
    total = 0
    for process in pathlib.Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            head, _, tail = (process / "stat").read_text().rpartition(")")
        except OSError:
            continue
        if head.partition("(")[2].startswith(ENGINE_PROCESSES):
            total += sum(int(field) for field in tail.split()[11:15])
    return total / TICKS


def tcp_connections():
    """How many connections this host has opened: of the programs here only the checks open many."""
    lines = [line.split() for line in open("/proc/net/snmp", encoding="ascii") if line.startswith("Tcp:")]
    return int(lines[1][lines[0].index("ActiveOpens")])


class ExecEvents:
    """Counts the programs that the engine runs in containers of this run."""

    def __init__(self, path):
        filters = urllib.parse.quote(json.dumps({"type": ["container"], "event": ["exec_start"]}))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.socket.sendall(f"GET /events?filters={filters} HTTP/1.1\r\nHost: engine\r\n\r\n".encode())
        self.found = 0

    def __enter__(self):
        threading.Thread(target=self.read, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def read(self):
        try:
            with self.socket.makefile("rb") as lines:
                for line in lines:
                    self.found += line.count(LABEL.encode()) > 0
        except OSError:
            pass

    def count(self):
        return self.found


def run_checked(bench):
    """The same containers without reconcile, each with a check that does nothing but succeed."""
    engine, run = bench.engine, bench.raw.run
    network = engine.create_network(f"{run}-checks", run)
    second = 1_000_000_000

    def start(number):
        body = {
            "Image": IMAGE,
            "Cmd": ["sick"],
            "Labels": {LABEL: run},
            "HostConfig": {"NetworkMode": network, "Memory": MEMORY_MIB << 20},
            "Healthcheck": {"Test": ["CMD", "/shop", "exit", "0"], "Interval": INTERVAL_SECS * second, "Timeout": 10 * second},
        }
        created = engine.call("POST", f"/containers/create?name={run}-k{number}", body)["Id"]
        engine.start_container(created)

    engine.every(start, range(CONTAINERS))


def prepare(ours, check):
    ours.prepare(0)
    head = ours.folder / "cluster.yaml"
    container = f"name: main\n      image: {IMAGE}\n      command: [sick]\n      memory: {MEMORY_MIB}\n"
    if check:
        container += f"      {check}\n"
    write_file(
        head,
        head.read_text(encoding="utf-8")
        + "---\napiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: { name: checked }\nspec:\n  containerDefinitions:\n"
        + f"    - {container}"
        + "---\napiVersion: reconcile/v1\nkind: Service\nmetadata: { name: checked }\nspec:\n"
        + f"  cluster: {ours.cluster}\n  taskDefinition: checked\n  desiredCount: {CONTAINERS}\n",
    )
