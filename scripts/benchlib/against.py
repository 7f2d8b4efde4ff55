"""What a check of a pull request costs: `--dry-run --against git:main`, and a validator from elsewhere beside it."""

import pathlib
import statistics
import subprocess

from . import validator
from .report import seconds, talk
from .rivals import RunFailed, last_output, run_timed, write_file

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCHEMA = ROOT / "schemas/reconcile.schema.json"

# 20 times as fast.
PEER_MUST = 0.05

# Whoever validates has to find this.
RIGHT, WRONG = "desiredCount", "desiredCont"

# The exit code of `reconcile validate` for manifests that are not valid.
INVALID = 3


def measure_against(bench):
    if not bench.reconcile:
        return bench.report.skip("--dry-run --against git:main", "no reconcile")
    measure_services(bench)
    measure_validators(bench)


def measure_services(bench):
    """A file for each service is the dearest way to lay them out: each is an object of its own in Git."""
    for count, must, aim in ((1000, 300, 150), (9999, 3000, 1500)):
        talk(f"--dry-run --against git:main with {count:,} services")
        tree = bench.folder / f"against-{count}"
        lay_out(tree, bench.reconcile, {f"{number:05}": bench.reconcile.service(number) for number in range(count)})
        write_file(tree / "deploy/00000.yaml", bench.reconcile.service(0, changed=1))
        command, samples = dry_run(bench.reconcile), []
        for _ in range(bench.pairs):
            bench.wait_until_quiet()
            samples.append(run_timed(command, bench.reconcile.env, tree))
        resident = [kib / 1024 for _, kib in samples]
        bench.report.value(f"--against git:main, {count:,} services", [1000 * s for s, _ in samples], must, aim, " ms")
        bench.report.value(f"--against git:main, {count:,} services, resident", resident, 200, 100, " MB")


def measure_validators(bench):
    """The same files for all. check-jsonschema reads one document of each file, so each manifest has a file."""
    peers, reason = validator.find_validators(ROOT / "target/bench/check-jsonschema", SCHEMA, talk)
    if not peers:
        return bench.report.skip("validate / check-jsonschema", reason)
    services, ours = 4999, bench.reconcile
    manifests = {}
    for number in range(services):
        _, definition, service = ours.service(number).split("---\n")
        manifests |= {f"{number:05}-task": definition, f"{number:05}": service}
    tree = bench.folder / "against-peers"
    lay_out(tree, ours, manifests)
    write_file(tree / "deploy/00000-task.yaml", ours.service(0, changed=1).split("---\n")[1])
    files = sorted(str(file.relative_to(tree)) for file in (tree / "deploy").iterdir())
    version = next(iter(peers.values())).version
    talk(f"{len(files):,} manifests, a file each: validate and --against, and check-jsonschema {version}")
    check_judgement(ours, peers.values(), tree, files)

    def validate_by(peer):
        taken, refusals = peer.run(files, ours.env, tree)
        if refusals:
            raise RunFailed(f"{peer.program} refuses manifests that reconcile finds valid:\n{refusals[:2000]}")
        return taken

    samples = {
        "validate": lambda: run_timed(ours.command("validate", "deploy"), ours.env, tree)[0],
        "against": lambda: run_timed(dry_run(ours), ours.env, tree)[0],
        **{name: lambda peer=peer: validate_by(peer) for name, peer in peers.items()},
    }
    times = {name: [] for name in samples}
    for round_ in range(1 if bench.options.quick else max(bench.pairs, 3)):
        for name, sample in samples.items():
            bench.wait_until_quiet()
            times[name].append(sample())
        talk(f"   {round_ + 1}: " + ", ".join(f"{name} {seconds(values[-1])}" for name, values in times.items()))
    many = f"{len(files):,} manifests"
    for figure, name in (("validate", "validate"), ("--against git:main", "against")):
        for peer in peers:
            # Judged is the same work, beside what pip installs. A dry run reads two sets of manifests, and brings both about;
            # the parser in C tells how much of the peer's time is Python's reading.
            is_judged = (name, peer) == ("validate", validator.USUAL)
            label = f"{figure}, {many} / check-jsonschema"
            label += "" if peer == validator.USUAL else f" {peer}"
            label = label if is_judged else f"({label})"
            detail = f"{middle(times[name])} / {middle(times[peer])}, version {peers[peer].version}"
            bench.report.ratio(label, times[name], times[peer], PEER_MUST if is_judged else None, None, detail)


def lay_out(tree, ours, manifests):
    """A repository with these files on `main`, and a branch `feature` checked out."""
    (tree / "deploy").mkdir(parents=True)
    head = f"apiVersion: reconcile/v1\nkind: Cluster\nmetadata: {{ name: {ours.cluster} }}\n"
    write_file(tree / "deploy/cluster.yaml", head)
    for name, text in manifests.items():
        write_file(tree / f"deploy/{name}.yaml", text)
    git = ["git", "-c", "gc.auto=0", "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for step in ("init -q -b main", "add -A", "commit -q -m one", "gc -q", "checkout -q -b feature"):
        subprocess.run([*git, *step.split()], cwd=tree, check=True)


def middle(values):
    return seconds(statistics.median(values))


def dry_run(ours):
    return ours.command("--dry-run", "--against", "git:main", "deploy")


def check_judgement(ours, peers, tree, files):
    """All find an error that is planted, and none where there is none: they do the same work. The rounds check the latter."""
    file = tree / "deploy/00007.yaml"
    right = file.read_text(encoding="utf-8")
    write_file(file, right.replace(RIGHT, WRONG))
    try:
        run_timed(ours.command("validate", "deploy"), ours.env, tree, allowed=(INVALID,))
        said = {"reconcile": last_output(tree)}
        said |= {peer.program: peer.run(files, ours.env, tree)[1] for peer in peers}
    finally:
        write_file(file, right)
    for program, text in said.items():
        if file.name not in text or WRONG not in text:
            raise RunFailed(f"{program} does not find the error in {file.name}:\n{text[:2000]}")
