//! The Docker engine of this machine, looked at through our own door: what every other test of Docker stands on.
//!
//! Each test has a cluster of its own and leaves nothing behind, whether it passes or panics. Without an engine the tests fail.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateImageOptions, RemoveContainerOptions};
use futures_util::{FutureExt, StreamExt};
use reconcile::desired::{ContainerSpec, Revision};
use reconcile::engine::docker::{Docker, Endpoint};
use reconcile::engine::{Change, Hint, Observe, Perform};
use reconcile::observed::{ContainerId, Health, NetworkId, ObservedContainer, Phase};
use reconcile::ownership::{self, ContainerIdentity, Source, TaskKey};
use reconcile::plan::{Action, Effect, Failure, FailureKind, NewContainer, Outcome};
use reconcile::value::{Attempt, ClusterName, ContainerName, Family, ServiceName, Slot, Timestamp};
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// The image of the tests: one static program that is a shell and everything that a shell needs.
const IMAGE: &str = "reconcile-test/busybox:1";
const APPLETS: [&str; 12] = ["sh", "sleep", "true", "false", "nc", "touch", "test", "cat", "rm", "echo", "ls", "httpd"];

static IMAGE_IS_THERE: OnceCell<()> = OnceCell::const_new();

/// A cluster of one test.
struct World {
    docker: Docker,
    raw: bollard::Docker,
    cluster: ClusterName,
    network: NetworkId,
}

/// Runs `test` in a cluster of its own, and removes everything of that cluster afterwards, come what may.
async fn in_a_world<F: Future<Output = ()>>(test: impl FnOnce(Arc<World>) -> F) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let endpoint = Endpoint::find(None).expect("an endpoint");
    let raw = bollard::Docker::connect_with_defaults().expect("a Docker engine: these tests need one");
    IMAGE_IS_THERE.get_or_init(|| import_image(&raw)).await;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let cluster = ClusterName::new(&format!("smoke-{}-{number}", std::process::id())).expect("a name");
    let docker = Docker::new(endpoint);
    let action = Action::CreateNetwork { cluster: cluster.clone(), source: source() };
    let Outcome::Done(Effect::Network(network)) = docker.perform(&action).await else { panic!("no network") };
    let world = Arc::new(World { docker, raw, cluster, network });
    let result = AssertUnwindSafe(test(Arc::clone(&world))).catch_unwind().await;
    world.remove_everything().await;
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

async fn import_image(raw: &bollard::Docker) {
    if raw.inspect_image(IMAGE).await.is_ok() {
        return;
    }
    let program = ["/bin/busybox", "/usr/bin/busybox"].iter().find_map(|path| std::fs::read(path).ok());
    let program = program.expect("busybox: `apt-get install busybox-static`");
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(program.len() as u64);
    archive.append_data(&mut header, "bin/busybox", program.as_slice()).expect("an archive in memory");
    for applet in APPLETS {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        archive.append_link(&mut header, format!("bin/{applet}"), "busybox").expect("an archive in memory");
    }
    let (repository, tag) = IMAGE.split_once(':').expect("a tag");
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some(repository.to_owned()),
        tag: Some(tag.to_owned()),
        ..CreateImageOptions::default()
    };
    let body = bollard::body_full(archive.into_inner().expect("an archive in memory").into());
    let progress: Vec<_> = raw.create_image(Some(options), Some(body), None).collect().await;
    for step in progress {
        step.expect("an engine that imports an image");
    }
}

fn source() -> Source {
    Source::new("test://smoke")
}

impl World {
    fn new_container(&self, attempt: u32, spec: &str) -> NewContainer {
        let spec: ContainerSpec = serde_json::from_str(spec).expect("a spec");
        NewContainer {
            identity: ContainerIdentity {
                task: TaskKey {
                    cluster: self.cluster.clone(),
                    service: ServiceName::new("web").expect("a name"),
                    slot: Slot(0),
                    revision: Revision::parse("1:9c1d42e07a31b5f8").expect("a revision"),
                    attempt: Attempt(attempt),
                },
                container: ContainerName::new("app").expect("a name"),
                source: source(),
                family: Family::new("web").expect("a name"),
                failures: 0,
                essential: true,
                containers: 1,
            },
            spec: Arc::new(spec),
            network: self.network.clone(),
            aliases: vec!["web".to_owned()],
            volumes_from: Vec::new(),
        }
    }

