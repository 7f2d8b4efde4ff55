"""What a run has shown, and whether the promise held."""

import statistics

from .load import ENGINE, KILLED

# A request by a port that fails for one of these reasons is nobody's fault but ours.
EXCUSED = {ENGINE, KILLED}


def print_report(chaos, load, watcher, left, seed):
    """Whether the promise held."""
    broken = [f"at {at:.1f} s: {what}" for at, what in watcher.broken]
    broken += chaos.stuck + chaos.reconcile.surprises + left
    for (kind, phase, reason), number in sorted(load.failed.items()):
        if kind == "port" and reason not in EXCUSED:
            broken.append(f"{number} requests by a port failed in `{phase}`: {reason}")
    print(f"\nseed {seed}: reconcile was killed {len(chaos.reconcile.kills)} times, the engine restarted {len(chaos.restarts)} times")
    for table in (durations(chaos), least(chaos, watcher), requests(load)):
        print()
        print("\n".join(align(table)))
    print(f"\n{watcher.samples} samples; {watcher.late} answers of tasks came too late for one")
    if watcher.forgotten:
        what = "never checked again by an engine that had been ended as it started or checked them"
        print(f"{watcher.forgotten} tasks were {what}, and were killed by us")
    for error in chaos.errors:
        print(f"FAILED  {error}")
    for line in broken:
        print(f"BROKEN  {line}")
    print(f"the promise {'was broken' if broken else 'held'}")
    return not broken


def durations(chaos):
    yield "done", "times", "median", "longest", "undisturbed", "(seconds until all is well again; neither reconcile nor the engine touched)"
    for name, found in sorted(chaos.took.items()):
        alone = [seconds for seconds, disturbed in found if not disturbed]
        every = [seconds for seconds, _ in found]
        median = f"{statistics.median(every):.1f}"
        yield name, str(len(found)), median, f"{max(every):.1f}", f"{statistics.median(alone):.1f}" if alone else "-"


def least(chaos, watcher):
    names = [service.name for service in chaos.services]
    heads = [f"{service.name} ({service.promise} of {service.count})" for service in chaos.services]
    yield "fewest healthy, + taken by us", *heads
    for phase in sorted({phase for phase, _ in watcher.least}):
        cells = []
        for name in names:
            _, healthy, taken = watcher.least.get((phase, name), (0, None, 0))
            cells.append("-" if healthy is None else f"{healthy}+{taken}" if taken else str(healthy))
        yield phase, *cells


def requests(load):
    yield "requests", "by port", "by name", "failed for good, and tries that failed"
    phases = sorted({phase for _, phase in load.made})
    for phase in phases:
        found = []
        for kind, what, counter in (("port", "failed", load.failed), ("port", "tries", load.failed_tries), ("name", "failed by name", load.failed)):
            for (its_kind, its_phase, reason), number in sorted(counter.items()):
                if (its_kind, its_phase) == (kind, phase):
                    found.append(f"{number} {what}: {reason}")
        yield phase, str(load.made["port", phase]), str(load.made["name", phase]), "; ".join(found)
    totals = [sum(number for (kind, _), number in load.made.items() if kind == which) for which in ("port", "name")]
    failed = {which: sum(number for (kind, *_), number in load.failed.items() if kind == which) for which in ("port", "name")}
    yield "all", *map(str, totals), f"{failed['port']} failed by port, {failed['name']} by name"


def align(rows):
    rows = [tuple(row) for row in rows]
    widths = [max((len(row[column]) for row in rows if column < len(row) - 1), default=0) for column in range(max(map(len, rows)))]
    for row in rows:
        cells = [cell.ljust(widths[column]) if column == 0 else cell.rjust(max(widths[column], 1)) for column, cell in enumerate(row[:-1])]
        yield "  ".join([*cells, row[-1]]).rstrip()
