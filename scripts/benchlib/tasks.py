"""Single tasks: one that runs once, and tasks of several containers."""

import shutil
import time

from .engine import COMMAND, IMAGE, LABEL, MEMORY_MIB, Events
from .report import seconds, talk
from .rivals import run_timed, write_file

CONTAINERS = 5


def measure_run(bench):
    """A task of one container, start to exit. Docker's own bridge has no name server to set up for each container."""
    docker, ours = shutil.which("docker"), bench.reconcile
    if not (ours and docker):
        return bench.report.skip("run once / docker run --rm", "no reconcile" if docker else "no docker")
    talk("one task once")
    file = ours.home / "job.yaml"
    file.write_text(definition("job", [{"command": "[exit, '0']"}]), encoding="utf-8")
    run = ours.command("run", str(file), "--cluster", ours.cluster)
    base = [docker, "run", "--rm", "--label", f"{LABEL}={bench.raw.run}", "-m", f"{MEMORY_MIB}m"]
    tail = [IMAGE, "exit", "0"]
    try:
        # The network is there before anything is measured.
        run_timed([*run, "--rm"], ours.env, ours.home)
        commands = {
            "docker": [*base, "--network", f"reconcile.{ours.cluster}", *tail],
            "bridge": [*base, *tail],
            "stays": run,
            "goes": [*run, "--rm"],
        }
        samples = {name: lambda command=command: run_timed(command, ours.env, ours.home)[0] for name, command in commands.items()}
        times = in_turn(bench, samples)
    finally:
        ours.down()
        bench.engine.remove_labelled(bench.raw.label)
    report = bench.report
    report.ratio("run once / docker run --rm, same network", times["stays"], times["docker"], 1.15, 1.0)
    report.ratio("run --rm once / docker run --rm, same network", times["goes"], times["docker"], 1.15, 1.0)
    # Not the same work: a container on a network of its own has a name server, which costs the engine a process.
    report.ratio("(run once / docker run --rm, docker0)", times["stays"], times["bridge"], None, None)
    report.ratio("(docker run --rm, same network / docker0)", times["docker"], times["bridge"], None, None)


def measure_starts(bench):
    """From the start of the program to the last `start` that the engine reports, on a network that is there already."""
    if not bench.reconcile:
        return bench.report.skip(f"a task of {CONTAINERS} containers", "no reconcile")
    talk(f"tasks of {CONTAINERS} containers")
    events = Events(bench.engine.path)
    try:
        network = bench.engine.create_network(f"{bench.raw.run}-tasks", bench.raw.run)
        prepare(bench.reconcile, [])
        bench.reconcile.up()
        bare = BareStarts(bench, network)
        samples = {
            "one": lambda: bare.measure(lambda: bare.start_at_once(1)),
            "at once": lambda: bare.measure(lambda: bare.start_at_once(CONTAINERS)),
            "one by one": lambda: bare.measure(lambda: bare.start_one_by_one(CONTAINERS)),
            "task": lambda: start_task(bench.reconcile, events, [{}] * CONTAINERS),
            "chain": lambda: start_task(bench.reconcile, events, chain(CONTAINERS)),
        }
        times = in_turn(bench, samples)
    finally:
        events.close()
        bench.reconcile.down()
        bench.engine.remove_labelled(bench.raw.label)
    report = bench.report
    report.ratio(f"a task of {CONTAINERS} containers / {CONTAINERS} bare starts at once", times["task"], times["at once"], 1.25, None)
    report.ratio(f"({CONTAINERS} bare starts at once / one bare start)", times["at once"], times["one"], None, None)
    figure = f"a chain of {CONTAINERS} / {CONTAINERS} bare starts one after the other"
    report.ratio(figure, times["chain"], times["one by one"], 1.15, None)


def in_turn(bench, samples):
    """{name: [seconds]}: each sample in turn, at least 5 times over."""
    times = {name: [] for name in samples}
    for round_ in range(max(bench.pairs, 5)):
        for name, sample in samples.items():
            bench.wait_until_quiet()
            times[name].append(sample())
        talk(f"   {round_ + 1}: " + ", ".join(f"{name} {seconds(values[-1])}" for name, values in times.items()))
    return times


class BareStarts:
    """The most direct client, with as many calls in flight as there are containers."""

    def __init__(self, bench, network):
        self.engine, self.run, self.network = bench.engine, bench.raw.run, network
        self.made = []

    def measure(self, start):
        begin = time.perf_counter()
        start()
        taken = time.perf_counter() - begin
        self.engine.every(lambda one: self.engine.call("DELETE", f"/containers/{one}?force=1&v=1"), self.made)
        self.made = []
        return taken

    def create(self, number):
        name = f"c{number}"
        return self.engine.create_container(f"{self.run}-{name}", self.network, self.run, name)

    def start_at_once(self, count):
        def create_and_start(number):
            created = self.create(number)
            self.engine.start_container(created)
            return created

        self.made = self.engine.every(create_and_start, range(count))

    def start_one_by_one(self, count):
        """As a task does: all are created, then each is started after the one before."""
        self.made = self.engine.every(self.create, range(count))
        for container in self.made:
            self.engine.start_container(container)


def start_task(ours, events, containers):
    prepare(ours, containers)
    wall, begin = time.perf_counter(), time.monotonic()
    ours.up()
    is_ours = lambda _, attributes: attributes.get("reconcile.cluster") == ours.cluster  # noqa: E731
    last = events.wait(begin, is_ours, count=len(containers))
    assert last - begin <= time.perf_counter() - wall, "the last start came after the end of the program"
    prepare(ours, [])
    ours.up()
    return last - begin


def prepare(ours, containers):
    """A cluster with one task of these containers, or with none: the network stays."""
    ours.prepare(0)
    head = ours.folder / "cluster.yaml"
    text = head.read_text(encoding="utf-8")
    parts = containers or [{}]
    service = f"spec:\n  cluster: {ours.cluster}\n  taskDefinition: job\n  desiredCount: {min(len(containers), 1)}\n"
    text += "---\n" + definition("job", parts)
    text += f"---\napiVersion: reconcile/v1\nkind: Service\nmetadata: {{ name: job }}\n{service}"
    write_file(head, text)


def chain(count):
    """Each waits for the one before it to have started."""
    links = [{"dependsOn": f"[{{ containerName: c{number}, condition: START }}]"} for number in range(count - 1)]
    return [{}, *links]


def definition(family, containers):
    """A task definition; each container is a mapping of fields to YAML."""
    text = f"apiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: {{ name: {family} }}\nspec:\n  containerDefinitions:\n"
    for number, fields in enumerate(containers):
        fields = {"command": str(COMMAND), "memory": MEMORY_MIB, **fields}
        rest = ", ".join(f"{field}: {value}" for field, value in fields.items())
        text += f"    - {{ name: c{number}, image: '{IMAGE}', {rest} }}\n"
    return text