    async fn create(&self, attempt: u32, spec: &str) -> Outcome {
        self.docker.perform(&Action::CreateContainer(Box::new(self.new_container(attempt, spec)))).await
    }

    async fn created(&self, attempt: u32, spec: &str) -> ObservedContainer {
        let outcome = self.create(attempt, spec).await;
        let Outcome::Done(Effect::Container(container)) = outcome else { panic!("not created: {outcome:?}") };
        *container
    }

    async fn start(&self, container: &ObservedContainer) -> Outcome {
        let identity = Box::new(container.identity.clone());
        self.docker.perform(&Action::StartContainer { id: container.id.clone(), identity }).await
    }

    async fn started(&self, attempt: u32, spec: &str) -> ObservedContainer {
        let container = self.created(attempt, spec).await;
        assert_eq!(self.start(&container).await, Outcome::Done(Effect::Started));
        container
    }

    /// Starts a container of [`sleeping`] and waits until it listens to SIGTERM: one that comes earlier is ignored, as process 1
    /// has no default for it, and the engine then waits for the whole stop timeout.
    async fn started_and_ready(&self, attempt: u32, spec: &str) -> ObservedContainer {
        let container = self.started(attempt, spec).await;
        self.until_ready(&container).await;
        container
    }

    async fn until_ready(&self, container: &ObservedContainer) {
        let begun = Instant::now();
        while self.docker.log_tail(&container.id, 1).await.expect("an answer") != ["ready"] {
            assert!(begun.elapsed() < Duration::from_secs(30), "it never got ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn stop(&self, container: &ObservedContainer, stop_timeout: u32) -> Outcome {
        let (id, identity) = (container.id.clone(), Box::new(container.identity.clone()));
        self.docker.perform(&Action::StopContainer { id, identity, stop_timeout }).await
    }

    async fn remove(&self, container: &ObservedContainer) -> Outcome {
        let (id, identity) = (container.id.clone(), Box::new(container.identity.clone()));
        self.docker.perform(&Action::RemoveContainer { id, identity }).await
    }

    async fn inspect(&self, id_or_name: &str) -> Option<ObservedContainer> {
        self.docker.inspect(id_or_name).await.expect("an answer")
    }

    /// Looks at a container until it is as `wanted`.
    async fn until(&self, id: &ContainerId, wanted: impl Fn(&ObservedContainer) -> bool) -> ObservedContainer {
        let begun = Instant::now();
        loop {
            let container = self.inspect(&id.0).await.expect("it exists");
            if wanted(&container) {
                return container;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "it never came to be: {container:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn listed(&self) -> Vec<ObservedContainer> {
        let mut containers = self.docker.list().await.expect("a list").containers;
        containers.retain(|container| container.identity.task.cluster == self.cluster);
        containers
    }

    async fn remove_everything(&self) {
        let force = || Some(RemoveContainerOptions { force: true, v: true, link: false });
        let listing = self.docker.list().await.expect("a list");
        for container in listing.containers.iter().filter(|c| c.identity.task.cluster == self.cluster) {
            // What is being removed already is as good as removed.
            let _ = self.raw.remove_container(&container.id.0, force()).await;
        }
        for volume in listing.volumes.into_iter().filter(|volume| volume.cluster == self.cluster) {
            let action = Action::RemoveVolume { name: volume.name, cluster: self.cluster.clone() };
            assert_eq!(self.docker.perform(&action).await, Outcome::Done(Effect::Removed));
        }
        for network in listing.networks.into_iter().filter(|network| network.cluster == self.cluster) {
            let action = Action::RemoveNetwork { cluster: self.cluster.clone(), id: network.id };
            assert_eq!(self.docker.perform(&action).await, Outcome::Done(Effect::Removed));
        }
    }
}

/// A spec of the test image with more fields.
fn spec(fields: &str) -> String {
    let comma = if fields.is_empty() { "" } else { "," };
    format!(r#"{{"name":"app","image":"{IMAGE}"{comma}{fields}}}"#)
}

fn sleeping(fields: &str) -> String {
    let comma = if fields.is_empty() { "" } else { "," };
    spec(&format!(r#""command":["sh","-c","trap 'exit 0' TERM; echo ready; sleep 1000 & wait $!"]{comma}{fields}"#))
}

/// What somebody else might run.
fn foreign_body() -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        cmd: Some(vec!["true".to_owned()]),
        ..ContainerCreateBody::default()
    }
}

fn failure(outcome: Outcome) -> Failure {
    let Outcome::Failed(failure) = outcome else { panic!("not a failure: {outcome:?}") };
    failure
}

#[expect(clippy::disallowed_methods, reason = "a test on a real engine lives in real time")]
fn now() -> Timestamp {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Timestamp::default().after(now)
}

#[tokio::test]
async fn the_life_of_a_container() {
    in_a_world(|world| async move {
        let spec = sleeping(
            r#""portMappings":[{"containerPort":80},{"containerPort":53,"protocol":"udp"}],"memory":16,"cpu":128,
               "environment":{"A":"x=1 y","SECRET_KEY":"hush"},"workingDirectory":"/bin","user":"1:1",
               "dockerLabels":{"team":"web"}"#,
        );
        let created = world.created(1, &spec).await;
        let inspected = world.inspect(&created.id.0).await.expect("it exists");
        assert_eq!(ObservedContainer { created_at: inspected.created_at, ..created.clone() }, inspected);
        assert_eq!(world.inspect(&created.name).await.as_ref(), Some(&inspected), "by name");
        assert!(created.created_at.since(inspected.created_at) < Duration::from_secs(5));
        assert!(!created.spec.as_ref().expect("a spec").contains("hush"));

        assert_eq!(world.start(&created).await, Outcome::Done(Effect::Started));
        assert_eq!(world.start(&created).await, Outcome::Done(Effect::Started), "a second start is no error");
        let running = world.inspect(&created.id.0).await.expect("it exists");
        let Phase::Running { started_at } = running.phase else { panic!("{running:?}") };
        let [tcp, udp] = running.ports.as_slice() else { panic!("{:?}", running.ports) };
        assert_eq!((tcp.container_port, udp.container_port), (53, 80));
        let listed = world.listed().await;
        let [listed] = listed.as_slice() else { panic!("{listed:?}") };
        let Phase::Running { started_at: at_the_latest } = listed.phase else { panic!("{listed:?}") };
        assert!(at_the_latest >= started_at && at_the_latest.since(started_at) < Duration::from_secs(3));
        assert_eq!(listed.ports, running.ports);
        assert_eq!((&listed.name, &listed.spec, &listed.identity), (&created.name, &created.spec, &created.identity));

        let still_runs = failure(world.remove(&created).await);
        assert_eq!(still_runs.kind, FailureKind::Conflict, "{still_runs}");
        world.until_ready(&created).await;
        assert_eq!(world.stop(&created, 10).await, Outcome::Done(Effect::Stopped));
        assert_eq!(world.stop(&created, 10).await, Outcome::Done(Effect::Stopped), "a second stop is no error");
        let stopped = world.inspect(&created.id.0).await.expect("it exists");
        let Phase::Exited { exit: Some(exit) } = stopped.phase else { panic!("{stopped:?}") };
        assert_eq!((exit.code, exit.oom_killed, exit.started_at), (0, false, started_at));
        assert!(exit.finished_at >= exit.started_at);
        assert_eq!(world.listed().await[0].phase, Phase::Exited { exit: None });

        assert_eq!(world.remove(&created).await, Outcome::Done(Effect::Removed));
        assert_eq!(world.remove(&created).await, Outcome::Done(Effect::Removed), "a second removal is no error");
        assert_eq!(world.stop(&created, 1).await, Outcome::Done(Effect::Removed));
        assert_eq!(failure(world.start(&created).await).kind, FailureKind::Gone);
        assert_eq!(world.inspect(&created.id.0).await, None);
    })
    .await;
}

#[tokio::test]
async fn what_the_engine_refuses() {
    in_a_world(|world| async move {
        let missing = failure(world.create(1, r#"{"name":"app","image":"reconcile-test/nowhere:1"}"#).await);
        assert_eq!(missing.kind, FailureKind::ImageMissing, "{missing}");
        let pulled =
            failure(world.docker.perform(&Action::PullImage { image: "registry.invalid/nowhere:1".to_owned() }).await);
        assert_eq!(pulled.kind, FailureKind::ImageMissing, "{pulled}");
        let bad_name = failure(world.create(1, r#"{"name":"app","image":"NOT A NAME"}"#).await);
        assert_eq!(bad_name.kind, FailureKind::Refused, "{bad_name}");
        let volume = r#""mountPoints":[{"sourceVolume":"not-there","containerPath":"/d","volume":{"kind":"shared","autoprovision":false}}]"#;
        let no_volume = failure(world.create(1, &spec(volume)).await);
        assert_eq!(no_volume.kind, FailureKind::Refused, "{no_volume}");
        assert!(no_volume.message.contains("`not-there` does not exist"), "{no_volume}");

        for (attempt, command) in [(1, r#""command":["/no/such/program"]"#), (2, r#""command":["/bin"]"#), (3, r#""command":["true"],"user":"nobody-here""#)] {
            let container = world.created(attempt, &spec(command)).await;
            let refused = failure(world.start(&container).await);
            assert_eq!(refused.kind, FailureKind::Refused, "{command}: {refused}");
            let listed = world.listed().await;
            let listed = listed.iter().find(|listed| listed.id == container.id).expect("it is listed");
            assert_eq!(listed.phase, Phase::CreatedOrFailed);
            let inspected = world.inspect(&container.id.0).await.expect("it exists");
            assert!(matches!(&inspected.phase, Phase::StartFailed { message, .. } if !message.is_empty()), "{inspected:?}");
            assert_eq!(world.remove(&container).await, Outcome::Done(Effect::Removed));
        }
    })
    .await;
}

#[tokio::test]
async fn a_port_that_is_taken() {
    in_a_world(|world| async move {
        let holder = world.started(1, &sleeping(r#""portMappings":[{"containerPort":80}]"#)).await;
        let port = world.inspect(&holder.id.0).await.expect("it exists").ports[0].host_port;
        let taken = format!(r#""portMappings":[{{"containerPort":80,"hostPort":{port}}}]"#);
        let second = world.created(2, &sleeping(&taken)).await;
        let by_container = failure(world.start(&second).await);
        assert_eq!(by_container.kind, FailureKind::PortTaken, "{by_container}");
        let inspected = world.inspect(&second.id.0).await.expect("it exists");
        assert!(matches!(inspected.phase, Phase::StartFailed { .. }), "{inspected:?}");

        let program = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
        let port = program.local_addr().expect("an address").port();
        let taken = format!(r#""portMappings":[{{"containerPort":80,"hostPort":{port}}}]"#);
        let third = world.created(3, &sleeping(&taken)).await;
        let by_program = failure(world.start(&third).await);
        assert_eq!(by_program.kind, FailureKind::PortTaken, "{by_program}");
    })
    .await;
}

#[tokio::test]
async fn a_name_is_the_lock() {
    in_a_world(|world| async move {
        let first = world.created(1, &sleeping("")).await;
        let again = world.created(1, &sleeping("")).await;
        assert_eq!((&first.id, &first.name), (&again.id, &again.name), "creating twice creates once");

        let mut elsewhere = world.new_container(1, &sleeping(""));
        elsewhere.identity.source = Source::new("test://elsewhere");
        let claimed = failure(world.docker.perform(&Action::CreateContainer(Box::new(elsewhere))).await);
        assert_eq!(claimed.kind, FailureKind::NameTaken, "{claimed}");
        assert!(claimed.message.contains("test://smoke"), "{claimed}");

        // Somebody else's container with our next name, and then with every name.
        let names: Vec<String> = world.new_container(2, &sleeping("")).identity.names().collect();
        let mut foreign = Vec::new();
        for name in &names {
            let options =
                bollard::query_parameters::CreateContainerOptions { name: Some(name.clone()), ..Default::default() };
            let body = foreign_body();
            foreign.push(world.raw.create_container(Some(options), body).await.expect("a container").id);
            if foreign.len() == 1 {
                let second = world.created(2, &sleeping("")).await;
                assert_eq!(second.name, names[1]);
                assert_eq!(world.created(2, &sleeping("")).await.id, second.id, "the second name is a lock as well");
                assert_eq!(world.remove(&second).await, Outcome::Done(Effect::Removed));
            }
        }
        let taken = failure(world.create(2, &sleeping("")).await);
        let foreign_seen = world.inspect(&names[0]).await;
        for id in &foreign {
            world.raw.remove_container(id, None).await.expect("it is still there, untouched");
        }
        assert_eq!(taken.kind, FailureKind::NameTaken);
        assert!(foreign.iter().all(|id| taken.message.contains(&id[..12])), "{taken}");
        assert_eq!(foreign_seen, None, "what is not ours is not seen");
    })
    .await;
}

#[tokio::test]
async fn volumes() {
    in_a_world(|world| async move {
        let host = tempfile::tempdir().expect("a directory");
        let path = host.path().join("made/by/the-engine");
        let shared = format!("{}-shared", world.cluster);
        let mounts = format!(
            r#""mountPoints":[
                {{"sourceVolume":"scratch","containerPath":"/scratch","volume":{{"kind":"task"}}}},
                {{"sourceVolume":"{shared}","containerPath":"/shared","volume":{{"kind":"shared","autoprovision":true,"driver":{{"labels":{{"team":"web"}}}}}}}},
                {{"sourceVolume":"host","containerPath":"/host","volume":{{"kind":"host","sourcePath":"{}"}}}},
                {{"sourceVolume":"host2","containerPath":"/host2","readOnly":true,"volume":{{"kind":"host","sourcePath":"{}"}}}}]"#,
            path.display(),
            path.display()
        );
        let script = r#""command":["sh","-c","touch /scratch/a /shared/b /host/c && ! touch /host2/d && test -e /host2/c"]"#;
        let container = world.started(1, &spec(&format!("{script},{mounts}"))).await;
        let ended = world.until(&container.id, |c| matches!(c.phase, Phase::Exited { .. })).await;
        let Phase::Exited { exit: Some(exit) } = &ended.phase else { panic!("{ended:?}") };
        assert_eq!(exit.code, 0, "{:?}", world.docker.log_tail(&container.id, 10).await);
        assert!(path.join("c").exists());

        let listing = world.docker.list().await.expect("a list");
        let mut volumes: Vec<_> = listing.volumes.into_iter().filter(|volume| volume.cluster == world.cluster).collect();
        volumes.sort_by_key(|volume| volume.task.is_some());
        let [shared_volume, scratch] = volumes.as_slice() else { panic!("{volumes:?}") };
        assert_eq!((&shared_volume.name, &shared_volume.task), (&shared, &None));
        assert_eq!(scratch.task.as_ref(), Some(&container.identity.task));
        let volume = serde_json::from_str(r#""scratch""#).expect("a name");
        assert_eq!(scratch.name, ownership::task_volume_name(&container.identity.task, &volume));

        let remove = Action::RemoveVolume { name: scratch.name.clone(), cluster: world.cluster.clone() };
        assert_eq!(failure(world.docker.perform(&remove).await).kind, FailureKind::Conflict, "it is in use");
        assert_eq!(world.remove(&container).await, Outcome::Done(Effect::Removed));
        assert_eq!(world.docker.perform(&remove).await, Outcome::Done(Effect::Removed));
        assert_eq!(world.docker.perform(&remove).await, Outcome::Done(Effect::Removed), "twice is no error");
        let existing = format!(
            r#""command":["true"],"mountPoints":[{{"sourceVolume":"{shared}","containerPath":"/d","volume":{{"kind":"shared","autoprovision":false}}}}]"#
        );
        world.started(2, &spec(&existing)).await;
    })
    .await;
}

#[tokio::test]
async fn networks() {
    in_a_world(|world| async move {
        // The engine lets two networks have one name: a container is on the one that it was created on.
        let create = Action::CreateNetwork { cluster: world.cluster.clone(), source: source() };
        let outcome = world.docker.perform(&create).await;
        let Outcome::Done(Effect::Network(twin)) = outcome else { panic!("{outcome:?}") };
        let server = world.started(1, &spec(r#""command":["httpd","-f","-p","80"]"#)).await;
        let asking = "for i in 1 2 3 4 5; do nc -w 2 web 80 </dev/null && exit 0; sleep 1; done; exit 1";
        let mut client = world.new_container(2, &spec(&format!(r#""command":["sh","-c","{asking}"]"#)));
        client.aliases = vec!["client".to_owned()];
        let created = world.docker.perform(&Action::CreateContainer(Box::new(client))).await;
        let Outcome::Done(Effect::Container(client)) = created else { panic!("{created:?}") };
        assert_eq!(world.start(&client).await, Outcome::Done(Effect::Started));
        let ended = world.until(&client.id, |c| matches!(c.phase, Phase::Exited { .. })).await;
        let Phase::Exited { exit: Some(exit) } = ended.phase else { panic!("{ended:?}") };
        assert_eq!(exit.code, 0, "the server answers to its alias");

        let remove = |id: &NetworkId| Action::RemoveNetwork { cluster: world.cluster.clone(), id: id.clone() };
        let in_use = failure(world.docker.perform(&remove(&world.network)).await);
        assert_eq!(in_use.kind, FailureKind::Conflict, "{in_use}");
        if twin != world.network {
            assert_eq!(world.docker.perform(&remove(&twin)).await, Outcome::Done(Effect::Removed));
            assert_eq!(world.docker.perform(&remove(&twin)).await, Outcome::Done(Effect::Removed), "twice is no error");
        }
        assert_eq!(world.stop(&server, 0).await, Outcome::Done(Effect::Stopped));
        let orphan = world.created(3, &sleeping("")).await;
        assert_eq!(world.docker.perform(&remove(&world.network)).await, Outcome::Done(Effect::Removed));
        let gone = failure(world.start(&orphan).await);
        assert_eq!(gone.kind, FailureKind::Refused, "its network will never come back: {gone}");
    })
    .await;
}

#[tokio::test]
async fn health() {
    in_a_world(|world| async move {
        let check = r#""healthCheck":{"command":["CMD-SHELL","cat /tmp/healthy || { echo not yet; exit 1; }"],"interval":1,"timeout":5,"retries":1,"startPeriod":60}"#;
        let command = r#""command":["sh","-c","mkdir /tmp 2>/dev/null; while ! test -e /tmp/end; do sleep 0.1; done"]"#;
        let mount = |path: &std::path::Path| {
            format!(r#""mountPoints":[{{"sourceVolume":"tmp","containerPath":"/tmp","volume":{{"kind":"host","sourcePath":"{}"}}}}]"#, path.display())
        };
        let directory = tempfile::tempdir().expect("a directory");
        let spec = spec(&format!("{command},{check},{}", mount(directory.path())));
        let container = world.started(1, &spec).await;
        assert_eq!(world.inspect(&container.id.0).await.expect("it exists").health, Health::Starting);
        assert_eq!(world.listed().await[0].health, Health::Starting);
        std::fs::write(directory.path().join("healthy"), "").expect("a file");
        world.until(&container.id, |c| c.health == Health::Healthy).await;
        assert_eq!(world.listed().await[0].health, Health::Healthy);
        std::fs::remove_file(directory.path().join("healthy")).expect("the file");
        world.until(&container.id, |c| c.health == Health::Unhealthy).await;
        assert_eq!(world.listed().await[0].health, Health::Unhealthy);
        std::fs::write(directory.path().join("end"), "").expect("a file");
        let ended = world.until(&container.id, |c| matches!(c.phase, Phase::Exited { .. })).await;
        let Phase::Exited { exit: Some(exit) } = &ended.phase else { panic!("{ended:?}") };
        let output = exit.health_output.as_deref().expect("the output of the check");
        assert!(output.contains("not yet"), "{output}");
    })
    .await;
}

#[tokio::test]
async fn the_kernel_kills_for_memory() {
    in_a_world(|world| async move {
        let greedy = spec(r#""memory":6,"command":["sh","-c","x=aaaaaaaaaaaaaaaa; while true; do x=$x$x; done"]"#);
        // Engine 20.10 itself forgets now and then: of 128 containers that it reported as out of memory in an event, 2 never
        // showed it when inspected. Three in a row would be ours.
        for attempt in 1..=3 {
            let container = world.started(attempt, &greedy).await;
            let ended = world.until(&container.id, |c| matches!(c.phase, Phase::Exited { .. })).await;
            let Phase::Exited { exit: Some(exit) } = &ended.phase else { panic!("{ended:?}") };
            assert_eq!(exit.code, 137, "{exit:?}");
            if exit.oom_killed {
                return;
            }
        }
        panic!("no container that ran out of memory says so");
    })
    .await;
}

#[tokio::test]
async fn hints_come_at_once_and_only_for_ours() {
    in_a_world(|world| async move {
        let mut hints = world.docker.hints(now(), std::collections::BTreeSet::from([source()]));
        let foreign = foreign_body();
        let foreign = world.raw.create_container(None, foreign).await.expect("a container").id;
        world.raw.remove_container(&foreign, None).await.expect("it was there");
        let container = world.started_and_ready(1, &sleeping("")).await;
        let mut seen = Vec::new();
        // Changes that fall together are told as `Other`: it stands for the wanted one only when it comes after the call.
        let mut until = async |wanted: Change| loop {
            let hint = tokio::time::timeout(Duration::from_secs(30), hints.next()).await;
            let hint = hint.unwrap_or_else(|_| panic!("no hint of {wanted:?}")).expect("the stream goes on");
            seen.push(hint.clone());
            if matches!(&hint, Hint::Container(id, change) if *id == container.id && [wanted, Change::Other].contains(change)) {
                return;
            }
        };
        until(Change::Began).await;
        assert_eq!(world.stop(&container, 10).await, Outcome::Done(Effect::Stopped));
        until(Change::Ended).await;
        assert_eq!(world.remove(&container).await, Outcome::Done(Effect::Removed));
        until(Change::Removed).await;
        assert_eq!(world.inspect(&container.id.0).await, None);
        let is_foreign = |hint: &Hint| matches!(hint, Hint::Container(id, _) if *id.0 == *foreign);
        assert!(!seen.iter().any(is_foreign), "somebody else's container gave a hint");
        assert!(!seen.contains(&Hint::Lost));
    })
    .await;
}

#[tokio::test]
async fn the_end_of_a_log() {
    in_a_world(|world| async move {
        let script = r#""command":["sh","-c","for i in 1 2 3; do echo line $i; done; sleep 0.2; printf '\\033[31mred\\033[0m\\n' >&2; sleep 0.2; printf 'no end'"]"#;
        let container = world.started(1, &spec(script)).await;
        world.until(&container.id, |c| matches!(c.phase, Phase::Exited { .. })).await;
        let tail = async |lines| world.docker.log_tail(&container.id, lines).await.expect("an answer");
        assert_eq!(tail(3).await, ["line 3", "red", "no end"]);
        assert_eq!(tail(100).await.len(), 5);
        assert_eq!(tail(0).await, [""; 0]);
        assert_eq!(world.remove(&container).await, Outcome::Done(Effect::Removed));
        assert_eq!(tail(3).await, [""; 0], "a container that is gone has no log");
    })
    .await;
}

#[tokio::test]
async fn the_images_have_names() {
    in_a_world(|world| async move {
        assert!(world.docker.image_names().await.expect("an answer").contains(&IMAGE.to_owned()));
        assert!(world.docker.read_only().describe().starts_with("Docker at "));
    })
    .await;
}
