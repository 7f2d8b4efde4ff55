"""The services: what each of them promises, and the good and the bad commits that are made to it."""

import dataclasses

from benchlib.engine import IMAGE
from benchlib.rivals import write_file

from .house import CLUSTER

# Told to stop, a task goes on to answer for so long: whoever sends requests to it needs a moment to hear of it.
LINGER_SECS = 0.5
GOOD = f"[sick, until, '1', linger, '{LINGER_SECS}']"
# A file that is there from the beginning: its health check never succeeds.
NEVER_HEALTHY = f"[sick, file, /shop, linger, '{LINGER_SECS}']"
CRASHES = "[exit, '1', after, '0.3']"
CHECKS = {
    "network": "healthCheck: { httpGet: { path: /health, port: 8080 }, interval: 1, timeout: 2, retries: 2 }",
    "docker": "healthCheck: { command: [CMD, /shop, check, 'http://localhost:8080/health'], interval: 5, timeout: 5, retries: 1 }",
    "none": "essential: true",
}


@dataclasses.dataclass
class Service:
    name: str
    count: int
    minimum: int
    maximum: int
    # "network", "docker" or "none".
    check: str
    # What is being done to it.
    phase: str = "start"
    commit: int = 0
    # The last commit that came up well: what has to serve whatever happens.
    good: int = 0
    # When it first had all of its tasks; nothing is promised before that.
    is_up: bool = False
    # Since when too few were healthy.
    short_since: float | None = None
    # The tasks that were healthy and that we took from it, until that is made good.
    taken: list = dataclasses.field(default_factory=list)

    @property
    def promise(self):
        return -(-self.count * self.minimum // 100)

    @property
    def ceiling(self):
        return self.count * self.maximum // 100

    def write(self, folder, command):
        """A commit; its number."""
        self.commit += 1
        text = f"""apiVersion: reconcile/v1
kind: TaskDefinition
metadata: {{ name: {self.name} }}
spec:
  containerDefinitions:
    - name: main
      image: {IMAGE}
      command: {command}
      dockerLabels: {{ chaos: "{self.commit}" }}
      portMappings: [{{ containerPort: 8080 }}]
      {CHECKS[self.check]}
---
apiVersion: reconcile/v1
kind: Service
metadata: {{ name: {self.name} }}
spec:
  cluster: {CLUSTER}
  taskDefinition: {self.name}
  desiredCount: {self.count}
  deploymentConfiguration: {{ minimumHealthyPercent: {self.minimum}, maximumPercent: {self.maximum} }}
"""
        write_file(folder / f"{self.name}.yaml", text)
        return self.commit


def make_services():
    """Start-first and stop-first, with each kind of check; no two have the same percentages."""
    return [
        Service("web", 4, 100, 200, "network"),
        Service("api", 4, 50, 150, "docker"),
        Service("plain", 5, 75, 125, "none"),
        Service("cache", 4, 50, 100, "network"),
    ]
