//! Every limit of a task definition: one row for each.

use crate::cli::render::problems::render_short;
use crate::load::{load_texts, validate_loaded};
use crate::problem::{Code, Problem, Severity};

fn problems_of(text: &str) -> Vec<Problem> {
    let loaded = load_texts(vec![("m.yaml".to_owned(), text.to_owned())]);
    assert!(loaded.problems.is_empty(), "{text}\n{}", render_short(&loaded.problems));
    validate_loaded(&loaded).problems
}

/// A task definition of one container `web`, with more fields for the task and for the container, each as YAML in one line.
fn definition(task: &str, container: &str) -> String {
    let lines = |text: &str, indent: &str| text.lines().flat_map(|line| [indent, line, "\n"]).collect::<String>();
    format!(
        "apiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: {{ name: web }}\nspec:\n{}  containerDefinitions:\n  \
         - name: web\n    image: web:1\n{}",
        lines(task, "  "),
        lines(container, "    ")
    )
}

/// Fields of the task, fields of the container, and what is found: its severity, its code and the text at its place.
type Row<'a> = (&'a str, &'a str, Severity, Code, &'a str);

#[track_caller]
fn expect_rows(rows: &[Row<'_>]) {
    for (task, container, severity, code, at) in rows {
        let text = definition(task, container);
        let problems = problems_of(&text);
        assert_eq!(problems.len(), 1, "{text}\n{}", render_short(&problems));
        let place = problems[0].place.as_ref().expect("a problem of a document has a place");
        let found = (problems[0].severity, problems[0].code, &text[place.bytes.clone()]);
        assert_eq!(found, (*severity, *code, *at), "{text}\n{}", render_short(&problems));
    }
}

use Code::{
    Conflict, Duplicate, EcsWouldRefuse, Malformed, MissingField, NoEffect, NotAllowed, OutOfRange, Refused,
    UndefinedReference, UnknownField, WrongType,
};
use Severity::{Error, Warning};

#[test]
fn what_is_right_has_no_problem() {
    for (task, container) in [
        ("networkMode: host", "portMappings: [{ containerPort: 80 }, { containerPort: 81, hostPort: 81 }]"),
        ("networkMode: none", "hostname: web"),
        ("cpu: 512\nmemory: \"1 GB\"", "memory: 1024"),
        ("cpu: .5 vCPU\nmemory: 1GB", ""),
        ("pidMode: host\nipcMode: none", ""),
        ("runtimePlatform: { cpuArchitecture: X86_64, operatingSystemFamily: LINUX }", ""),
        ("tags: [{ key: team, value: shop }, { key: empty }]", ""),
        ("", "portMappings: [{ containerPortRange: 8000-8009 }, { containerPort: 53, protocol: udp }]"),
        ("", "portMappings: [{ containerPort: 53 }, { containerPort: 53, protocol: udp }]"),
        (
            "",
            "ulimits: [{ name: nofile, softLimit: 1024, hardLimit: -1 }, { name: core, softLimit: -1, hardLimit: -1 }]",
        ),
        (
            "",
            "systemControls: [{ namespace: net.core.somaxconn, value: \"1\" }, { namespace: fs.mqueue.msg_max, value: \"9\" }]",
        ),
        (
            "",
            "dockerSecurityOptions: [no-new-privileges, 'apparmor:docker-default', 'label:type:x', 'no-new-privileges:true']",
        ),
        (
            "",
            "extraHosts: [{ hostname: a, ipAddress: 10.0.0.1 }, { hostname: a, ipAddress: '::1' }, { hostname: h, ipAddress: host-gateway }]",
        ),
        ("", "memory: 64\nlinuxParameters: { maxSwap: 0, swappiness: 0, initProcessEnabled: true }"),
        ("memory: 64", "linuxParameters: { maxSwap: 64 }"),
        ("", "linuxParameters: { capabilities: { add: [SYS_PTRACE], drop: [ALL] } }"),
        ("", "resourceRequirements: [{ type: GPU, value: \"2\" }]"),
        ("", "logConfiguration: { logDriver: json-file, options: { max-size: 10m } }"),
        // What asks for nothing is nothing.
        (
            "placementConstraints: []\nproxyConfiguration: null\nenableFaultInjection: false",
            "credentialSpecs: []\nsecrets: []",
        ),
    ] {
        let text = definition(task, container);
        assert!(problems_of(&text).is_empty(), "{text}\n{}", render_short(&problems_of(&text)));
    }
}

#[test]
fn limits_of_the_task() {
    expect_rows(&[
        ("cpu: 127", "", Error, OutOfRange, "127"),
        ("cpu: 200 vCPU", "", Error, OutOfRange, "200 vCPU"),
        ("cpu: a lot", "", Error, Malformed, "a lot"),
        ("cpu: [1]", "", Error, WrongType, "[1]"),
        ("memory: 5", "", Error, OutOfRange, "5"),
        ("memory: 512MB", "", Error, Malformed, "512MB"),
        ("memory: 64", "memory: 65", Error, Conflict, "65"),
        ("memory: 64", "memoryReservation: 65", Error, Conflict, "65"),
        ("networkMode: default", "", Error, NotAllowed, "default"),
        ("pidMode: none", "", Error, NotAllowed, "none"),
        (
            "runtimePlatform: { operatingSystemFamily: WINDOWS_SERVER_2022_CORE }",
            "",
            Error,
            Refused,
            "WINDOWS_SERVER_2022_CORE",
        ),
        ("runtimePlatform: { operatingSystemFamily: BSD }", "", Error, Malformed, "BSD"),
        ("runtimePlatform: { cpuArchitecture: MIPS }", "", Error, NotAllowed, "MIPS"),
        ("tags: [{ key: a }, { key: a }]", "", Error, Duplicate, "a"),
        ("tags: [{ value: a }]", "", Error, MissingField, "{ value: a }"),
        ("requiresCompatibilities: [LAMBDA]", "", Error, NotAllowed, "LAMBDA"),
        ("requiresCompatibilities: [EC2]", "", Warning, EcsWouldRefuse, "web"),
        ("proxyConfiguration: { containerName: envoy }", "", Error, Refused, "proxyConfiguration"),
        (
            "trustedExecutionConfiguration: { isolationMode: SHARED }",
            "",
            Error,
            Refused,
            "trustedExecutionConfiguration",
        ),
        ("taskRoleArn: arn:aws:iam::1:role/x", "", Warning, NoEffect, "taskRoleArn"),
        ("ephemeralStorage: { sizeInGiB: 30 }", "", Warning, NoEffect, "ephemeralStorage"),
        ("taskRoleArn: [x]", "", Error, WrongType, "[x]"),
    ]);
}

#[test]
fn limits_of_the_container() {
    let long = "a".repeat(256);
    let (image, tag) = (format!("user: a\nworkingDirectory: /{long}"), format!("tags: [{{ key: {} }}]", &long[..129]));
    assert!(problems_of(&definition("", &image)).is_empty(), "a path has no such limit");
    assert_eq!(problems_of(&definition(&tag, ""))[0].code, OutOfRange);
    let value = format!("tags: [{{ key: a, value: {long}a }}]");
    assert_eq!(problems_of(&definition(&value, ""))[0].code, OutOfRange);
    let image = definition("", "").replace("web:1", &long);
    assert_eq!(problems_of(&image)[0].code, OutOfRange);
    let name = definition("", "").replace("name: web\n", &format!("name: {long}\n"));
    assert_eq!(problems_of(&name)[0].code, OutOfRange);
    let links = format!("links: ['side:{long}']");
    let text = format!("{}  - {{ name: side, image: 'side:1' }}\n", definition("", &links));
    assert_eq!(problems_of(&text).iter().map(|problem| problem.code).collect::<Vec<_>>(), [OutOfRange], "{text}");
    // As in a YAML block, which ends with a line break.
    assert!(problems_of(&definition("cpu: |\n  256\nmemory: \"1\\tGB\"", "")).is_empty());
    expect_rows(&[
        ("", "cpu: -1", Error, OutOfRange, "-1"),
        ("", "memory: 6\nmemoryReservation: 6", Error, Conflict, "6"),
        ("", "memoryReservation: 5", Error, OutOfRange, "5"),
        ("", "essential: false", Error, Code::NoEssentialContainer, "containerDefinitions"),
        ("", "stopTimeout: -1", Error, OutOfRange, "-1"),
        ("", "stopTimeout: 86401", Error, OutOfRange, "86401"),
        ("", "user: 'a b'", Error, Malformed, "'a b'"),
        ("", "workingDirectory: srv", Error, Malformed, "srv"),
        ("", "entryPoint: sh", Error, WrongType, "sh"),
        ("", "privileged: yes", Error, WrongType, "yes"),
        ("", "environment: [{ name: 'A=', value: a }]", Error, Malformed, "'A='"),
        ("", "environment: [{ name: A }]", Error, MissingField, "{ name: A }"),
        ("", "environment: [{ name: A, value: a }, { name: A, value: b }]", Warning, Duplicate, "A"),
        ("", "healthCheck: { command: [CMD] }", Error, OutOfRange, "[CMD]"),
        ("", "healthCheck: { command: [curl, a] }", Error, Malformed, "curl"),
        ("", "healthCheck: { command: [CMD, a], interval: 4 }", Error, OutOfRange, "4"),
        ("", "healthCheck: { command: [CMD, a], interval: 301 }", Error, OutOfRange, "301"),
        ("", "healthCheck: { command: [CMD, a], timeout: 1 }", Error, OutOfRange, "1"),
        ("", "healthCheck: { command: [CMD, a], timeout: 61 }", Error, OutOfRange, "61"),
        ("", "healthCheck: { command: [CMD, a], retries: 0 }", Error, OutOfRange, "0"),
        ("", "healthCheck: { command: [CMD, a], retries: 11 }", Error, OutOfRange, "11"),
        ("", "healthCheck: { command: [CMD, a], startPeriod: 301 }", Error, OutOfRange, "301"),
        ("", "dockerLabels: { reconcile.tag.team: a }", Error, Code::Reserved, "reconcile.tag.team"),
    ]);
}

#[test]
fn limits_of_ports_and_networks() {
    expect_rows(&[
        ("", "portMappings: [{ hostPort: 80 }]", Error, MissingField, "{ hostPort: 80 }"),
        ("", "portMappings: [{ containerPort: 0 }]", Error, OutOfRange, "0"),
        ("", "portMappings: [{ containerPort: 1, containerPortRange: 1-2 }]", Error, Conflict, "containerPortRange"),
        ("", "portMappings: [{ containerPortRange: 1-2, hostPort: 1 }]", Error, Conflict, "hostPort"),
        ("", "portMappings: [{ containerPortRange: 9-2 }]", Error, OutOfRange, "9-2"),
        ("", "portMappings: [{ containerPortRange: 0-2 }]", Error, OutOfRange, "0-2"),
        ("", "portMappings: [{ containerPortRange: 1-65536 }]", Error, OutOfRange, "1-65536"),
        ("", "portMappings: [{ containerPortRange: '80' }]", Error, Malformed, "'80'"),
        ("", "portMappings: [{ containerPort: 5 }, { containerPortRange: 1-9 }]", Error, Duplicate, "1-9"),
        ("", "portMappings: [{ containerPortRange: 1-2000 }]", Error, OutOfRange, "containerDefinitions"),
        (
            "",
            "portMappings: [{ containerPort: 1, hostPort: 9 }, { containerPort: 2, hostPort: 9 }]",
            Error,
            Duplicate,
            "9",
        ),
        ("", "portMappings: [{ containerPort: 1, protocol: sctp }]", Error, NotAllowed, "sctp"),
        ("", "portMappings: [{ containerPort: 22, hostPort: 22 }]", Warning, EcsWouldRefuse, "22"),
        ("", "portMappings: [{ containerPort: 1, hostPort: 51678 }]", Warning, EcsWouldRefuse, "51678"),
        ("", "portMappings: [{ containerPort: 1, name: a, appProtocol: http }]", Warning, NoEffect, "appProtocol"),
        ("networkMode: host", "portMappings: [{ containerPort: 1, hostPort: 2 }]", Error, Conflict, "2"),
        (
            "networkMode: host",
            "portMappings: [{ containerPort: 1 }, { containerPort: 1 }]",
            Error,
            Duplicate,
            "{ containerPort: 1 }",
        ),
        ("networkMode: none", "portMappings: [{ containerPort: 1 }]", Error, Conflict, "portMappings"),
        ("", "disableNetworking: true\nportMappings: [{ containerPort: 1 }]", Error, Conflict, "portMappings"),
        ("", "hostname: 'a b'", Error, Malformed, "'a b'"),
        ("", "dnsServers: [ns1]", Error, Malformed, "ns1"),
        ("", "extraHosts: [{ hostname: a, ipAddress: b }]", Error, Malformed, "b"),
        ("", "extraHosts: [{ hostname: 'a:b', ipAddress: 10.0.0.1 }]", Error, Malformed, "'a:b'"),
        ("", "links: [db]", Error, UndefinedReference, "db"),
        ("", "links: [web]", Error, Conflict, "web"),
        ("", "links: ['a:b:c']", Error, Malformed, "'a:b:c'"),
        (
            "networkMode: host",
            "systemControls: [{ namespace: net.core.somaxconn, value: \"1\" }]",
            Error,
            Conflict,
            "net.core.somaxconn",
        ),
        (
            "ipcMode: host",
            "systemControls: [{ namespace: kernel.shmmax, value: \"1\" }]",
            Error,
            Conflict,
            "kernel.shmmax",
        ),
    ]);
}

/// With `awsvpc` more than the mode itself is told.
#[test]
fn awsvpc_excludes_what_belongs_to_the_network_of_one_container() {
    for field in [
        "hostname: a",
        "dnsServers: [10.0.0.1]",
        "dnsSearchDomains: [a.b]",
        "extraHosts: [{ hostname: a, ipAddress: 10.0.0.1 }]",
    ] {
        let problems = problems_of(&definition("networkMode: awsvpc", field));
        let name = field.split(':').next().unwrap_or_default();
        assert!(problems.iter().any(|problem| problem.code == Conflict && problem.message.contains(name)), "{field}");
    }
    let problems = problems_of(&definition("networkMode: awsvpc", "portMappings: [{ containerPort: 1, hostPort: 2 }]"));
    assert!(problems.iter().any(|problem| problem.code == EcsWouldRefuse), "{}", render_short(&problems));
}

#[test]
fn limits_of_the_kernel() {
    expect_rows(&[
        ("", "ulimits: [{ name: files, softLimit: 1, hardLimit: 1 }]", Error, NotAllowed, "files"),
        ("", "ulimits: [{ name: nofile, softLimit: 2, hardLimit: 1 }]", Error, Conflict, "2"),
        ("", "ulimits: [{ name: nofile, softLimit: -1, hardLimit: 1 }]", Error, Conflict, "-1"),
        ("", "ulimits: [{ name: nofile, softLimit: -2, hardLimit: 1 }]", Error, OutOfRange, "-2"),
        ("", "ulimits: [{ name: nofile, hardLimit: 1 }]", Error, MissingField, "{ name: nofile, hardLimit: 1 }"),
        (
            "",
            "ulimits: [{ name: cpu, softLimit: 1, hardLimit: 1 }, { name: cpu, softLimit: 1, hardLimit: 1 }]",
            Error,
            Duplicate,
            "cpu",
        ),
        ("", "systemControls: [{ namespace: vm.swappiness, value: \"1\" }]", Error, NotAllowed, "vm.swappiness"),
        ("", "systemControls: [{ namespace: kernel.shmmax, value: 1 }]", Error, WrongType, "1"),
        (
            "",
            "systemControls: [{ namespace: kernel.sem, value: a }, { namespace: kernel.sem, value: b }]",
            Error,
            Duplicate,
            "kernel.sem",
        ),
    ]);
}

#[test]
fn limits_of_linux_parameters_and_devices() {
    expect_rows(&[
        ("", "linuxParameters: { capabilities: { add: [CAP_SYS_PTRACE] } }", Error, NotAllowed, "CAP_SYS_PTRACE"),
        ("", "linuxParameters: { capabilities: { drop: [net_raw] } }", Error, NotAllowed, "net_raw"),
        ("", "linuxParameters: { sharedMemorySize: 0 }", Error, OutOfRange, "0"),
        ("", "linuxParameters: { swappiness: 101, maxSwap: 1 }\nmemory: 6", Error, OutOfRange, "101"),
        ("", "linuxParameters: { maxSwap: -1 }", Error, OutOfRange, "-1"),
        ("", "linuxParameters: { maxSwap: 1 }", Error, Conflict, "maxSwap"),
        ("", "linuxParameters: { swappiness: 1 }", Warning, NoEffect, "swappiness"),
        ("", "linuxParameters: { tmpfs: [{ containerPath: /a }] }", Error, MissingField, "{ containerPath: /a }"),
        ("", "linuxParameters: { tmpfs: [{ containerPath: a, size: 1 }] }", Error, Malformed, "a"),
        (
            "",
            "linuxParameters: { tmpfs: [{ containerPath: /a, size: 1, mountOptions: ['a,b'] }] }",
            Error,
            Malformed,
            "'a,b'",
        ),
        (
            "",
            "linuxParameters: { tmpfs: [{ containerPath: /a, size: 1 }, { containerPath: /a, size: 1 }] }",
            Error,
            Duplicate,
            "/a",
        ),
        ("", "linuxParameters: { devices: [{ hostPath: dev }] }", Error, Malformed, "dev"),
        (
            "",
            "linuxParameters: { devices: [{ hostPath: /dev/a, permissions: [execute] }] }",
            Error,
            NotAllowed,
            "execute",
        ),
        (
            "",
            "linuxParameters: { devices: [{ hostPath: /dev/a, permissions: [read, read] }] }",
            Error,
            Duplicate,
            "[read, read]",
        ),
        ("", "dockerSecurityOptions: [seccomp=unconfined]", Error, NotAllowed, "seccomp=unconfined"),
        ("", "dockerSecurityOptions: ['credentialspec:file://a']", Error, Refused, "'credentialspec:file://a'"),
        ("", "resourceRequirements: [{ type: TPU, value: \"1\" }]", Error, NotAllowed, "TPU"),
        (
            "",
            "resourceRequirements: [{ type: InferenceAccelerator, value: \"1\" }]",
            Error,
            Refused,
            "InferenceAccelerator",
        ),
        ("", "resourceRequirements: [{ type: GPU, value: \"0\" }]", Error, Malformed, "\"0\""),
        ("", "resourceRequirements: [{ type: GPU, value: \"1\" }, { type: GPU, value: ALL }]", Error, Duplicate, "GPU"),
        (
            "",
            "resourceRequirements: [{ type: GPU, value: \"1\", sharingStrategy: { nvidiaMps: {} } }]",
            Error,
            Refused,
            "sharingStrategy",
        ),
        ("", "memory: 5", Error, OutOfRange, "5"),
        ("", "cpu: 262145", Error, OutOfRange, "262145"),
    ]);
}

#[test]
fn limits_of_logs_and_volumes() {
    expect_rows(&[
        ("", "logConfiguration: { logDriver: awslogs, options: { awslogs-group: a } }", Warning, NoEffect, "awslogs"),
        ("", "logConfiguration: { logDriver: awsfirelens }", Warning, NoEffect, "awsfirelens"),
        ("", "logConfiguration: { logDriver: file }", Error, NotAllowed, "file"),
        ("", "logConfiguration: { options: {} }", Error, MissingField, "logConfiguration"),
        (
            "",
            "logConfiguration: { logDriver: syslog, secretOptions: [{ name: tag, valueFrom: hunter 2 }] }",
            Error,
            Malformed,
            "hunter 2",
        ),
        (
            "",
            "logConfiguration: { logDriver: syslog, secretOptions: [{ name: a, valueFrom: 'env:A' }, { name: a, valueFrom: 'env:B' }] }",
            Error,
            Duplicate,
            "a",
        ),
        (
            "",
            "logConfiguration: { logDriver: syslog, options: { a: b }, secretOptions: [{ name: a, valueFrom: 'env:A' }] }",
            Warning,
            Duplicate,
            "a",
        ),
        (
            "",
            "logConfiguration: { logDriver: syslog, secretOptions: [{ name: a, valueFrom: 'env:A', path: /x }] }",
            Error,
            UnknownField,
            "path",
        ),
        ("", "firelensConfiguration: { type: fluentbit }", Warning, NoEffect, "firelensConfiguration"),
        ("", "volumesFrom: [{ sourceContainer: db }]", Error, UndefinedReference, "db"),
        ("", "volumesFrom: [{ sourceContainer: web }]", Error, Conflict, "web"),
        (
            "volumes: [{ name: a, efsVolumeConfiguration: { fileSystemId: fs-1 } }]",
            "",
            Error,
            Refused,
            "efsVolumeConfiguration",
        ),
        ("volumes: [{ name: a, configuredAtLaunch: true }]", "", Error, Refused, "configuredAtLaunch"),
        (
            "volumes: [{ name: a, host: {}, dockerVolumeConfiguration: {} }]",
            "",
            Error,
            Conflict,
            "dockerVolumeConfiguration",
        ),
        ("volumes: [{ name: a }, { name: a }]", "", Error, Duplicate, "a"),
        ("", "mountPoints: [{ sourceVolume: a, containerPath: /a }]", Error, UndefinedReference, "a"),
        (
            "volumes: [{ name: a }]",
            "mountPoints: [{ sourceVolume: a, containerPath: /a }]\nlinuxParameters: { tmpfs: [{ containerPath: /a, size: 1 }] }",
            Error,
            Duplicate,
            "/a",
        ),
    ]);
}

#[test]
fn containers_that_would_each_come_first_are_refused() {
    let two = |web: &str, db: &str| {
        definition("", &format!("{web}\n")) + &format!("  - name: db\n    image: db:1\n    {db}\n")
    };
    assert!(problems_of(&two("links: [db, 'db:database']", "")).is_empty());
    assert!(problems_of(&two("volumesFrom: [{ sourceContainer: db, readOnly: true }]", "")).is_empty());
    for (web, db, code) in [
        ("links: [db]", "links: [web]", Conflict),
        ("links: [db]", "volumesFrom: [{ sourceContainer: web }]", Conflict),
        ("links: ['db:x', 'db:x']", "", Duplicate),
        ("volumesFrom: [{ sourceContainer: db }, { sourceContainer: db }]", "", Duplicate),
    ] {
        let problems = problems_of(&two(web, db));
        assert_eq!(problems.len(), 1, "{}", render_short(&problems));
        assert_eq!(problems[0].code, code, "{web} {db}");
    }
}

#[test]
fn more_than_ten_containers_are_a_warning() {
    let more: String = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
        .iter()
        .flat_map(|name| ["  - name: ", name, "\n    image: c:1\n"])
        .collect();
    let problems = problems_of(&(definition("", "") + &more));
    assert_eq!((problems.len(), problems[0].severity, problems[0].code), (1, Warning, EcsWouldRefuse));
}

#[test]
fn what_fargate_would_refuse_is_a_warning() {
    let warnings = |task: &str, container: &str| {
        let problems = problems_of(&definition(&format!("requiresCompatibilities: [FARGATE]\n{task}"), container));
        assert!(problems.iter().all(|problem| problem.severity == Warning), "{}", render_short(&problems));
        problems.len()
    };
    // The network mode is always one of them here.
    for (cpu, memory, more) in [
        (256, 512, 0),
        (256, 1536, 1),
        (256, 4096, 1),
        (512, 4096, 0),
        (2048, 5120, 0),
        (2048, 5000, 1),
        (4096, 30_720, 0),
        (8192, 20_480, 0),
        (8192, 21_504, 1),
        (16_384, 122_880, 0),
        (300, 512, 1),
    ] {
        assert_eq!(warnings(&format!("cpu: {cpu}\nmemory: {memory}"), ""), 1 + more, "{cpu} {memory}");
    }
    assert_eq!(warnings("memory: 512", ""), 2);
    assert_eq!(warnings("cpu: 256\nmemory: 512", "cpu: 512"), 2);
    assert_eq!(warnings("cpu: 256\nmemory: 512", "privileged: true"), 2);
}

#[test]
fn what_containers_reserve_together_fits_into_their_task() {
    let side = |memory: &str| format!("  - name: side\n    image: s:1\n    {memory}\n");
    for (task, container, side_memory, warns) in [
        ("memory: 512", "memory: 256", "memory: 256", false),
        ("memory: 512", "memory: 256", "memory: 257", true),
        // What is reserved counts, and not the limit above it.
        ("memory: 512", "memory: 512\nmemoryReservation: 256", "memory: 256", false),
        ("memory: 512", "memoryReservation: 512", "memoryReservation: 6", true),
        ("", "memory: 4000", "memory: 4000", false),
    ] {
        let problems = problems_of(&(definition(task, container) + &side(side_memory)));
        let told: Vec<_> = problems.iter().map(|problem| (problem.severity, problem.code)).collect();
        let expected = if warns { vec![(Warning, EcsWouldRefuse)] } else { Vec::new() };
        assert_eq!(told, expected, "{task} {container} {side_memory}: {}", render_short(&problems));
    }
}

#[test]
fn a_sensitive_option_is_not_quoted() {
    let text = definition("", "logConfiguration: { logDriver: splunk, options: { splunk-token: 12345 } }");
    let problems = problems_of(&text);
    assert_eq!((problems.len(), problems[0].code), (1, WrongType));
    assert!(!render_short(&problems).contains("12345"), "{}", render_short(&problems));
}

#[test]
fn lists_that_are_too_long_are_refused() {
    let tags: Vec<String> = (0..51).map(|number| format!("{{ key: tag{number} }}")).collect();
    let problems = problems_of(&definition(&format!("tags: [{}]", tags.join(", ")), ""));
    assert_eq!((problems.len(), problems[0].code), (1, OutOfRange), "{}", render_short(&problems));
    assert_eq!(problems[0].expected.as_deref(), Some("a list of at most 50"));
}

/// One warning for a reason, however many containers and fields it concerns.
#[test]
fn what_has_no_effect_is_told_once() {
    let ports = "portMappings: [{ containerPort: 1, name: a }, { containerPort: 2, name: b, appProtocol: http }]";
    let problems = problems_of(&definition("status: ACTIVE\nrevision: 3\nregisteredBy: me\nregisteredAt: 1", ports));
    let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "no effect on a Docker host: `status`, `revision`, `registeredBy` and 1 more",
            "no effect on a Docker host: `appProtocol`",
        ]
    );
}

