"""The three ways to bring N one-container services up: the raw API, reconcile, and Compose 2. Same image, command,
memory limit and kind of network (a bridge of their own) for all of them."""

import os
import pathlib
import subprocess
import time

from .engine import COMMAND, IMAGE, LABEL, MEMORY_MIB, PREFIX

SERVICES_PER_FILE = 50


class RunFailed(Exception):
    """A program under measurement ended as it should not."""


def run_timed(command, env, cwd, allowed=(0,)):
    """Seconds and peak resident KiB of one whole process."""
    with open(pathlib.Path(cwd) / "last-output", "w+", encoding="utf-8", errors="replace") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - start
        code = process.returncode = os.waitstatus_to_exitcode(status)
        if code not in allowed:
            output.seek(0)
            tail = "\n".join(output.read().splitlines()[-15:])
            raise RunFailed(f"{' '.join(map(str, command))}: exit code {code}\n{tail}")
    return seconds, usage.ru_maxrss


def last_output(cwd):
    """What the last program that was timed in this folder printed."""
    return (pathlib.Path(cwd) / "last-output").read_text(encoding="utf-8", errors="replace")


def write_file(path, text):
    """As an editor saves: beside it, then in its place."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


class Raw:
    name = "raw"

    def __init__(self, engine, run):
        self.engine, self.run = engine, run
        self.label = f"{LABEL}={run}"
        self.rounds = 0

    def prepare(self, count):
        self.services = [f"s{number:05}" for number in range(count)]

    def up(self):
        # A name of its own each time: a network that could not be removed must not stop the next round.
        self.rounds += 1
        start = time.perf_counter()
        network = self.engine.create_network(f"{self.run}-{self.rounds}", self.run)
        running = {}

        def run(service):
            running[service] = self.engine.run_container(f"{self.run}-{service}", network, self.run, service)

        self.engine.every(run, self.services)
        took = time.perf_counter() - start
        self.network, self.running = network, running
        return took

    def replace(self, round_):
        """The least that puts another container in the place of the first one and keeps the service up: new before old."""
        start = time.perf_counter()
        service = self.services[0]
        new = self.engine.run_container(f"{self.run}-{service}-{round_}", self.network, self.run, service)
        self.engine.stop_container(self.running[service])
        self.running[service] = new
        return time.perf_counter() - start

    def down(self):
        return self.engine.remove_labelled(self.label)


class Reconcile:
    name = "reconcile"

    def __init__(self, engine, run, folder, binary):
        self.engine, self.binary = engine, binary
        self.cluster = run
        self.home = folder / "reconcile"
        self.folder = self.home / "manifests"
        self.folder.mkdir(parents=True)
        self.label = f"reconcile.cluster={run}"
        self.env = {**os.environ, "NO_COLOR": "1", "XDG_STATE_HOME": str(self.home), "XDG_CACHE_HOME": str(self.home)}

    def service(self, number, changed=False, desired=1):
        name = f"s{number:05}"
        change = "\n      environment: [{ name: CHANGED, value: \"%d\" }]" % changed if changed else ""
        return f"""---
apiVersion: reconcile/v1
kind: TaskDefinition
metadata: {{ name: {name} }}
spec:
  containerDefinitions:
    - name: main
      image: {IMAGE}
      command: {COMMAND}
      memory: {MEMORY_MIB}{change}
---
apiVersion: reconcile/v1
kind: Service
metadata: {{ name: {name} }}
spec:
  cluster: {self.cluster}
  taskDefinition: {name}
  desiredCount: {desired}
"""

    def prepare(self, count, changed=None):
        for old in self.folder.iterdir():
            old.unlink()
        head = f"apiVersion: reconcile/v1\nkind: Cluster\nmetadata: {{ name: {self.cluster} }}\n"
        write_file(self.folder / "cluster.yaml", head)
        for first in range(0, count, SERVICES_PER_FILE):
            numbers = range(first, min(first + SERVICES_PER_FILE, count))
            write_file(self.folder / f"services-{first:05}.yaml", "".join(self.service(number) for number in numbers))

    def change(self, round_):
        """Changes service 0, the first one of its file, each time to something new."""
        file = self.folder / "services-00000.yaml"
        rest = file.read_text(encoding="utf-8").split("---\n", 3)[3:]
        write_file(file, self.service(0, changed=round_ + 1) + "".join("---\n" + text for text in rest))

    def command(self, *arguments):
        return [str(self.binary), *arguments]

    def up(self, env=None):
        return run_timed(self.command(str(self.folder)), env or self.env, self.home)[0]

    def down(self):
        return self.engine.remove_labelled(self.label)


class Compose:
    name = "compose2"

    def __init__(self, engine, run, folder, binary):
        self.engine, self.binary, self.project = engine, binary, run
        self.home = folder / "compose"
        self.home.mkdir(parents=True)
        self.file = self.home / "compose.yaml"
        self.label = f"com.docker.compose.project={run}"
        self.env = {**os.environ, "NO_COLOR": "1"}

    def prepare(self, count, changed=0):
        lines = ["services:"]
        for number in range(count):
            lines += [
                f"  s{number:05}:",
                f"    image: {IMAGE}",
                f"    command: {COMMAND}",
                f"    mem_limit: {MEMORY_MIB}m",
            ]
            if changed and number == 0:
                lines.append(f'    environment: {{ CHANGED: "{changed}" }}')
        write_file(self.file, "\n".join(lines) + "\n")
        self.count = count

    def change(self, round_):
        self.prepare(self.count, changed=round_ + 1)

    def command(self, *arguments):
        return [self.binary, "--project-name", self.project, "--file", str(self.file), *arguments]

    def up(self, env=None):
        return run_timed(self.command("up", "--detach"), env or self.env, self.home)[0]

    def down(self):
        return self.engine.remove_labelled(self.label)


def run_name(rival):
    return f"{PREFIX}{os.getpid()}-{rival}"
