"""Finding check-jsonschema, the peer that validates YAML files against a schema, and running it over many files."""

import os
import shutil
import subprocess
import sys

from .compose import run
from .rivals import RunFailed, last_output, run_timed

# Those that decide how fast it is, so that a figure of today can be had again.
PACKAGES = ("check-jsonschema==0.39.0", "jsonschema==4.26.0", "ruamel.yaml==0.19.1")
# What nobody gets who does not ask for it: with it YAML is read by a program in C.
C_PARSER = "ruamel.yaml.clib==0.2.15"

USUAL, FASTER = "as installed", "with C parser"

# Of what one process may be given: the environment needs room too.
ARGUMENTS_SHARE = 0.5


class Validator:
    """check-jsonschema against the schema of the project."""

    def __init__(self, program, version, schema):
        self.program, self.version, self.schema = program, version, schema

    def run(self, files, env, cwd):
        """(seconds over all `files`, what it says against them), in as few processes as the kernel lets it have."""
        taken, refusals = 0.0, ""
        for part in batches(files):
            command = [self.program, "--schemafile", str(self.schema), *part]
            taken += run_timed(command, env, cwd, allowed=(0, 1))[0]
            said = last_output(cwd)
            refusals += "" if said.strip() == "ok -- validation done" else said
        return taken, refusals


def batches(files):
    """The files in as few command lines as there can be."""
    limit = ARGUMENTS_SHARE * os.sysconf("SC_ARG_MAX")
    part, size = [], 0
    for file in files:
        # The text, its end, and the pointer to it.
        needs = len(os.fsencode(file)) + 1 + 8
        if part and size + needs > limit:
            yield part
            part, size = [], 0
        part.append(file)
        size += needs
    if part:
        yield part


def find_validators(cache, schema, talk):
    """({name: Validator}, None), the usual one first; or ({}, the reason why there is none)."""
    if named := os.environ.get("CHECK_JSONSCHEMA"):
        version = version_of(named)
        found = {USUAL: Validator(named, version, schema)} if version else {}
        return found, None if version else f"$CHECK_JSONSCHEMA, {named}, does not run here"
    found = {}
    for name, packages in ((USUAL, PACKAGES), (FASTER, (*PACKAGES, C_PARSER))):
        try:
            program = install(cache / name.replace(" ", "-"), packages, talk)
        except (OSError, subprocess.SubprocessError, RunFailed) as error:
            if found:
                talk(f"check-jsonschema {name} could not be had: {error}")
                break
            return {}, f"check-jsonschema could not be had ({error}): name one with CHECK_JSONSCHEMA=/path/to/check-jsonschema"
        found[name] = Validator(program, version_of(program), schema)
    return found, None


def version_of(program):
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    words = answer.stdout.split()
    return words[-1] if answer.returncode == 0 and words else None


def install(folder, packages, talk):
    """The program in a virtual environment of its own, which is kept for the next time if it has these packages."""
    program, note = folder / "bin/check-jsonschema", folder / "packages"
    wanted = "\n".join(packages)
    if note.exists() and note.read_text(encoding="utf-8") == wanted and version_of(program):
        return str(program)
    talk(f"installing {', '.join(packages)} into a folder of our own")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run([sys.executable, "-m", "venv", str(folder)], folder)
    pip = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "install", "--quiet", "--only-binary", ":all:", *packages], folder)
    if version_of(program) is None:
        raise RunFailed(f"{program} does not run here")
    note.write_text(wanted, encoding="utf-8")
    return str(program)
