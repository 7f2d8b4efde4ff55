//! The words of Kubernetes and Compose for what ECS calls otherwise, and those for which it has nothing.

/// A word of another tool.
pub(super) struct Foreign {
    pub(super) word: &'static str,
    /// What ECS calls it.
    pub(super) ours: &'static str,
    /// How the value is written here; empty when it is the same, so that another word is all it takes.
    pub(super) value: &'static str,
}

const fn same(word: &'static str, ours: &'static str) -> Foreign {
    Foreign { word, ours, value: "" }
}

const fn other(word: &'static str, ours: &'static str, value: &'static str) -> Foreign {
    Foreign { word, ours, value }
}

const MIB: &str = "a number of MiB";
const FILES: &str = "a list of `{ type: file, value: web.env }`";
const HOSTS: &str = "a list of `{ hostname: db, ipAddress: 10.0.0.1 }`";
const ROLLOUT: &str = "a mapping with `minimumHealthyPercent` and `maximumPercent`";
const DEPENDENCIES: &str = "a list of `{ containerName: db, condition: START }`, all of them containers of the same task; services find each other by name and need not wait";

/// A word may stand for several fields: the first one counts that is known where the word stands.
pub(super) static FOREIGN_WORDS: &[Foreign] = &[
    // How often, and how it is replaced.
    same("replicas", "desiredCount"),
    same("scale", "desiredCount"),
    other("strategy", "deploymentConfiguration", ROLLOUT),
    other("update_config", "deploymentConfiguration", ROLLOUT),
    other("rollingUpdate", "deploymentConfiguration", ROLLOUT),
    other("maxSurge", "maximumPercent", "100 and as many percent as may be added"),
    other("maxUnavailable", "minimumHealthyPercent", "100 less as many percent as may be missing"),
    same("gracePeriod", "healthCheckGracePeriodSeconds"),
    // What runs.
    same("containers", "containerDefinitions"),
    same("args", "command"),
    same("cmd", "command"),
    same("test", "command"),
    same("entrypoint", "entryPoint"),
    same("env", "environment"),
    other("env_file", "environmentFiles", FILES),
    other("envFrom", "environmentFiles", FILES),
    same("working_dir", "workingDirectory"),
    same("workingDir", "workingDirectory"),
    same("labels", "dockerLabels"),
    same("containerName", "name"),
    same("stdin", "interactive"),
    same("stdin_open", "interactive"),
    same("tty", "pseudoTerminal"),
    other("platform", "runtimePlatform", "such as `{ cpuArchitecture: ARM64 }`"),
    // In which order, and for how long.
    other("depends_on", "dependsOn", DEPENDENCIES),
    same("stop_grace_period", "stopTimeout"),
    same("terminationGracePeriodSeconds", "stopTimeout"),
    // Whether it is well.
    same("livenessProbe", "healthCheck"),
    same("readinessProbe", "readinessCheck"),
    other("startupProbe", "healthCheck", "with `startPeriod` for the time that it may take to start"),
    same("periodSeconds", "interval"),
    same("timeoutSeconds", "timeout"),
    same("failureThreshold", "retries"),
    other("initialDelaySeconds", "startPeriod", "the seconds after the start in which failures do not count"),
    other("exec", "command", "a list such as `[CMD, /check]`"),
    // Ports, names and the network.
    same("ports", "portMappings"),
    same("target", "containerPort"),
    same("published", "hostPort"),
    same("network_mode", "networkMode"),
    other("hostNetwork", "networkMode", "`host`"),
    other("hostPID", "pidMode", "`host`"),
    other("hostIPC", "ipcMode", "`host`"),
    same("dns", "dnsServers"),
    same("dns_search", "dnsSearchDomains"),
    other("extra_hosts", "extraHosts", HOSTS),
    other("hostAliases", "extraHosts", HOSTS),
    // Volumes.
    same("volumeMounts", "mountPoints"),
    other(
        "volumes",
        "mountPoints",
        "a list of `{ sourceVolume: data, containerPath: /data }`; the volume is declared in `volumes` of the task definition",
    ),
    same("mountPath", "containerPath"),
    same("target", "containerPath"),
    same("name", "sourceVolume"),
    same("source", "sourceVolume"),
    same("readonly", "readOnly"),
    same("read_only", "readOnly"),
    same("hostPath", "host"),
    same("path", "sourcePath"),
    other("emptyDir", "host", "`{}`, an empty directory that lives and dies with the task"),
    other("persistentVolumeClaim", "dockerVolumeConfiguration", "`{ scope: shared, autoprovision: true }`"),
    same("driver_opts", "driverOpts"),
    other("volumes_from", "volumesFrom", "a list of `{ sourceContainer: data }`"),
    // What it may use.
    other("mem_limit", "memory", MIB),
    other("mem_reservation", "memoryReservation", MIB),
    same("cpu_shares", "cpu"),
    other("cpus", "cpu", "in units of which 1024 are one core, and a share rather than a limit"),
    other("gpus", "resourceRequirements", "a list of `{ type: GPU, value: \"1\" }`"),
    other("shm_size", "sharedMemorySize", MIB),
    same("init", "initProcessEnabled"),
    same("pid", "pidMode"),
    same("ipc", "ipcMode"),
    same("cap_add", "add"),
    same("cap_drop", "drop"),
    same("read_only", "readonlyRootFilesystem"),
    same("read_only_rootfs", "readonlyRootFilesystem"),
    same("security_opt", "dockerSecurityOptions"),
    other("sysctls", "systemControls", "a list of `{ namespace: net.core.somaxconn, value: \"1024\" }`"),
    other("soft", "softLimit", "beside `name` and `hardLimit`"),
    other("hard", "hardLimit", "beside `name` and `softLimit`"),
    // Where its output goes.
    same("logging", "logConfiguration"),
    same("driver", "logDriver"),
];

