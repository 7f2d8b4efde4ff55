"""What is put under stress: an engine of our own, `reconcile --watch` on it, and the manifests."""

import contextlib
import os
import signal
import subprocess
import threading
import time

from benchlib.engine import IMAGE, Engine, EngineError
from benchlib.rivals import write_file

CLUSTER = "chaos"
# An address of the host that is not 127.0.0.1: what is sent there takes the way of a published port that does not end in a process of
# the engine, which goes with it.
HOST_ADDRESS = "192.0.2.1"
# A thing that takes so long never comes.
PATIENCE_SECS = 120


class ChaosError(Exception):
    """Something that the chaos itself needs is not to be had."""


class House:
    def __init__(self, folder, binary, root):
        self.folder, self.binary, self.root = folder, binary, root
        self.socket = folder / "docker.sock"
        self.engine = Engine(str(self.socket), 8)
        self.dockerd = None
        # Since when the engine does not answer, and when it last began to answer again.
        self.away_since = self.back_at = None

    def set_up(self):
        run("mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", self.folder / "data")
        run("ip", "link", "set", "lo", "up")
        run("ip", "address", "add", f"{HOST_ADDRESS}/32", "dev", "lo")
        (self.folder / "daemon.json").write_text("{}", encoding="utf-8")
        self.start_engine()
        env = {**os.environ, "DOCKER_HOST": f"unix://{self.socket}"}
        subprocess.run([self.root / "scripts/build-image", "shop"], env=env, check=True)

    def start_engine(self):
        """Starts dockerd and waits until it answers."""
        command = ["dockerd", "--data-root", self.folder / "data/root", "--exec-root", self.folder / "data/exec"]
        command += ["-H", f"unix://{self.socket}", "-p", self.folder / "docker.pid", "--config-file", self.folder / "daemon.json"]
        command += ["--bridge=none", "--live-restore", f"--cgroup-parent=/{self.folder.name}"]
        # Docker waits for a containerd that it killed itself; a start within that time fails once.
        for _ in range(4):
            # A daemon that was killed leaves its pid file, and the pid may have been given to somebody else.
            (self.folder / "docker.pid").unlink(missing_ok=True)
            with open(self.folder / "dockerd.log", "ab") as log:
                self.dockerd = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            deadline = time.monotonic() + 60
            while self.dockerd.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(OSError, EngineError):
                    self.engine.call("GET", "/_ping")
                    self.away_since, self.back_at = None, time.monotonic()
                    return
                time.sleep(0.05)
            self.dockerd.kill()
            self.dockerd.wait()
            time.sleep(1)
        tail = "\n".join((self.folder / "dockerd.log").read_text(errors="replace").splitlines()[-10:])
        raise ChaosError(f"a private dockerd cannot be started; its last words:\n{tail}")

    def restart_engine(self, number, pause):
        self.away_since = time.monotonic()
        self.dockerd.send_signal(number)
        self.dockerd.wait()
        time.sleep(pause)
        self.start_engine()

    def was_engine_away(self, since):
        """Whether the engine was away, or busy with coming back, at any time after `since`."""
        return self.away_since is not None or (self.back_at is not None and self.back_at + 3 > since)

    def containers(self):
        return self.engine.list_containers(f"reconcile.cluster={CLUSTER}")

    def start_client(self, service):
        """A container that asks a service by its name for everybody who asks it; its address."""
        network = f"reconcile.{CLUSTER}"
        body = {
            "Image": IMAGE,
            "Cmd": ["front"],
            "Env": [f"CATALOG={service}:8080"],
            "HostConfig": {"NetworkMode": network, "LogConfig": {"Type": "none"}},
        }
        created = self.engine.call("POST", f"/containers/create?name=client-{service}", body)["Id"]
        self.engine.start_container(created)
        return self.engine.inspect(created)["NetworkSettings"]["Networks"][network]["IPAddress"]


class Reconcile:
    """`reconcile --watch`, started again whenever it ends, as a service manager does."""

    def __init__(self, house):
        self.house = house
        self.manifests = house.folder / "manifests"
        self.manifests.mkdir()
        write_file(self.manifests / "cluster.yaml", f"apiVersion: reconcile/v1\nkind: Cluster\nmetadata: {{ name: {CLUSTER} }}\n")
        self.env = {**os.environ, "NO_COLOR": "1", "RECONCILE_STATE_DIR": str(house.folder / "state")}
        self.process = None
        self.kills = []
        self.surprises = []
        self.pause = 0
        self.is_over = False
        self.changed = threading.Lock()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def command(self, *arguments):
        return [str(self.house.binary), *arguments, str(self.manifests), "--host", f"unix://{self.house.socket}"]

    def start(self):
        self.thread.start()

    def run(self):
        while True:
            with self.changed:
                if self.is_over:
                    return
                with open(self.house.folder / "reconcile.log", "ab") as log:
                    self.process = subprocess.Popen(
                        self.command("--watch"), env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                    )
                kills = len(self.kills)
            code = self.process.wait()
            if not self.is_over and len(self.kills) == kills:
                self.surprises.append(f"reconcile --watch ended by itself with exit code {code}")
                self.pause = 1
            time.sleep(self.pause)

    def kill(self, pause):
        """SIGKILL; it is started again after `pause` seconds."""
        with self.changed:
            self.pause = pause
            self.kills.append(time.monotonic())
            self.process.kill()

    def finish(self):
        """SIGTERM; its exit code."""
        with self.changed:
            self.is_over = True
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECS)

    def run_once(self, *arguments):
        answer = subprocess.run(self.command(*arguments), env=self.env, capture_output=True, text=True, timeout=PATIENCE_SECS)
        return answer.returncode, answer.stdout + answer.stderr


def run(*command):
    answer = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if answer.returncode:
        raise ChaosError(f"{' '.join(map(str, command))}: {answer.stderr.strip()}")
