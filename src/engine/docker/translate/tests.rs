use crate::ownership::DeploymentMark;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::desired::{Revision, Scheduling};
use crate::ownership::TaskKey;
use crate::value::{Attempt, ContainerName, Family, ServiceName, Slot};

mod requests;

fn new_container(spec: &str) -> NewContainer {
    NewContainer {
        identity: ContainerIdentity {
            task: TaskKey {
                cluster: ClusterName::new("shop").expect("a name"),
                service: ServiceName::new("web").expect("a name"),
                slot: Slot(2),
                revision: Revision::parse("1:9c1d42e07a31b5f8").expect("a revision"),
                attempt: Attempt(3),
            },
            container: ContainerName::new("nginx").expect("a name"),
            source: Source::new("git@example.org:shop.git//deploy"),
            family: Family::new("web").expect("a name"),
            failures: 2,
            essential: true,
            containers: 1,
            position: 0,
            deployment: DeploymentMark::default(),
            image: None,
            scheduling: Scheduling::default(),
        },
        spec: Arc::new(serde_json::from_str(spec).expect("a spec")),
        network: NetworkId::new("net1"),
        aliases: vec!["web".to_owned(), "web-2".to_owned()],
        volumes_from: Vec::new(),
        namespaces: None,
        values_from: None,
    }
}

/// The body without the labels, which `ownership` tests.
fn body(spec: &str) -> Value {
    let mut body = serde_json::to_value(container_body(&new_container(spec))).expect("JSON");
    let labels = body.as_object_mut().expect("an object").remove("Labels").expect("labels");
    assert_eq!(labels["reconcile.cluster"], "shop");
    body
}

#[test]
fn a_container_with_nothing_special() {
    assert_eq!(
        body(r#"{"name":"nginx","image":"shop:1"}"#),
        json!({
            "Image": "shop:1",
            "Env": [],
            "ExposedPorts": {},
            "StopTimeout": 30,
            "Healthcheck": { "Test": ["NONE"] },
            "HostConfig": {
                "NetworkMode": "net1", "PortBindings": {}, "CpuShares": 2, "RestartPolicy": { "Name": "no" },
                "Binds": [], "Mounts": [],
            },
            "NetworkingConfig": { "EndpointsConfig": { "net1": { "Aliases": ["web", "web-2"], "NetworkID": "net1" } } },
        })
    );
}

#[test]
fn a_container_with_everything() {
    let spec = r#"{
        "name": "nginx", "image": "shop:1", "entryPoint": ["/bin/sh"], "command": ["-c", "serve"],
        "environment": { "B": "2=two", "A": "" }, "cpu": 256, "memory": 512, "memoryReservation": 256,
        "user": "1000:1000", "workingDirectory": "/srv", "stopTimeout": 5, "dockerLabels": { "team": "web" },
        "portMappings": [
            { "containerPort": 80, "hostPort": 8080 }, { "containerPort": 80, "hostPort": 8081 },
            { "containerPort": 443 }, { "containerPort": 53, "hostPort": 53, "protocol": "udp" }
        ],
        "healthCheck": { "command": ["CMD-SHELL", "exit 0"], "interval": 30, "timeout": 5, "retries": 3, "startPeriod": 10 }
    }"#;
    let expected = json!({
        "Image": "shop:1",
        "Entrypoint": ["/bin/sh"],
        "Cmd": ["-c", "serve"],
        "Env": ["A=", "B=2=two"],
        "User": "1000:1000",
        "WorkingDir": "/srv",
        "ExposedPorts": { "80/tcp": {}, "443/tcp": {}, "53/udp": {} },
        "StopTimeout": 5,
        "Healthcheck": {
            "Test": ["CMD-SHELL", "exit 0"], "Interval": 30_000_000_000_u64, "Timeout": 5_000_000_000_u64, "Retries": 3,
            "StartPeriod": 10_000_000_000_u64,
        },
        "HostConfig": {
            "NetworkMode": "net1",
            "PortBindings": {
                "80/tcp": [{ "HostPort": "8080" }, { "HostPort": "8081" }],
                "443/tcp": [{ "HostPort": "" }],
                "53/udp": [{ "HostPort": "53" }],
            },
            "Memory": 536_870_912, "MemoryReservation": 268_435_456, "CpuShares": 256,
            "RestartPolicy": { "Name": "no" }, "Binds": [], "Mounts": [],
        },
        "NetworkingConfig": { "EndpointsConfig": { "net1": { "Aliases": ["web", "web-2"], "NetworkID": "net1" } } },
    });
    assert_eq!(body(spec), expected);
}

