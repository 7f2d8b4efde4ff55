//! Every parameter of a task definition that ECS has, and what becomes of it here: the one place that decides.
//!
//! A parameter is *honoured* (its rule is the comment of the field in `manifest`), *accepted* without an effect on a Docker host,
//! *refused* because ignoring it would be dangerous, or *not yet* supported. The table in the README is made from this one.
//! Sources: the ECS API, `RegisterTaskDefinition` and `DescribeTaskDefinition`.

use super::known::Field::{Ignored, List, Map, Object, Plain, Refused};
use super::known::Shape;

/// Why what ECS itself adds to a task definition has no effect.
const SAID_BY_ECS: &str = "ECS says this about a revision of its own; here a revision is named by its content";
/// Why what runs through a port has no effect.
const OF_SERVICE_CONNECT: &str =
    "only Service Connect uses it; the tasks of a cluster reach each other by the names of services";
/// What to do instead of a file system of AWS.
const MOUNT_IT_YOURSELF: &str = "data would go elsewhere without a word: mount the file system on the host and name it in `host.sourcePath`, or describe it in `dockerVolumeConfiguration.driverOpts`";

pub(super) static TASK_DEFINITION_SPEC: Shape = Shape {
    name: "TaskDefinition.spec",
    fields: &[
        ("family", Plain),
        ("networkMode", Plain),
        ("containerDefinitions", List(&CONTAINER_DEFINITION)),
        ("volumes", List(&VOLUME)),
        ("cpu", Plain),
        ("memory", Plain),
        ("pidMode", Plain),
        ("ipcMode", Plain),
        ("runtimePlatform", Object(&RUNTIME_PLATFORM)),
        ("requiresCompatibilities", Plain),
        ("tags", List(&TAG)),
        (
            "taskRoleArn",
            Ignored(
                "string",
                "there is no endpoint that hands out credentials of a role: give them to the containers that need them",
            ),
        ),
        (
            "executionRoleArn",
            Ignored(
                "string",
                "ECS itself uses this role to pull images and to read secrets; the engine and its user do so here",
            ),
        ),
        ("placementConstraints", Ignored("array", "there is one host to place tasks on")),
        (
            "ephemeralStorage",
            Ignored(
                "object",
                "ECS limits with it what a task on Fargate stores in all, its images and volumes included; the engine can limit no more than the file system of one container, and that with few storage drivers",
            ),
        ),
        ("enableFaultInjection", Ignored("boolean", "there is no endpoint that injects faults")),
        ("inferenceAccelerators", Ignored("array", "AWS has ended Elastic Inference")),
        (
            "proxyConfiguration",
            Refused(
                "traffic would bypass the proxy, and with it its encryption and its rules: App Mesh exists on AWS only. Remove it, and the container of the proxy",
            ),
        ),
        (
            "trustedExecutionConfiguration",
            Refused(
                "the isolation that it promises cannot be given by a Docker host; remove it if the task can do without",
            ),
        ),
        ("taskDefinitionArn", Ignored("string", SAID_BY_ECS)),
        ("revision", Ignored("integer", SAID_BY_ECS)),
        ("status", Ignored("string", SAID_BY_ECS)),
        ("requiresAttributes", Ignored("array", SAID_BY_ECS)),
        ("compatibilities", Ignored("array", SAID_BY_ECS)),
        // A text or a number, as the client of AWS likes.
        ("registeredAt", Ignored("", SAID_BY_ECS)),
        ("deregisteredAt", Ignored("", SAID_BY_ECS)),
        ("deleteRequestedAt", Ignored("", SAID_BY_ECS)),
        ("registeredBy", Ignored("string", SAID_BY_ECS)),
    ],
};

