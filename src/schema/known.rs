//! Every field that ECS has, by the object it stands in: what is supported, and what is only known by name. Those of a task
//! definition are in `parameters`.
//!
//! The supported fields repeat the types in `manifest`; a test holds the two together. Sources: the ECS API reference,
//! `CreateService`, `UpdateService`, `CreateCluster`.

use crate::manifest::Kind;

/// What stands in a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Field {
    /// A text, a number, a boolean or a list of texts.
    Plain,
    /// One object.
    Object(&'static Shape),
    /// A list of objects.
    List(&'static Shape),
    /// A mapping whose keys are the user's own.
    Map,
    /// A field of ECS that is accepted and has no effect on a Docker host: the type of its value, empty when it has several, and why.
    Ignored(&'static str, &'static str),
    /// A field of ECS that would be dangerous to ignore: what to do instead.
    Refused(&'static str),
    /// A field of ECS that is not supported yet.
    NotYet,
}

impl Field {
    /// Whether it may be written.
    pub(super) fn is_accepted(self) -> bool {
        match self {
            Plain | Object(_) | List(_) | Map | Ignored(..) => true,
            Refused(_) | NotYet => false,
        }
    }
}

/// An object and its fields.
#[derive(Debug)]
pub(super) struct Shape {
    /// The name in a sentence: "is not a field of Service.spec".
    pub(super) name: &'static str,
    pub(super) fields: &'static [(&'static str, Field)],
}

impl Shape {
    pub(super) fn field(&self, name: &str) -> Option<Field> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    /// The fields that may be written.
    pub(super) fn supported(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().filter(|(_, field)| field.is_accepted()).map(|(name, _)| *name)
    }
}

use Field::{Ignored, List, Map, NotYet, Object, Plain, Refused};

use super::parameters::{
    CAPABILITIES, CONTAINER_DEFINITION, CONTAINER_DEPENDENCY, DEVICE, DOCKER_VOLUME, ENVIRONMENT_FILE, GRPC,
    HEALTH_CHECK, HOST_ENTRY, HOST_VOLUME, HTTP_GET, HTTP_HEADER, KEY_VALUE_PAIR, LINUX_PARAMETERS, LOG_CONFIGURATION,
    MOUNT_POINT, PORT_MAPPING, READINESS_CHECK, REPOSITORY_CREDENTIALS, RESOURCE_REQUIREMENT, RESTART_POLICY,
    RUNTIME_PLATFORM, SECRET, SECRET_OPTION, SYSTEM_CONTROL, TAG, TASK_DEFINITION_SPEC, TCP_SOCKET, TMPFS, ULIMIT,
    VOLUME, VOLUME_FROM,
};

static METADATA: Shape = Shape { name: "metadata", fields: &[("name", Plain), ("annotations", Object(&ANNOTATIONS))] };

/// What else is in it is the user's own.
static ANNOTATIONS: Shape = Shape { name: "annotations", fields: &[("reconcile/allow", Plain)] };

macro_rules! document {
    ($constant:ident, $name:literal, $spec:ident) => {
        static $constant: Shape = Shape {
            name: $name,
            fields: &[
                ("apiVersion", Plain),
                ("kind", Plain),
                ("metadata", Object(&METADATA)),
                ("spec", Object(&$spec)),
            ],
        };
    };
}

document!(CLUSTER, "Cluster", CLUSTER_SPEC);
document!(TASK_DEFINITION, "TaskDefinition", TASK_DEFINITION_SPEC);
document!(SERVICE, "Service", SERVICE_SPEC);

static CLUSTER_SPEC: Shape = Shape {
    name: "Cluster.spec",
    fields: &[
        ("clusterName", Plain),
        ("imagePullBehavior", Plain),
        ("reservedCpu", Plain),
        ("reservedMemory", Plain),
        ("capacityProviders", NotYet),
        ("configuration", NotYet),
        ("defaultCapacityProviderStrategy", NotYet),
        ("serviceConnectDefaults", NotYet),
        ("settings", NotYet),
        ("tags", NotYet),
    ],
};

static SERVICE_SPEC: Shape = Shape {
    name: "Service.spec",
    fields: &[
        ("serviceName", Plain),
        ("cluster", Plain),
        ("taskDefinition", Plain),
        ("desiredCount", Plain),
        ("deploymentConfiguration", Object(&DEPLOYMENT_CONFIGURATION)),
        ("healthCheckGracePeriodSeconds", Plain),
        ("imagePullBehavior", Plain),
        ("schedulingStrategy", Plain),
        ("availabilityZoneRebalancing", NotYet),
        ("capacityProviderStrategy", NotYet),
        ("clientToken", NotYet),
        ("deploymentController", NotYet),
        ("enableECSManagedTags", NotYet),
        ("enableExecuteCommand", NotYet),
        ("forceNewDeployment", NotYet),
        ("launchType", NotYet),
        ("loadBalancers", NotYet),
        ("networkConfiguration", NotYet),
        ("placementConstraints", NotYet),
        ("placementStrategy", NotYet),
        ("platformVersion", NotYet),
        ("propagateTags", NotYet),
        ("role", NotYet),
        ("serviceConnectConfiguration", NotYet),
        ("serviceRegistries", NotYet),
        ("tags", NotYet),
        ("volumeConfigurations", NotYet),
        ("vpcLatticeConfigurations", NotYet),
    ],
};