#[test]
fn small_limits_are_raised_to_what_the_engine_takes() {
    for (memory, cpu, bytes, shares) in [(1, 0, 6 << 20, 2), (5, 1, 6 << 20, 2), (6, 2, 6 << 20, 2), (7, 3, 7 << 20, 3)]
    {
        let spec = format!(r#"{{"name":"a","image":"b","memory":{memory},"memoryReservation":{memory},"cpu":{cpu}}}"#);
        let host = &body(&spec)["HostConfig"];
        assert_eq!((&host["Memory"], &host["MemoryReservation"]), (&json!(bytes), &json!(bytes)));
        assert_eq!(host["CpuShares"], json!(shares));
    }
}

#[test]
fn mounts() {
    let spec = r#"{ "name": "a", "image": "b", "mountPoints": [
        { "sourceVolume": "h", "containerPath": "/h", "volume": { "kind": "host", "sourcePath": "/srv/h" } },
        { "sourceVolume": "r", "containerPath": "/r", "readOnly": true, "volume": { "kind": "host", "sourcePath": "/srv/r" } },
        { "sourceVolume": "c", "containerPath": "/c", "volume": { "kind": "host", "sourcePath": "/srv/c:ro" } },
        { "sourceVolume": "t", "containerPath": "/t", "volume": { "kind": "task" } },
        { "sourceVolume": "s", "containerPath": "/s", "readOnly": true, "volume": { "kind": "shared", "autoprovision": true,
            "driver": { "name": "nfs", "options": { "o": "addr=x" }, "labels": { "team": "web", "reconcile.cluster": "bank" } } } },
        { "sourceVolume": "must", "containerPath": "/m", "volume": { "kind": "shared", "autoprovision": false } }
    ] }"#;
    let host = &body(spec)["HostConfig"];
    assert_eq!(host["Binds"], json!(["/srv/h:/h", "/srv/r:/r:ro"]));
    let task_labels = json!({
        "reconcile.cluster": "shop", "reconcile.source": "git@example.org:shop.git//deploy", "reconcile.service": "web",
        "reconcile.slot": "2", "reconcile.revision": "1:9c1d42e07a31b5f8", "reconcile.attempt": "3", "reconcile.volume": "t",
    });
    let cluster_labels = json!({ "reconcile.cluster": "shop", "reconcile.source": "git@example.org:shop.git//deploy" });
    let mut shared_labels = cluster_labels.clone();
    shared_labels["team"] = json!("web");
    let driver = json!({ "Name": "nfs", "Options": { "o": "addr=x" } });
    assert_eq!(
        host["Mounts"],
        json!([
            { "Type": "bind", "Source": "/srv/c:ro", "Target": "/c", "ReadOnly": false },
            { "Type": "volume", "Source": "shop.web.2.t.9c1d42.3", "Target": "/t", "ReadOnly": false,
              "VolumeOptions": { "Labels": task_labels } },
            { "Type": "volume", "Source": "s", "Target": "/s", "ReadOnly": true,
              "VolumeOptions": { "Labels": shared_labels, "DriverConfig": driver } },
            { "Type": "volume", "Source": "must", "Target": "/m", "ReadOnly": false,
              "VolumeOptions": { "Labels": cluster_labels } },
        ])
    );
    let new = new_container(spec);
    assert_eq!(volumes_that_must_exist(&new.spec).collect::<Vec<_>>(), ["must"]);
    assert_eq!(
        serde_json::to_value(volume_bodies(&new.identity, &new.spec)).expect("JSON"),
        json!([
            { "Name": "shop.web.2.t.9c1d42.3", "Labels": task_labels },
            { "Name": "s", "Driver": "nfs", "DriverOpts": { "o": "addr=x" }, "Labels": shared_labels },
        ])
    );
}