pub(super) static CONTAINER_DEFINITION: Shape = Shape {
    name: "a container definition",
    fields: &[
        ("name", Plain),
        ("image", Plain),
        ("repositoryCredentials", Object(&REPOSITORY_CREDENTIALS)),
        ("versionConsistency", Plain),
        ("command", Plain),
        ("entryPoint", Plain),
        ("environment", List(&KEY_VALUE_PAIR)),
        ("environmentFiles", List(&ENVIRONMENT_FILE)),
        ("secrets", List(&SECRET)),
        ("portMappings", List(&PORT_MAPPING)),
        ("essential", Plain),
        ("cpu", Plain),
        ("memory", Plain),
        ("memoryReservation", Plain),
        ("healthCheck", Object(&HEALTH_CHECK)),
        ("readinessCheck", Object(&READINESS_CHECK)),
        ("stopTimeout", Plain),
        ("dependsOn", List(&CONTAINER_DEPENDENCY)),
        ("startTimeout", Plain),
        ("restartPolicy", Object(&RESTART_POLICY)),
        ("mountPoints", List(&MOUNT_POINT)),
        ("user", Plain),
        ("workingDirectory", Plain),
        ("dockerLabels", Map),
        ("links", Plain),
        ("hostname", Plain),
        ("dnsServers", Plain),
        ("dnsSearchDomains", Plain),
        ("extraHosts", List(&HOST_ENTRY)),
        ("interactive", Plain),
        ("pseudoTerminal", Plain),
        ("privileged", Plain),
        ("readonlyRootFilesystem", Plain),
        ("disableNetworking", Plain),
        ("dockerSecurityOptions", Plain),
        ("ulimits", List(&ULIMIT)),
        ("systemControls", List(&SYSTEM_CONTROL)),
        ("linuxParameters", Object(&LINUX_PARAMETERS)),
        ("logConfiguration", Object(&LOG_CONFIGURATION)),
        ("volumesFrom", List(&VOLUME_FROM)),
        ("resourceRequirements", List(&RESOURCE_REQUIREMENT)),
        (
            "firelensConfiguration",
            Ignored(
                "object",
                "logs are not routed: what `awsfirelens` would send through this container goes to the engine's own logging",
            ),
        ),
        (
            "credentialSpecs",
            Ignored(
                "array",
                "tickets of Active Directory are fetched by the agent of ECS; the container gets none here",
            ),
        ),
    ],
};

pub(super) static ENVIRONMENT_FILE: Shape =
    Shape { name: "an environment file", fields: &[("type", Plain), ("value", Plain)] };

pub(super) static SECRET: Shape = Shape {
    name: "a secret",
    fields: &[("name", Plain), ("valueFrom", Plain), ("path", Plain), ("mode", Plain), ("owner", Plain)],
};
pub(super) static REPOSITORY_CREDENTIALS: Shape =
    Shape { name: "repositoryCredentials", fields: &[("credentialsParameter", Plain)] };

pub(super) static KEY_VALUE_PAIR: Shape =
    Shape { name: "an environment variable", fields: &[("name", Plain), ("value", Plain)] };

pub(super) static PORT_MAPPING: Shape = Shape {
    name: "a port mapping",
    fields: &[
        ("containerPort", Plain),
        ("containerPortRange", Plain),
        ("hostPort", Plain),
        ("protocol", Plain),
        ("name", Plain),
        ("appProtocol", Ignored("string", OF_SERVICE_CONNECT)),
    ],
};

pub(super) static HEALTH_CHECK: Shape = Shape {
    name: "healthCheck",
    fields: &[
        ("command", Plain),
        ("httpGet", Object(&HTTP_GET)),
        ("tcpSocket", Object(&TCP_SOCKET)),
        ("grpc", Object(&GRPC)),
        ("interval", Plain),
        ("timeout", Plain),
        ("retries", Plain),
        ("startPeriod", Plain),
    ],
};

pub(super) static READINESS_CHECK: Shape = Shape {
    name: "readinessCheck",
    fields: &[
        ("httpGet", Object(&HTTP_GET)),
        ("tcpSocket", Object(&TCP_SOCKET)),
        ("grpc", Object(&GRPC)),
        ("interval", Plain),
        ("timeout", Plain),
        ("retries", Plain),
        ("startPeriod", Plain),
    ],
};

pub(super) static HTTP_GET: Shape = Shape {
    name: "httpGet",
    fields: &[
        ("path", Plain),
        ("port", Plain),
        ("scheme", Plain),
        ("host", Plain),
        ("httpHeaders", List(&HTTP_HEADER)),
    ],
};

pub(super) static HTTP_HEADER: Shape = Shape { name: "a header", fields: &[("name", Plain), ("value", Plain)] };

pub(super) static TCP_SOCKET: Shape = Shape { name: "tcpSocket", fields: &[("port", Plain)] };

pub(super) static GRPC: Shape = Shape { name: "grpc", fields: &[("port", Plain), ("service", Plain)] };