const PULL_POLICY: &str = "when images are pulled is said in `imagePullBehavior` of the Cluster or the Service";
const RESOURCES: &str =
    "resources are written as `cpu` (1024 units are one core), `memory` and `memoryReservation` (MiB) of the container";
const PLACEMENT: &str = "there is one host: nothing has to be placed";
const ONE_HOST_NETWORK: &str =
    "every task of a cluster is on the network of the cluster, and the name of a Service resolves to its tasks";
const JOB: &str = "a task that runs once is a TaskDefinition without a Service: `reconcile run FAMILY`";

/// Words for which ECS has nothing, with what to do instead.
pub(super) static NO_COUNTERPART: &[(&str, &str)] = &[
    ("imagePullPolicy", PULL_POLICY),
    ("pull_policy", PULL_POLICY),
    ("image_pull_policy", PULL_POLICY),
    (
        "imagePullSecrets",
        "credentials are those of `docker login`, or named in `repositoryCredentials` of the container",
    ),
    ("restart", "a service always replaces a task that ends; `restartPolicy` starts a container again in place"),
    ("namespace", "there are no namespaces: a service belongs to the Cluster in `spec.cluster`"),
    ("template", "the containers are described in a TaskDefinition, which the service names in `taskDefinition`"),
    ("selector", "there are no selectors: the tasks of a service are known by their labels"),
    ("build", "images are not built here: name one in `image`"),
    ("networks", ONE_HOST_NETWORK),
    ("clusterIP", ONE_HOST_NETWORK),
    ("expose", "what only other services reach need not be said: they reach every port by the name of the Service"),
    ("resources", RESOURCES),
    ("limits", RESOURCES),
    ("requests", RESOURCES),
    ("reservations", RESOURCES),
    (
        "deploy",
        "it belongs to the Service: `desiredCount` for `replicas`, `deploymentConfiguration` for `update_config`; limits are `cpu` and `memory` of the container",
    ),
    (
        "container_name",
        "containers are named after cluster, service and slot, so that several tasks can run; `name` is the name within the task",
    ),
    (
        "initContainers",
        "an init container is one of `containerDefinitions` with `essential: false`; others wait for it with `dependsOn: [{ containerName: init, condition: SUCCESS }]`",
    ),
    ("lifecycle", "there are no hooks in a container; `stopTimeout` is the time that it has to end after SIGTERM"),
    (
        "securityContext",
        "write `user`, `privileged`, `readonlyRootFilesystem` and `linuxParameters.capabilities` of the container",
    ),
    ("stop_signal", "the signal is that of the image (STOPSIGNAL), as in ECS"),
    ("minReadySeconds", "a task counts when its `healthCheck` succeeds; `readinessCheck` can ask for more"),
    ("successThreshold", "one success is enough; remove it"),
    (
        "progressDeadlineSeconds",
        "`deploymentCircuitBreaker` of `deploymentConfiguration` says when a deployment is given up",
    ),
    ("revisionHistoryLimit", "revisions are in Git: there is nothing to keep"),
    ("nodeSelector", PLACEMENT),
    ("affinity", PLACEMENT),
    ("tolerations", PLACEMENT),
    ("topologySpreadConstraints", PLACEMENT),
    ("serviceAccountName", "there are no service accounts; credentials of a program are `secrets` of its container"),
    ("configMap", "write the values in `environment`, or mount a directory with `host.sourcePath`"),
    ("profiles", "there are no profiles: use one directory for each set of manifests"),
    ("extends", "nothing is inherited from other files; anchors and merge keys of YAML work within a document"),
    ("configs", "mount a directory with `volumes` and `mountPoints`, or use `secrets` with a `path`"),
    ("completions", JOB),
    ("parallelism", JOB),
    ("backoffLimit", JOB),
    ("schedule", "nothing is run by the clock here; let a timer of the host call `reconcile run FAMILY`"),
];