#[test]
fn a_network() {
    let cluster = ClusterName::new("shop").expect("a name");
    assert_eq!(
        serde_json::to_value(network_body(&cluster, &Source::new("here"))).expect("JSON"),
        json!({
            "Name": "reconcile.shop", "Driver": "bridge",
            "Labels": { "reconcile.cluster": "shop", "reconcile.source": "here" },
        })
    );
}

#[test]
fn a_container_of_a_deployment_is_made_from_its_image() {
    let mut new = new_container(r#"{"name":"nginx","image":"shop:1"}"#);
    let id = crate::image::ImageId::new("sha256:9c1d");
    new.identity.image = Some(crate::image::ImagePin { id, digest: Some(Arc::from("shop@sha256:4f2c")) });
    let body = container_body(&new);
    assert_eq!(body.image.as_deref(), Some("sha256:9c1d"), "whatever the tag means by now");
    let labels = body.labels.expect("labels");
    assert_eq!(labels["reconcile.image"], "sha256:9c1d");
    assert_eq!(labels["reconcile.image-digest"], "shop@sha256:4f2c");
}

#[test]
fn a_container_with_every_option() {
    let spec = r#"{
        "name": "nginx", "image": "shop:1",
        "links": [{ "container": "db", "alias": "database" }],
        "hostname": "web", "dnsServers": ["10.0.0.1"], "dnsSearchDomains": ["a.b"],
        "extraHosts": [{ "hostname": "a", "ipAddress": "10.0.0.2" }, { "hostname": "h", "ipAddress": "host-gateway" }],
        "interactive": true, "pseudoTerminal": true, "privileged": true, "readonlyRootFilesystem": true,
        "dockerSecurityOptions": ["no-new-privileges", "apparmor:shop", "label:type:svirt_t"],
        "ulimits": [{ "name": "nofile", "softLimit": 1024, "hardLimit": -1 }],
        "systemControls": { "net.core.somaxconn": "512" },
        "linuxParameters": {
            "capabilitiesAdded": ["KILL"], "capabilitiesDropped": ["ALL"],
            "devices": [{ "hostPath": "/dev/a", "containerPath": "/dev/b", "permissions": ["read", "mknod"] }],
            "initProcessEnabled": true, "sharedMemorySize": 8,
            "tmpfs": [{ "containerPath": "/t", "size": 1, "mountOptions": ["noexec", "mode=1777"] }],
            "swap": { "maxSwap": 32, "swappiness": 10 } },
        "logConfiguration": { "logDriver": "json-file", "options": { "max-size": "1m" } },
        "gpus": { "count": 2 },
        "task": { "cpu": 512, "memory": 64, "pidMode": "host", "ipcMode": "none", "cpuArchitecture": "ARM64", "tags": { "team": "shop" } }
    }"#;
    let body = body(spec);
    assert_eq!(
        body,
        json!({
            "Image": "shop:1", "Env": [], "ExposedPorts": {}, "StopTimeout": 30, "Healthcheck": { "Test": ["NONE"] },
            "Hostname": "web", "OpenStdin": true, "Tty": true,
            "HostConfig": {
                "NetworkMode": "net1", "PortBindings": {}, "CpuShares": 2, "RestartPolicy": { "Name": "no" }, "Binds": [], "Mounts": [],
                "Dns": ["10.0.0.1"], "DnsSearch": ["a.b"], "ExtraHosts": ["a:10.0.0.2", "h:host-gateway"],
                "Privileged": true, "ReadonlyRootfs": true,
                "SecurityOpt": ["no-new-privileges", "apparmor=shop", "label=type:svirt_t"],
                "Ulimits": [{ "Name": "nofile", "Soft": 1024, "Hard": -1 }],
                "Sysctls": { "net.core.somaxconn": "512" },
                "CapAdd": ["KILL"], "CapDrop": ["ALL"],
                "Devices": [{ "PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "rm" }],
                "Init": true, "ShmSize": 8 << 20, "Tmpfs": { "/t": "noexec,mode=1777,size=1m" },
                "Memory": 64 << 20, "MemorySwap": 96 << 20, "MemorySwappiness": 10,
                "LogConfig": { "Type": "json-file", "Config": { "max-size": "1m" } },
                "DeviceRequests": [{ "Count": 2, "Capabilities": [["gpu"]] }],
                "NanoCpus": 500_000_000, "PidMode": "host", "IpcMode": "none",
            },
            "NetworkingConfig": { "EndpointsConfig": { "net1": {
                "Aliases": ["web", "web-2"], "Links": ["shop.web.2.db.9c1d42.3:database"], "NetworkID": "net1",
            } } },
        })
    );
    let new = new_container(spec);
    assert_eq!(new.spec.platform().map(|platform| platform.to_string()).as_deref(), Some("linux/arm64"));
    let labels = container_body(&new).labels.expect("labels");
    assert_eq!(labels["reconcile.tag.team"], "shop");
}

#[test]
fn all_graphics_processors() {
    let host = &body(r#"{"name":"a","image":"b","gpus":"all"}"#)["HostConfig"];
    assert_eq!(host["DeviceRequests"], json!([{ "Count": -1, "Capabilities": [["gpu"]] }]));
}

#[test]
fn networks_of_other_kinds_publish_nothing() {
    for (fields, mode) in [
        (r#""task": { "networkMode": "host" }"#, "host"),
        (r#""task": { "networkMode": "none" }"#, "none"),
        (r#""disableNetworking": true"#, "none"),
    ] {
        let spec =
            format!(r#"{{"name":"a","image":"b","portMappings":[{{"containerPort":80,"hostPort":80}}],{fields}}}"#);
        let body = body(&spec);
        assert_eq!(body["HostConfig"]["NetworkMode"], mode);
        for absent in ["NetworkingConfig", "ExposedPorts"] {
            assert_eq!(body[absent], Value::Null, "{fields}");
        }
        assert_eq!(body["HostConfig"]["PortBindings"], Value::Null, "{fields}");
        assert_eq!(body["NetworkDisabled"], if fields.contains("disable") { json!(true) } else { Value::Null });
    }
}

#[test]
fn limits_of_the_task_hold_for_each_container() {
    for (fields, memory, swap) in [
        (r#""task":{"memory":64}"#, json!(64 << 20), Value::Null),
        (r#""memory":32,"task":{"memory":64}"#, json!(32 << 20), Value::Null),
        (r#""memory":32"#, json!(32 << 20), Value::Null),
        (r#""task":{"memory":64},"linuxParameters":{"swap":{"maxSwap":0}}"#, json!(64 << 20), json!(64 << 20)),
        (r#""task":{"cpu":1024}"#, Value::Null, Value::Null),
    ] {
        let host = &body(&format!(r#"{{"name":"a","image":"b",{fields}}}"#))["HostConfig"];
        assert_eq!((&host["Memory"], &host["MemorySwap"]), (&memory, &swap), "{fields}");
    }
}

#[test]
fn the_volumes_of_others_and_a_name_that_is_taken() {
    let mut new = new_container(r#"{"name":"a","image":"b"}"#);
    new.volumes_from = vec![
        VolumeSource { id: crate::observed::ContainerId::new("c1"), read_only: false },
        VolumeSource { id: crate::observed::ContainerId::new("c2"), read_only: true },
    ];
    let mut body = container_body(&new);
    answer_to(&mut body, &new.network, "taken");
    answer_to(&mut body, &new.network, "taken");
    let body = serde_json::to_value(body).expect("JSON");
    assert_eq!(body["HostConfig"]["VolumesFrom"], json!(["c1", "c2:ro"]));
    assert_eq!(body["NetworkingConfig"]["EndpointsConfig"]["net1"]["Aliases"], json!(["web", "web-2", "taken"]));
}