pub(super) static CONTAINER_DEPENDENCY: Shape =
    Shape { name: "a dependency", fields: &[("containerName", Plain), ("condition", Plain)] };

pub(super) static RESTART_POLICY: Shape = Shape {
    name: "restartPolicy",
    fields: &[("enabled", Plain), ("ignoredExitCodes", Plain), ("restartAttemptPeriod", Plain)],
};

pub(super) static MOUNT_POINT: Shape =
    Shape { name: "a mount point", fields: &[("sourceVolume", Plain), ("containerPath", Plain), ("readOnly", Plain)] };

pub(super) static HOST_ENTRY: Shape =
    Shape { name: "a line of extraHosts", fields: &[("hostname", Plain), ("ipAddress", Plain)] };

pub(super) static ULIMIT: Shape =
    Shape { name: "a ulimit", fields: &[("name", Plain), ("softLimit", Plain), ("hardLimit", Plain)] };

pub(super) static SYSTEM_CONTROL: Shape =
    Shape { name: "a system control", fields: &[("namespace", Plain), ("value", Plain)] };

pub(super) static LINUX_PARAMETERS: Shape = Shape {
    name: "linuxParameters",
    fields: &[
        ("capabilities", Object(&CAPABILITIES)),
        ("devices", List(&DEVICE)),
        ("initProcessEnabled", Plain),
        ("sharedMemorySize", Plain),
        ("tmpfs", List(&TMPFS)),
        ("maxSwap", Plain),
        ("swappiness", Plain),
    ],
};

pub(super) static CAPABILITIES: Shape = Shape { name: "capabilities", fields: &[("add", Plain), ("drop", Plain)] };

pub(super) static DEVICE: Shape =
    Shape { name: "a device", fields: &[("hostPath", Plain), ("containerPath", Plain), ("permissions", Plain)] };

pub(super) static TMPFS: Shape =
    Shape { name: "a tmpfs", fields: &[("containerPath", Plain), ("size", Plain), ("mountOptions", Plain)] };

pub(super) static LOG_CONFIGURATION: Shape = Shape {
    name: "logConfiguration",
    fields: &[("logDriver", Plain), ("options", Map), ("secretOptions", List(&SECRET_OPTION))],
};

pub(super) static SECRET_OPTION: Shape =
    Shape { name: "a secret option", fields: &[("name", Plain), ("valueFrom", Plain)] };

pub(super) static VOLUME_FROM: Shape =
    Shape { name: "an entry of volumesFrom", fields: &[("sourceContainer", Plain), ("readOnly", Plain)] };

pub(super) static RESOURCE_REQUIREMENT: Shape = Shape {
    name: "a resource requirement",
    fields: &[
        ("type", Plain),
        ("value", Plain),
        ("sharingStrategy", Refused("graphics processors are given to containers whole; remove it to have whole ones")),
    ],
};

pub(super) static RUNTIME_PLATFORM: Shape =
    Shape { name: "runtimePlatform", fields: &[("cpuArchitecture", Plain), ("operatingSystemFamily", Plain)] };

pub(super) static TAG: Shape = Shape { name: "a tag", fields: &[("key", Plain), ("value", Plain)] };

pub(super) static VOLUME: Shape = Shape {
    name: "a volume",
    fields: &[
        ("name", Plain),
        ("host", Object(&HOST_VOLUME)),
        ("dockerVolumeConfiguration", Object(&DOCKER_VOLUME)),
        ("efsVolumeConfiguration", Refused(MOUNT_IT_YOURSELF)),
        ("fsxWindowsFileServerVolumeConfiguration", Refused(MOUNT_IT_YOURSELF)),
        ("s3filesVolumeConfiguration", Refused(MOUNT_IT_YOURSELF)),
        (
            "configuredAtLaunch",
            Refused(
                "no disk of AWS is attached here: use `dockerVolumeConfiguration` with `scope: shared`, or `host.sourcePath`",
            ),
        ),
    ],
};

pub(super) static HOST_VOLUME: Shape = Shape { name: "host", fields: &[("sourcePath", Plain)] };

pub(super) static DOCKER_VOLUME: Shape = Shape {
    name: "dockerVolumeConfiguration",
    fields: &[("scope", Plain), ("autoprovision", Plain), ("driver", Plain), ("driverOpts", Map), ("labels", Map)],
};

#[cfg(test)]
mod tests;
