//! A task definition that runs on Amazon ECS runs here, unchanged, with the same result.
//!
//! Each file of `tests/ecs` is a task definition as ECS registers it. Its containers look around from the inside and exit with 42 when
//! all is as it should be; others end as the case wants it. The real program runs it once, and every container has to end as ECS says.

use serde_json::json;

use crate::support::program::Program;

mod checks;
mod coverage;
mod expected;
mod run;

use checks::{
    binding_reached, daemon_has_secret_options, daemon_keeps_log, find_health, find_labels, find_tags,
    find_volume_labels, host_reached, keep_answer, leave_memory, own_host_directory, own_volume, put_answer,
    send_datagrams, started_in_order, task_reached,
};
use expected::{Case, ends, is_arm, is_x86};

/// One test for each file, by its name, with what ECS makes of it.
macro_rules! cases {
    ($($name:ident: $case:expr;)*) => {
        /// Every file that is run.
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                run::run(stringify!($name), &$case);
            }
        )*
    };
}

/// `main` finds everything as it should be.
fn ok() -> Case {
    ends(&[("main", 42)])
}

cases! {
    // The process.
    command: ok();
    entry_point: ok();
    entry_point_and_command: ok();
    image_command: ends(&[("main", 41)]);
    environment: ok();
    environment_files: ok();
    secrets: ok();
    secret_missing: ends(&[]).refused("no-such-file");
    user_uid: ok();
    user_uid_and_gid: ok();
    user_name: ok();
    user_name_and_group: ok();
    user_uid_and_group: ok();
    user_name_and_gid: ok();
    working_directory: ok();
    interactive: ok();
    not_interactive: ok();
    pseudo_terminal: ok();
    interactive_pseudo_terminal: ok();
    privileged: ok().needing(json!({ "Privileged": true }));
    readonly_root_filesystem: ok();
    docker_security_options: ok();
    docker_labels: ok().afterwards(find_labels);
    tags: ok().afterwards(find_tags);
    log_configuration: ok().afterwards(daemon_keeps_log);
    log_configuration_secret: ok().afterwards(daemon_has_secret_options);
    image_missing: ends(&[]).failed_to_start("main", "CannotPullContainerError");
    no_such_command: ends(&[]).failed_to_start("main", "CannotStartContainerError");
    runtime_platform_x86_64: if is_x86() { ok() } else { ends(&[]).failed_to_start("main", "platform") };
    runtime_platform_arm64: if is_arm() { ok() } else { ends(&[]).failed_to_start("main", "platform") };

    // Resources.
    cpu: ok();
    cpu_least: ends(&[("main", 42), ("one", 42)]);
    memory: ok();
    memory_least: ok();
    memory_exceeded: ends(&[("main", 137)]).reason("main", "OutOfMemoryError: Container killed due to memory usage");
    memory_reservation: ok();
    memory_reservation_alone: ok();
    max_swap: ok();
    max_swap_none: ok();
    swappiness: ok();
    task_cpu: ok();
    task_memory: ok();
    task_memory_exceeded: ends(&[("main", 137)]).reason("main", "OutOfMemoryError: Container killed due to memory usage");
    ulimits: ok();
    system_controls: ok();
    capabilities_default: ok();
    capabilities_add: ok();
    capabilities_drop: ok();
    capabilities_drop_all: ok();
    capabilities_add_all: ok();
    devices: ok();
    init_process_enabled: ok();
    shared_memory_size: ok();
    tmpfs: ok();

    // The network, and what else is shared with others.
    hostname: ok();
    dns_servers: ok();
    dns_search_domains: ok();
    extra_hosts: ok();
    links: ends(&[("database", 0), ("main", 42)]);
    links_without_alias: ends(&[("database", 0), ("main", 42)]);
    disable_networking: ok();
    network_bridge: ok();
    network_none: ok();
    network_host: ok().alone().meanwhile(|stage| host_reached(stage, 18043));
    network_awsvpc: ends(&[("database", 0), ("main", 42)]);
    network_awsvpc_one_address: ends(&[("a", 0), ("main", 42)]);
    network_awsvpc_port: ok().meanwhile(task_reached);
    port_static: ok().alone().meanwhile(|stage| host_reached(stage, 18042));
    port_dynamic: ok().meanwhile(|stage| binding_reached(stage, "8080/tcp"));
    // On ECS the ports of the host are neighbours as well; the README names that as a difference.
    port_range: ok().meanwhile(|stage| binding_reached(stage, "8082/tcp"));
    port_udp: ok().alone().meanwhile(send_datagrams);
    pid_private: ends(&[("main", 42), ("other", 0)]);
    pid_host: ok();
    pid_task: ends(&[("main", 42), ("other", 0)]);
    ipc_none: ok();
    ipc_host: ok().alone().afterwards(leave_memory);
    ipc_task: ends(&[("main", 42), ("other", 0)]);

    // Volumes.
    volume_host: ok().alone().before(own_host_directory).afterwards(keep_answer);
    volume_scratch: ends(&[("writer", 0), ("main", 42)]);
    volume_docker_task: ok().afterwards(find_volume_labels);
    volume_docker_shared: ok().alone().before(own_volume).afterwards(|stage, _| put_answer(stage, false));
    volume_docker_existing: ok().alone().before(|stage| put_answer(stage, true));
    volume_docker_missing: ends(&[]).failed_to_start("main", "reconcile-ecs-missing");
    mount_points_read_only: ok();
    volumes_from: ends(&[("writer", 0), ("main", 42)]);
    volumes_from_what_never_runs: ends(&[("writer", 0), ("main", 42)]).reason("data", "CannotStartContainerError");

    // The order in which containers start, and what ends those that never can.
    depends_on_start: ends(&[("other", 0), ("main", 42)]).afterwards(|stage, _| started_in_order(stage, &["other", "main"]));
    depends_on_start_ended: ends(&[("other", 5), ("main", 42)])
        .afterwards(|stage, _| started_in_order(stage, &["other", "main"]));
    depends_on_start_impossible: ends(&[]).never("main").reason("other", "CannotStartContainerError");
    depends_on_complete: ends(&[("other", 1), ("main", 42)]);
    depends_on_complete_impossible: ends(&[]).never("main").reason("other", "CannotStartContainerError");
    depends_on_success: ends(&[("other", 0), ("main", 42)]);
    depends_on_success_failed: ends(&[("other", 1)]).never("main");
    depends_on_healthy: ends(&[("other", 0), ("main", 42)]);
    depends_on_healthy_side: ends(&[("main", 42), ("side", 7)]);
    depends_on_healthy_ended: ends(&[("other", 3)]).never("main");
    depends_on_several: ends(&[("first", 1)]).never("a").never("b");
    depends_on_chain: ends(&[("a", 7)]).never("b").never("main");
    start_timeout_success: ends(&[("other", 9)]).never("main");
    start_timeout_complete: ends(&[("other", 9)]).never("main");
    start_timeout_healthy: ends(&[("other", 9)]).never("main");
    start_timeout_in_time: ends(&[("other", 0), ("main", 42)]);
    one_shot: ends(&[("init", 0), ("migrate", 0), ("sidecar", 0), ("main", 42)]);

    // The end.
    essential: ends(&[("main", 0), ("other", 9)]).code(9);
    essential_failed: ends(&[("main", 3), ("other", 9), ("side", 8)]).code(3);
    essential_false: ends(&[("side", 3), ("fine", 0), ("main", 42)]);
    exit_codes: ends(&[("a", 1), ("b", 2), ("killed", 137), ("main", 42)]);
    stop_default: ends(&[("main", 42), ("other", 143)]);
    stop_handled: ends(&[("main", 42), ("other", 7)]);
    stop_timeout: ends(&[("main", 42), ("deaf", 137), ("slow", 8)]);
    shutdown_order: ends(&[("parent", 0), ("a", 10), ("b", 20), ("c", 30)]).code(10);
    shutdown_timeouts: ends(&[("parent", 0), ("quick", 137), ("patient", 0)]).code(0);
    health_check: ok().afterwards(find_health);
    restart_policy: ends(&[("main", 42), ("ignored", 7)]);
    restart_policy_too_early: ok();
    restart_policy_disabled: ok();
}

/// The program, as a case runs it.
fn program(arguments: &[&str]) -> Program {
    Program::new(arguments)
}
