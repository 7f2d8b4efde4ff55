"""Finding Compose 2, the peer."""

import os
import pathlib
import re
import shutil
import subprocess

PLUGIN = "usr/libexec/docker/cli-plugins/docker-compose"


def is_compose2(path):
    try:
        answer = subprocess.run([path, "version", "--short"], capture_output=True, text=True, timeout=20)
    except OSError:
        return None
    match = re.match(r"v?((?:[2-9]|\d\d)\.\d+\.\d+\S*)", answer.stdout.strip())
    return match.group(1) if answer.returncode == 0 and match else None


def find_compose2(cache, talk):
    """(path, version) of a Compose 2 that runs by itself, or (None, the reason why there is none)."""
    places = [os.environ.get("COMPOSE2"), shutil.which("docker-compose")]
    roots = ("~/.docker", "/usr/local/lib/docker", "/usr/local/libexec/docker", "/usr/lib/docker", "/usr/libexec/docker")
    places += [os.path.expanduser(f"{root}/cli-plugins/docker-compose") for root in roots]
    places.append(str(cache / "root" / PLUGIN))
    for place in filter(None, places):
        if version := is_compose2(place):
            return place, version
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        return None, "no Compose 2 on this machine: name one with COMPOSE2=/path/to/docker-compose"
    talk("no Compose 2 on this machine: fetching a Debian package of it into a folder of our own")
    try:
        fetch(cache, talk)
    except (OSError, subprocess.SubprocessError, LookupError) as error:
        return None, f"Compose 2 could not be had ({error}): name one with COMPOSE2=/path/to/docker-compose"
    place = str(cache / "root" / PLUGIN)
    version = is_compose2(place)
    return (place, version) if version else (None, f"{place} does not run here")


def fetch(cache, talk):
    """Ubuntu: its own docker-compose-v2. Debian: docker-compose of Debian 13, from the mirror this machine uses already."""
    shutil.rmtree(cache, ignore_errors=True)
    (cache / "root").mkdir(parents=True)
    options, package = [], "docker-compose-v2"
    if not has_candidate(package):
        package = "docker-compose"
        options = private_apt(cache, "trixie")
        run(["apt-get", *options, "update", "-qq"], cache)
    run(["apt-get", *options, "download", "-qq", package], cache)
    archive = next(cache.glob("*.deb"))
    talk(f"unpacking {archive.name}")
    run(["dpkg", "-x", str(archive), str(cache / "root")], cache)


def has_candidate(package):
    answer = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True)
    return re.search(r"Candidate: \d", answer.stdout) is not None


def private_apt(cache, suite):
    """Options that point apt at `suite` with state of its own: the machine's packages and lists stay as they are."""
    uri, signed_by = find_mirror()
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (cache / folder).mkdir(parents=True)
    (cache / "status").touch()
    sources = cache / "sources.list"
    sources.write_text(f"deb {signed_by}{uri} {suite} main\n")
    settings = {
        "Dir::State": cache / "state",
        "Dir::State::status": cache / "status",
        "Dir::Cache": cache / "cache",
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        # As root, apt drops to a user who may not write into a private folder.
        "APT::Sandbox::User": "root",
    }
    return [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]


def find_mirror():
    """(URI, options) of the Debian mirror that this machine's own apt is set up for."""
    release = dict(
        line.rstrip().split("=", 1) for line in open("/etc/os-release", encoding="utf-8") if "=" in line
    )
    suite = release.get("VERSION_CODENAME", "").strip('"')
    if release.get("ID", "").strip('"') != "debian":
        raise LookupError("this is not Debian, and there is no package docker-compose-v2")
    folder = pathlib.Path("/etc/apt")
    for file in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        for line in file.read_text().splitlines() if file.exists() else ():
            match = re.match(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+.*\bmain\b", line)
            if match and match.group(2) == suite:
                return match.group(1), keyring()
    for file in sorted(folder.glob("sources.list.d/*.sources")):
        for block in re.split(r"\n\s*\n", file.read_text()):
            fields = dict(re.findall(r"^([A-Za-z-]+):\s*(.*)$", block, re.MULTILINE))
            if suite in fields.get("Suites", "").split() and "main" in fields.get("Components", "").split():
                return fields["URIs"].split()[0], keyring()
    raise LookupError("no Debian mirror is set up in /etc/apt")


def keyring():
    path = "/usr/share/keyrings/debian-archive-keyring.gpg"
    return f"[signed-by={path}] " if os.path.exists(path) else ""


def run(command, folder):
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if answer.returncode != 0:
        lines = (answer.stderr or answer.stdout).strip().splitlines() or ["no reason given"]
        raise OSError(f"{command[0]}: {lines[-1]}")
