//! The Docker Engine of this machine as the contract suite sees it. Without one the tests fail.

use std::collections::HashMap;
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use bollard::models::{ContainerCreateBody, ContainerStateStatusEnum};
use bollard::query_parameters::{
    CreateContainerOptions, KillContainerOptions, RemoveContainerOptions, RemoveVolumeOptions,
};
use reconcile::engine::Observe;
use reconcile::engine::docker::{Docker, Endpoint};
use reconcile::observed::ContainerId;
use reconcile::ownership;
use reconcile::value::{ClusterName, Timestamp};
use serde_json::json;
use tokio::runtime::Runtime;

use super::{Fixture, Program, Promise, source};

super::for_every_scenario!(OnDocker);

/// Made by `scripts/build-image`: one static program that behaves well or badly on request.
const IMAGE: &str = "reconcile-shop:1";

/// What engines are known not to do: the name and the beginning of the version of each, and why. Docker does everything.
const KNOWN_DIFFERENCES: [(&str, &str, Promise, &str); 3] = [
    (
        "Podman Engine",
        "4.3.",
        Promise::FailedStartIsShown,
        "Podman 4.3 leaves a container that could not be started as it was: `created`, exit code 0, no error",
    ),
    (
        "Podman Engine",
        "4.3.",
        Promise::LackOfMemoryIsShown,
        "conmon 2.1.6 writes that memory ran out into the directory of the service, and Podman 4.3 looks in that of the container",
    ),
    (
        "Podman Engine",
        "4.3.",
        Promise::OnlyWhatRunsHoldsItsNetwork,
        "Podman 4.3 refuses to remove a network by name as long as any container is to join it, and by id it would remove all",
    ),
];

/// A real engine.
struct OnDocker {
    docker: Docker,
    raw: bollard::Docker,
    /// The names and versions of what it consists of.
    components: Vec<(String, String)>,
    cluster: ClusterName,
    foreign: Mutex<Vec<String>>,
}

fn connect() -> bollard::Docker {
    bollard::Docker::connect_with_defaults().expect("a Docker engine: these tests need one")
}

fn new_docker() -> Docker {
    Docker::new(Endpoint::find(None).expect("an endpoint"))
}

fn new_runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Makes the image when it is missing or out of date; once for all tests.
fn make_image() {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/build-image");
        let status = Command::new(script).status().expect("scripts/build-image runs");
        assert!(status.success(), "scripts/build-image failed");
    });
}

impl Fixture for OnDocker {
    type Engine = Docker;

    fn runtime() -> Runtime {
        new_runtime()
    }

    async fn new(cluster: &ClusterName) -> Self {
        make_image();
        let (docker, raw) = (new_docker(), connect());
        let components = raw.version().await.expect("a version").components.unwrap_or_default();
        let components = components.into_iter().map(|component| (component.name, component.version)).collect();
        Self { docker, raw, components, cluster: cluster.clone(), foreign: Mutex::default() }
    }

    fn engine(&self) -> &Docker {
        &self.docker
    }

    fn known_difference(&self, promise: Promise) -> Option<&'static str> {
        let is_here = |name: &str, version: &str| {
            self.components.iter().any(|(engine, exact)| engine == name && exact.starts_with(version))
        };
        let mut known = KNOWN_DIFFERENCES.into_iter();
        known.find(|(name, version, about, _)| *about == promise && is_here(name, version)).map(|(.., reason)| reason)
    }

    fn image_and_command(&self, program: Program) -> serde_json::Value {
        let check = json!({
            "command": ["CMD", "/shop", "check", "http://127.0.0.1:8080/health"],
            "interval": 1, "timeout": 5, "retries": 2, "startPeriod": 0
        });
        match program {
            Program::Sleeps => json!({ "image": IMAGE, "command": ["sleep"] }),
            Program::IgnoresTerm => json!({ "image": IMAGE, "command": ["ignore-term"] }),
            Program::Exits { code, after_secs } => {
                let (code, secs) = (code.to_string(), after_secs.to_string());
                json!({ "image": IMAGE, "command": ["exit", code, "after", secs] })
            }
            Program::NotThere => json!({ "image": IMAGE, "entryPoint": ["/no/such/program"] }),
            Program::SickAfter(secs) => {
                json!({ "image": IMAGE, "command": ["sick", "after", secs.to_string()], "healthCheck": check })
            }
            Program::Well => json!({ "image": IMAGE, "command": ["sick"], "healthCheck": check }),
            Program::TakesMemory => json!({ "image": IMAGE, "command": ["oom"], "memory": 16 }),
            Program::Prints(text) => json!({ "image": IMAGE, "command": ["print", text] }),
        }
    }

    async fn kill(&self, id: &ContainerId) {
        let options = KillContainerOptions { signal: "SIGKILL".to_owned() };
        self.raw.kill_container(&id.0, Some(options)).await.expect("it ran");
    }

    async fn add_foreign(&self, name: &str) -> String {
        let options = CreateContainerOptions { name: Some(name.to_owned()), ..CreateContainerOptions::default() };
        let labels: HashMap<_, _> = ownership::cluster_labels(&self.cluster, &source()).into_iter().collect();
        let body = ContainerCreateBody {
            image: Some(IMAGE.to_owned()),
            labels: Some(labels),
            ..ContainerCreateBody::default()
        };
        let id = self.raw.create_container(Some(options), body).await.expect("the name is free").id;
        self.foreign.lock().unwrap_or_else(PoisonError::into_inner).push(id.clone());
        id
    }

    async fn is_untouched(&self, id: &str) -> bool {
        let Ok(found) = self.raw.inspect_container(id, None).await else { return false };
        found.state.and_then(|state| state.status) == Some(ContainerStateStatusEnum::CREATED)
    }

    fn free_port(&self) -> u16 {
        let listener = TcpListener::bind("0.0.0.0:0").expect("a free port");
        listener.local_addr().expect("an address").port()
    }

    #[expect(clippy::disallowed_methods, reason = "the engine's clock is that of this machine")]
    fn now(&self) -> Timestamp {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        Timestamp::default().after(now)
    }
}

impl Drop for OnDocker {
    /// Removes everything of the cluster, also when the scenario has failed: on a thread and a connection of its own, because the
    /// runtime of the scenario may be unwinding.
    fn drop(&mut self) {
        let cluster = self.cluster.clone();
        let foreign = std::mem::take(&mut *self.foreign.lock().unwrap_or_else(PoisonError::into_inner));
        let cleaner = std::thread::spawn(move || new_runtime().block_on(remove_everything(&cluster, foreign)));
        let done = cleaner.join().is_ok();
        assert!(done || std::thread::panicking(), "the objects of {} could not be removed", self.cluster);
    }
}

/// Finds it with our own reading of the lists: bollard knows no state of Podman's such as `stopped`.
async fn remove_everything(cluster: &ClusterName, foreign: Vec<String>) {
    let raw = connect();
    let listing = new_docker().list().await.expect("a list");
    let ours = listing.containers.into_iter().filter(|container| container.identity.task.cluster == *cluster);
    for id in ours.map(|container| container.id.0.to_string()).chain(foreign) {
        let options = RemoveContainerOptions { force: true, v: true, link: false };
        // One that the scenario has removed meanwhile is gone already.
        let _ = raw.remove_container(&id, Some(options)).await;
    }
    for volume in listing.volumes.into_iter().filter(|volume| volume.cluster == *cluster) {
        raw.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await.expect("nobody uses it");
    }
    for network in listing.networks.into_iter().filter(|network| network.cluster == *cluster) {
        raw.remove_network(&network.id.0).await.expect("nobody uses it");
    }
}
