//! The answers in `docker-20.10` and `podman-4.3` were recorded from engines of these versions.

use super::*;

const NOW: Timestamp = Timestamp(1_795_228_100_000);

fn listed(answer: &str) -> Vec<String> {
    read_containers(answer.as_bytes(), NOW).expect("a list").iter().map(summary).collect()
}

fn inspected(answer: &str) -> String {
    match read_container(answer.as_bytes()).expect("a container") {
        Inspected::Ours(container) => summary(&container),
        Inspected::Foreign { id } => format!("foreign {}", id.short()),
    }
}

fn summary(container: &ObservedContainer) -> String {
    let ObservedContainer {
        id,
        name,
        identity,
        spec,
        phase,
        health,
        health_output: _,
        readiness: _,
        readiness_output: _,
        address: _,
        created_at,
        ports,
    } = container;
    assert_eq!(identity.task.to_string(), "shop/web/0");
    assert!(
        spec.as_ref()
            .is_some_and(|spec| spec.text().starts_with(r#"{"name":"app","image":"reconcile-test/busybox:1""#))
    );
    assert_eq!(id.0.len(), 64);
    let ports: Vec<_> = ports.iter().map(|port| format!(" {}->{}", port.host_port, port.container_port)).collect();
    format!("{name} created {} {phase:?} {health:?}{}", created_at.0, ports.concat())
}

#[test]
fn a_list() {
    let containers = listed(include_str!("docker-20.10/containers.json"));
    assert_eq!(
        containers,
        [
            "shop-new created 1795228035000 CreatedOrFailed None",
            "shop-exit created 1795228035000 Exited { exit: None } None",
            "shop-bad created 1795228035000 CreatedOrFailed None",
            "shop-paused created 1795228034000 Paused None",
            "shop-run created 1795228034000 Running { started_at: Timestamp(1795228094000) } Unhealthy 32774->80",
        ],
        "the container that is only half labelled is not among them"
    );
}

#[test]
fn inspections() {
    for (answer, expected) in [
        (
            include_str!("docker-20.10/running-unhealthy.json"),
            "shop-run created 1795228034950 Running { started_at: Timestamp(1795228035800) } Unhealthy 32774->80",
        ),
        (
            include_str!("docker-20.10/exited-unhealthy.json"),
            "shop-run created 1795228034950 Exited { exit: Some(Exit { code: 137, oom_killed: false, error: \"\", started_at: \
             Timestamp(1795228035800), finished_at: Timestamp(1795228042632), health_output: Some(\"no\") }) } None",
        ),
        (
            include_str!("docker-20.10/exited.json"),
            "shop-exit created 1795228035059 Exited { exit: Some(Exit { code: 1, oom_killed: false, error: \"\", started_at: \
             Timestamp(1795228037431), finished_at: Timestamp(1795228037437), health_output: None }) } None",
        ),
        (include_str!("docker-20.10/created.json"), "shop-new created 1795228035097 Created None"),
        (include_str!("docker-20.10/paused.json"), "shop-paused created 1795228034989 Paused None"),
        (
            include_str!("docker-20.10/start-failed.json"),
            "shop-bad created 1795228035022 StartFailed { message: \"failed to create shim task: OCI runtime create failed: runc \
             create failed: unable to start container process: exec: \\\"nope\\\": executable file not found in $PATH: \
             unknown\", at: Timestamp(1795228035022), blameless: false } None",
        ),
        (include_str!("docker-20.10/half-labelled.json"), "foreign 516fbc1c46b5"),
    ] {
        assert_eq!(inspected(answer), expected);
    }
}

#[test]
fn a_list_of_podman() {
    let answer = include_str!("podman-4.3/containers.json");
    assert_eq!(
        listed(answer),
        [
            "shop-sick created 1795240604000 Exited { exit: None } None",
            "shop-checked created 1795240604000 Running { started_at: Timestamp(1795228094000) } None 46195->80",
            "shop-bad created 1795240604000 CreatedOrFailed None",
            "shop-new created 1795240604000 CreatedOrFailed None",
            "shop-exit created 1795240604000 Exited { exit: None } None",
        ],
        "ports are those of what runs"
    );
    let containers = read_containers(answer.as_bytes(), NOW).expect("a list");
    let silent: Vec<_> = containers.iter().filter(|container| lacks_health(container)).collect();
    assert_eq!(silent.iter().map(|container| container.name.as_str()).collect::<Vec<_>>(), ["shop-checked"]);
}

#[test]
fn inspections_of_podman() {
    for (answer, expected) in [
        (
            include_str!("podman-4.3/running-checked.json"),
            "shop-checked created 1795240604496 Running { started_at: Timestamp(1795240604591) } Healthy 46195->80",
        ),
        (
            include_str!("podman-4.3/exited-unhealthy.json"),
            "shop-sick created 1795240604500 Exited { exit: Some(Exit { code: 0, oom_killed: false, error: \"\", started_at: \
             Timestamp(1795240604655), finished_at: Timestamp(1795240610949), health_output: \
             Some(\"http://127.0.0.1:8080/health: answered 500\") }) } None",
        ),
        (
            include_str!("podman-4.3/exited.json"),
            "shop-exit created 1795240604504 Exited { exit: Some(Exit { code: 3, oom_killed: false, error: \"\", started_at: \
             Timestamp(1795240604739), finished_at: Timestamp(1795240604737), health_output: None }) } None",
        ),
        (include_str!("podman-4.3/created.json"), "shop-new created 1795240604507 Created None"),
        // It does not tell that its start has failed.
        (include_str!("podman-4.3/start-failed.json"), "shop-bad created 1795240604512 Created None"),
    ] {
        assert_eq!(inspected(answer), expected);
    }
}

#[test]
fn whose_health_is_not_told() {
    let spec = |check: &str| format!(r#"{{"name":"a","image":"b","environment":{{"X":"\"healthCheck\":{{"}}{check}}}"#);
    let check = |word: &str| {
        format!(r#","healthCheck":{{"command":["{word}"],"interval":1,"timeout":5,"retries":2,"startPeriod":0}}"#)
    };
    let place = "/0/Labels/reconcile.spec";
    for (spec, state, status, expected) in [
        (spec(&check("CMD")), "running", "Up 5 seconds", true),
        (spec(&check("CMD")), "running", "Up 5 seconds (healthy)", false),
        (spec(&check("CMD")), "running", "Up 5 seconds (health: starting)", false),
        (spec(&check("CMD")), "exited", "Exited (0) 5 seconds ago", false),
        (spec(&check("CMD")), "created", "Created", false),
        (spec(&check("NONE")), "running", "Up 5 seconds", false),
        (spec(""), "running", "Up 5 seconds", false),
        ("no JSON".to_owned(), "running", "Up 5 seconds", false),
    ] {
        let changes = [(place, spec.as_str().into()), ("/0/State", state.into()), ("/0/Status", status.into())];
        let answer = changed(include_str!("docker-20.10/containers.json"), &changes);
        let containers = read_containers(answer.as_bytes(), NOW).expect("a list");
        assert_eq!(containers.iter().map(lacks_health).collect::<Vec<_>>(), [expected], "{spec} {status}");
    }
}

#[test]
fn which_engine_it_is() {
    assert!(read_is_podman(include_bytes!("podman-4.3/version.json")).expect("a version"));
    for docker in [
        r#"{"Platform":{"Name":""},"Components":[{"Name":"Engine","Version":"26.1.5+dfsg1"},{"Name":"containerd"}]}"#,
        r#"{"Components":null}"#,
        "{}",
    ] {
        assert!(!read_is_podman(docker.as_bytes()).expect("a version"), "{docker}");
    }
    assert!(read_is_podman(b"Podman Engine").is_err());
}

#[test]
fn networks_and_volumes() {
    let networks = read_networks(include_bytes!("docker-20.10/networks.json")).expect("a list");
    let [network] = networks.as_slice() else { panic!("{networks:?}") };
    assert_eq!((network.cluster.as_str(), network.source.as_str()), ("shop", "test://s"));
    assert_eq!(network.created_at, Timestamp(1_795_228_034_550));
    let networks = read_networks(include_bytes!("podman-4.3/networks.json")).expect("a list");
    let [network] = networks.as_slice() else { panic!("{networks:?}") };
    assert_eq!((network.cluster.as_str(), network.source.as_str()), ("shop", "test://s"));
    let volumes = read_volumes(include_bytes!("docker-20.10/volumes.json")).expect("a list");
    let tasks: Vec<_> = volumes.iter().map(|v| (v.name.as_str(), v.task.as_ref().map(ToString::to_string))).collect();
    assert_eq!(tasks, [("shop-lasting", None), ("shop.web.0.tmp", Some("shop/web/0".to_owned()))]);
}

#[test]
fn nothing_is_no_error() {
    assert_eq!(read_volumes(br#"{"Volumes":null,"Warnings":null}"#).expect("a list"), []);
    assert_eq!(read_networks(br#"[{"Id":"n","Labels":null},{"Id":"m"}]"#).expect("a list"), []);
    assert_eq!(read_containers(br#"[{"Id":"c","Labels":null},{"Id":"d"}]"#, NOW).expect("a list"), []);
    assert!(read_containers(br#"[{"Id":"c""#, NOW).is_err(), "half an answer is none");
}

/// A recorded answer with other values: of the running container in the list or in its inspection.
fn changed(answer: &str, changes: &[(&str, serde_json::Value)]) -> String {
    let mut value: serde_json::Value = serde_json::from_str(answer).expect("recorded JSON");
    if let Some(list) = value.as_array() {
        value = serde_json::Value::Array(vec![list.last().expect("a container").clone()]);
    }
    for (pointer, new) in changes {
        *value.pointer_mut(pointer).expect("a place") = new.clone();
    }
    value.to_string()
}

#[test]
fn states_of_other_engines() {
    for (state, status, expected) in [
        ("stopped", "Exited (0) 2 hours ago", "Exited { exit: None } None"),
        ("stopping", "Up 5 seconds (healthy)", "Running { started_at: Timestamp(1795228095000) } Healthy"),
        ("restarting", "Restarting (3) 5 seconds ago", "Running { started_at: Timestamp(1795228100000) } Unhealthy"),
        ("removing", "Removal In Progress", "Removing None"),
        ("dead", "Dead", "Removing None"),
        ("configured", "Created", "CreatedOrFailed None"),
        ("hibernating", "Zzz", "CreatedOrFailed None"),
    ] {
        let answer = changed(
            include_str!("docker-20.10/containers.json"),
            &[("/0/State", state.into()), ("/0/Status", status.into()), ("/0/Ports", serde_json::Value::Null)],
        );
        assert_eq!(listed(&answer), [format!("shop-run created 1795228034000 {expected}")], "{state}");
    }
    for (state, expected) in [
        ("restarting", "Running { started_at: Timestamp(1795228035800) } Unhealthy"),
        ("dead", "Removing None"),
        ("hibernating", "Running { started_at: Timestamp(1795228035800) } Unhealthy"),
    ] {
        let answer = changed(include_str!("docker-20.10/running-unhealthy.json"), &[("/State/Status", state.into())]);
        assert_eq!(inspected(&answer), format!("shop-run created 1795228034950 {expected} 32774->80"), "{state}");
    }
}

#[test]
fn the_end_for_lack_of_memory() {
    let answer = changed(include_str!("docker-20.10/exited.json"), &[("/State/OOMKilled", true.into())]);
    assert!(inspected(&answer).contains("code: 1, oom_killed: true"));
}

#[test]
fn times_of_other_engines() {
    let answer = changed(
        include_str!("docker-20.10/exited.json"),
        &[
            ("/State/StartedAt", "2026-11-21T04:27:17.431738866+02:00".into()),
            ("/State/FinishedAt", "2026-11-21T04:27:17.437651+02:00".into()),
            ("/State/Status", "stopped".into()),
        ],
    );
    assert_eq!(inspected(&answer), inspected(include_str!("docker-20.10/exited.json")));
}

#[test]
fn ports_are_named_once() {
    let port = |ip: &str, container: u16, host: u16| serde_json::json!({ "IP": ip, "PrivatePort": container, "PublicPort": host, "Type": "tcp" });
    for (ports, expected) in [
        (vec![port("0.0.0.0", 80, 8080), port("::", 80, 8080)], " 8080->80"),
        (vec![port("::", 80, 32001), port("0.0.0.0", 80, 32000)], " 32000->80"),
        (vec![port("::", 80, 32001)], " 32001->80"),
        (vec![port("0.0.0.0", 80, 8081), port("0.0.0.0", 80, 8080)], " 8080->80 8081->80"),
        (vec![port("", 80, 8080)], " 8080->80"),
        (vec![serde_json::json!({ "PrivatePort": 80, "Type": "tcp" })], ""),
        (vec![serde_json::json!({ "PrivatePort": 80, "PublicPort": 1, "Type": "sctp" })], ""),
        (vec![serde_json::json!({ "PrivatePort": 80, "PublicPort": 70000, "Type": "tcp" })], ""),
    ] {
        let answer = changed(include_str!("docker-20.10/containers.json"), &[("/0/Ports", ports.into())]);
        assert!(listed(&answer)[0].ends_with(&format!("Unhealthy{expected}")), "{expected}");
    }
}

#[test]
fn a_health_check_may_say_anything() {
    for (output, expected) in [
        ("\u{1b}[31m  bad \u{1b}[0m\n".to_owned(), Some("bad".to_owned())),
        (" \n".to_owned(), None),
        ("x".repeat(600), Some("x".repeat(500) + "…")),
    ] {
        let log = serde_json::json!([{ "Output": "older" }, { "Output": output }]);
        let answer = changed(include_str!("docker-20.10/exited-unhealthy.json"), &[("/State/Health/Log", log)]);
        let Inspected::Ours(container) = read_container(answer.as_bytes()).expect("a container") else { panic!() };
        let Phase::Exited { exit: Some(exit) } = container.phase else { panic!("{container:?}") };
        assert_eq!(exit.health_output, expected);
    }
}

#[test]
fn what_was_not_unhealthy_as_it_ended_has_no_last_words() {
    let answer = include_str!("docker-20.10/exited-unhealthy.json");
    for (retries, streak, unhealthy) in [(1, 0, false), (1, 1, true), (3, 2, false), (3, 3, true), (0, 2, false)] {
        let answer = changed(
            answer,
            &[("/State/Health/FailingStreak", streak.into()), ("/Config/Healthcheck/Retries", retries.into())],
        );
        let Inspected::Ours(container) = read_container(answer.as_bytes()).expect("a container") else { panic!() };
        let Phase::Exited { exit: Some(exit) } = container.phase else { panic!("{container:?}") };
        assert_eq!(exit.health_output.is_some(), unhealthy, "{streak} failures in a row, {retries} allowed");
    }
}

#[test]
fn images() {
    let answer = br#"[{"RepoTags":["b:1","a:2"]},{"RepoTags":null},{"RepoTags":["<none>:<none>","a:2"]},{}]"#;
    assert_eq!(read_image_names(answer).expect("a list"), ["a:2", "b:1"]);
    let podman = br#"[{"RepoTags":["docker.io/library/shop:1","docker.io/team/shop:1","localhost/library/shop:1"]},
        {"RepoTags":["library/shop:2"]}]"#;
    let expected = ["library/shop:2", "localhost/library/shop:1", "shop:1", "team/shop:1"];
    assert_eq!(read_image_names(podman).expect("a list"), expected);
}

#[test]
fn an_answer_cut_anywhere_never_panics() {
    for answer in [
        &include_bytes!("docker-20.10/containers.json")[..],
        include_bytes!("docker-20.10/exited-unhealthy.json"),
        include_bytes!("docker-20.10/volumes.json"),
    ] {
        for end in (0..answer.trim_ascii_end().len()).step_by(7) {
            let part = &answer[..end];
            assert!(
                read_containers(part, NOW).is_err() && read_container(part).is_err() && read_volumes(part).is_err()
            );
        }
    }
}

#[test]
fn where_a_container_is_in_its_network() {
    let shown = |container: &ObservedContainer| {
        let address = container.address.map(|address| format!("{} by {:?}", address.ip, address.gateway));
        format!("{} {}", container.name, address.unwrap_or_default())
    };
    let listed: Vec<_> = read_containers(include_str!("docker-20.10/containers.json").as_bytes(), NOW)
        .expect("a list")
        .iter()
        .map(shown)
        .collect();
    let gateway = "Some(192.168.224.1)";
    let expected = [
        "shop-new ".to_owned(),
        "shop-exit ".to_owned(),
        // Its start failed, and the engine goes on to name the address that it would have had.
        "shop-bad ".to_owned(),
        "shop-paused 172.17.0.3 by Some(172.17.0.1)".to_owned(),
        format!("shop-run 192.168.224.2 by {gateway}"),
    ];
    assert_eq!(listed, expected, "a list tells the address of what runs");
    for (answer, expected) in [
        (include_str!("docker-20.10/running-unhealthy.json"), &*format!("shop-run 192.168.224.2 by {gateway}")),
        (include_str!("docker-20.10/exited.json"), "shop-exit "),
    ] {
        let Ok(Inspected::Ours(container)) = read_container(answer.as_bytes()) else { panic!("a container of ours") };
        assert_eq!(shown(&container), expected);
    }
}