static DEPLOYMENT_CONFIGURATION: Shape = Shape {
    name: "deploymentConfiguration",
    fields: &[
        ("minimumHealthyPercent", Plain),
        ("maximumPercent", Plain),
        ("minReadySeconds", Plain),
        ("deploymentCircuitBreaker", Object(&CIRCUIT_BREAKER)),
        ("alarms", NotYet),
        ("bakeTimeInMinutes", NotYet),
        ("canaryConfiguration", NotYet),
        ("earlySuccessCriteria", NotYet),
        ("lifecycleHooks", List(&LIFECYCLE_HOOK)),
        ("linearConfiguration", NotYet),
        ("strategy", NotYet),
    ],
};

static LIFECYCLE_HOOK: Shape = Shape {
    name: "lifecycleHooks",
    fields: &[
        ("taskDefinition", Plain),
        ("lifecycleStages", Plain),
        ("timeoutSeconds", Plain),
        ("hookDetails", Refused("write what the hook is to know into the `environment` of its TaskDefinition")),
        (
            "hookTargetArn",
            Refused("a hook is a task here: name a TaskDefinition in `taskDefinition` that does the same"),
        ),
        ("roleArn", Ignored("string", "a hook is a task on this host, and needs no role to be called")),
    ],
};

static CIRCUIT_BREAKER: Shape = Shape {
    name: "deploymentCircuitBreaker",
    fields: &[
        ("enable", Plain),
        ("rollback", Plain),
        ("resetOnHealthyTask", Plain),
        ("thresholdConfiguration", Object(&THRESHOLD)),
    ],
};

static THRESHOLD: Shape = Shape { name: "thresholdConfiguration", fields: &[("type", Plain), ("value", Plain)] };

/// Every object, for the search after a field that stands elsewhere. The more likely come first.
pub(super) static SHAPES: [&Shape; 39] = [
    &SERVICE_SPEC,
    &TASK_DEFINITION_SPEC,
    &CONTAINER_DEFINITION,
    &DEPLOYMENT_CONFIGURATION,
    &CIRCUIT_BREAKER,
    &THRESHOLD,
    &LIFECYCLE_HOOK,
    &HEALTH_CHECK,
    &PORT_MAPPING,
    &MOUNT_POINT,
    &CONTAINER_DEPENDENCY,
    &RESTART_POLICY,
    &VOLUME,
    &REPOSITORY_CREDENTIALS,
    &DOCKER_VOLUME,
    &CLUSTER_SPEC,
    &HOST_VOLUME,
    &LINUX_PARAMETERS,
    &LOG_CONFIGURATION,
    &RUNTIME_PLATFORM,
    &CAPABILITIES,
    &DEVICE,
    &TMPFS,
    &ULIMIT,
    &SYSTEM_CONTROL,
    &RESOURCE_REQUIREMENT,
    &HOST_ENTRY,
    &VOLUME_FROM,
    &TAG,
    &KEY_VALUE_PAIR,
    &ENVIRONMENT_FILE,
    &SECRET,
    &SECRET_OPTION,
    &READINESS_CHECK,
    &HTTP_GET,
    &TCP_SOCKET,
    &GRPC,
    &HTTP_HEADER,
    &METADATA,
];

/// The shape of a whole document.
pub(super) fn document_shape(kind: Kind) -> &'static Shape {
    match kind {
        Kind::Cluster => &CLUSTER,
        Kind::TaskDefinition => &TASK_DEFINITION,
        Kind::Service => &SERVICE,
    }
}

/// The shape of the object at a JSON pointer, unless its keys are the user's own.
pub(super) fn shape_at(kind: Kind, pointer: &str) -> Option<&'static Shape> {
    let mut shape = document_shape(kind);
    let mut tokens = pointer.split('/').skip(1);
    while let Some(token) = tokens.next() {
        shape = match shape.field(token)? {
            Object(inner) => inner,
            List(inner) => {
                tokens.next()?;
                inner
            }
            Plain | Map | Ignored(..) | Refused(_) | NotYet => return None,
        };
    }
    Some(shape)
}