#[test]
fn checks_over_the_network() {
    let named = "portMappings: [{ containerPort: 80, name: http }, { containerPort: 53, name: dns, protocol: udp }, { containerPortRange: 1-9, name: many }]";
    expect_rows(&[
        ("", "healthCheck: { retries: 2 }", Error, MissingField, "healthCheck"),
        ("", "healthCheck: { command: [CMD, a], tcpSocket: { port: 80 } }", Error, Conflict, "tcpSocket"),
        ("", "healthCheck: { grpc: { port: 80 }, tcpSocket: { port: 80 } }", Error, Conflict, "grpc"),
        ("", "healthCheck: { tcpSocket: { port: 80 }, interval: 0 }", Error, OutOfRange, "0"),
        ("", "healthCheck: { tcpSocket: {} }", Error, MissingField, "tcpSocket"),
        ("", "healthCheck: { tcpSocket: { port: 0 } }", Error, OutOfRange, "0"),
        ("", "healthCheck: { tcpSocket: { port: 65536 } }", Error, OutOfRange, "65536"),
        ("", "healthCheck: { tcpSocket: { port: [80] } }", Error, WrongType, "[80]"),
        ("", "healthCheck: { httpGet: { port: 80, path: health } }", Error, Malformed, "health"),
        ("", "healthCheck: { httpGet: { port: 80, scheme: https } }", Error, NotAllowed, "https"),
        ("", "healthCheck: { httpGet: { port: 80, host: 'a b' } }", Error, Malformed, "'a b'"),
        ("", "healthCheck: { httpGet: { port: 80, httpHeaders: [{ name: a b, value: c }] } }", Error, Malformed, "a b"),
        ("", "healthCheck: { httpGet: { port: web } }", Error, UndefinedReference, "web"),
        (
            "",
            "healthCheck: { httpGet: { port: 80, httpHeaders: [{ name: authorization, value: a }] } }",
            Error,
            Refused,
            "authorization",
        ),
        (
            "",
            "healthCheck: { httpGet: { port: 80, httpHeaders: [{ name: X-Api-Key, value: a }] } }",
            Error,
            Refused,
            "X-Api-Key",
        ),
        ("", "disableNetworking: true\nhealthCheck: { tcpSocket: { port: 80 } }", Error, Conflict, "tcpSocket"),
        ("networkMode: none", "readinessCheck: { tcpSocket: { port: 80 } }", Error, Conflict, "tcpSocket"),
        ("", "readinessCheck: { interval: 2 }", Error, MissingField, "readinessCheck"),
        ("", "readinessCheck: { command: [CMD, a] }", Error, UnknownField, "command"),
        ("", "readinessCheck: { tcpSocket: { port: 80 }, grpc: { port: 80 } }", Error, Conflict, "grpc"),
        ("", &format!("{named}\nhealthCheck: {{ tcpSocket: {{ port: htp }} }}"), Error, UndefinedReference, "htp"),
        ("", &format!("{named}\nhealthCheck: {{ tcpSocket: {{ port: dns }} }}"), Error, Conflict, "dns"),
        ("", &format!("{named}\nhealthCheck: {{ tcpSocket: {{ port: many }} }}"), Error, Conflict, "many"),
        ("", "portMappings: [{ containerPort: 1, name: a }, { containerPort: 2, name: a }]", Error, Duplicate, "a"),
    ]);
    for well in [
        "healthCheck: { httpGet: { path: '/health?deep=1', port: http, scheme: HTTPS, httpHeaders: [{ name: Host, value: shop.example }] }, interval: 1, timeout: 1 }",
        "healthCheck: { grpc: { port: 50051, service: shop.Cart } }\nreadinessCheck: { tcpSocket: { port: http }, retries: 1, startPeriod: 5 }",
        "healthCheck: { command: [CMD, a] }\nreadinessCheck: { httpGet: { port: 80 } }",
    ] {
        let text = definition("", &format!("{named}\n{well}"));
        assert_eq!(problems_of(&text), [], "{text}");
    }
}