/// What becomes of a kind of Kubernetes.
pub(super) static FOREIGN_KINDS: &[(&str, &str)] = &[
    ("Deployment", REPLICATED),
    ("StatefulSet", REPLICATED),
    ("ReplicaSet", REPLICATED),
    ("ReplicationController", REPLICATED),
    (
        "DaemonSet",
        "write a TaskDefinition for what is in `template.spec`, and a Service with `schedulingStrategy: DAEMON`",
    ),
    ("Pod", "write a TaskDefinition: `containers` is `containerDefinitions` there; and a Service that runs it"),
    ("PodTemplate", "write a TaskDefinition: `containers` is `containerDefinitions` there"),
    ("Job", JOB),
    ("CronJob", "nothing is run by the clock here; let a timer of the host call `reconcile run FAMILY`"),
    ("Namespace", "write a Cluster: it is a name for services that belong together"),
    ("Ingress", "publish a port with `hostPort` in `portMappings`, or run a proxy as a Service"),
    ("ConfigMap", "write the values in `environment`, or mount a directory with `host.sourcePath`"),
    ("Secret", "secrets do not stand in manifests: name them in `secrets` of the container"),
    ("PersistentVolumeClaim", "write `dockerVolumeConfiguration: { scope: shared, autoprovision: true }` of a volume"),
    ("PersistentVolume", "write `dockerVolumeConfiguration: { scope: shared, autoprovision: true }` of a volume"),
    ("Kustomization", "nothing is generated here: let `kustomize build` write the manifests"),
];

const REPLICATED: &str = "write a TaskDefinition for what is in `template.spec` (`containers` is `containerDefinitions` there), and a Service that names it in `taskDefinition`, with `desiredCount` for `replicas`";

/// What becomes of a Service of Kubernetes, which is another thing.
pub(super) const KUBERNETES_SERVICE: &str = "a Service of Kubernetes is a name and a port; here a Service runs tasks, and its name resolves to them: remove it, and publish a port with `hostPort` in `portMappings`";
