//! One action, one call to the engine, and what its answer means.
//!
//! Three answers are told apart with care. *Done* includes "it was so already", which makes every action safe to repeat. *Failed* means
//! that the engine said no, or that nothing reached it. *Unknown* is everything after which the engine may yet do what it was asked: the
//! engine finishes what it has begun even when nobody waits for the answer any more.

use bollard::query_parameters::{
    CreateContainerOptions, RemoveContainerOptions, RemoveVolumeOptions, StopContainerOptions,
};

use super::answers::{self, Inspected, tells_of_port};
use super::cgroups::TaskGroups;
use super::connection::{Call, CallError, Connection, VERSION};
use super::credentials::RepositorySecrets;
use super::own_image::{MAKE_IMAGE, make_own_image};
use super::pull::{self, NotPulled};
use super::secrets::{Delivered, Delivery, cover_log_options};
use super::{INSPECT, inspect, now, query, translate, withheld};
use crate::desired::RepositoryCredentials;
use crate::image::Platform;
use crate::observed::{ContainerId, Health, NetworkId, ObservedContainer, ObservedNetwork, Phase};
use crate::ownership::{self, ContainerIdentity, RecordedSpec, Source};
use crate::plan::{Action, Effect, Failure, FailureKind, NewContainer, Outcome};
use crate::value::ClusterName;

// A create takes 10 ms, with a volume driver of a network some seconds. A start takes 3.5 s at the 99th percentile when 32 are under
// way, 12 s after containerd was restarted. A removal deletes files. A network takes 0.3 s, more with many firewall rules.
const CREATE: Call = Call::new("create container", 60);
const START: Call = Call::new("start container", 120);
const REMOVE: Call = Call::new("remove container", 60);
const CREATE_NETWORK: Call = Call::new("create network", 60);
const REMOVE_NETWORK: Call = Call::new("remove network", 60);
const FIND_NETWORK: Call = Call::new("find network", 30);
const FIND_VOLUME: Call = Call::new("find volume", 30);
const FIND_IMAGE: Call = Call::new("find image", 30);
const MAKE_VOLUME: Call = Call::new("make volume", 60);
const REMOVE_VOLUME: Call = Call::new("remove volume", 60);

/// What a stop may take beyond the time that the container has: SIGKILL, and taking network and mounts down on a busy host.
const STOP_MARGIN_SECS: u64 = 120;

/// Carries out `action`.
pub(super) async fn perform(
    connection: &Connection,
    secrets: &Delivery,
    registry_secrets: &dyn RepositorySecrets,
    groups: &TaskGroups,
    action: &Action,
) -> Outcome {
    let result = match action {
        Action::CreateNetwork { cluster, source } => create_network(connection, cluster, source).await,
        Action::RemoveNetwork { cluster, id } => remove_network(connection, cluster, id).await,
        Action::PullImage { image, .. } if image == ownership::PAUSE_IMAGE => make_pause_image(connection).await,
        Action::PullImage { image, credentials, platform } => {
            let (credentials, platform) = (credentials.as_ref(), platform.as_ref());
            pull_image(connection, registry_secrets, image, credentials, platform).await
        }
        Action::CreateContainer(new) => create_container(connection, secrets, groups, new).await,
        Action::StartContainer { id, identity } => {
            let started = start_container(connection, secrets, id, identity).await;
            if started.is_ok() {
                groups.uphold(connection, identity, id).await;
            }
            started
        }
        Action::StopContainer { id, stop_timeout, .. } => stop_container(connection, id, *stop_timeout).await,
        Action::RemoveContainer { id, identity } => {
            let removed = remove_container(connection, id).await;
            removed.inspect(|_| {
                secrets.discard(identity);
                groups.discard(&identity.task);
            })
        }
        Action::RemoveVolume { name, .. } => remove_volume(connection, name).await,
    };
    match result {
        Ok(effect) => Outcome::Done(effect),
        Err(No::Failed(failure)) => Outcome::Failed(failure),
        Err(No::Unknown(sentence)) => Outcome::Unknown(sentence),
    }
}

/// Why an action is not known to be done.
#[derive(Debug)]
pub(super) enum No {
    Failed(Failure),
    Unknown(String),
}

impl No {
    pub(super) fn failed(kind: FailureKind, message: impl Into<String>) -> Self {
        Self::Failed(Failure { kind, message: message.into() })
    }

    /// What an error of `call` means, where `classify` says what a refusal means.
    fn of(
        connection: &Connection,
        call: Call,
        error: CallError,
        classify: impl FnOnce(u16, &str) -> FailureKind,
    ) -> Self {
        match error {
            CallError::Unreachable(reason) => {
                let endpoint = connection.endpoint();
                Self::failed(FailureKind::Unreachable, format!("cannot reach the engine at {endpoint}: {reason}"))
            }
            CallError::Refused { status, message } => Self::failed(classify(status, &message), message),
            CallError::NoAnswer { .. } | CallError::Broken(_) | CallError::Unreadable(_) => {
                Self::Unknown(format!("{}: {error}; it may have happened all the same", call.name))
            }
        }
    }

    /// What an error of a question means that was asked before or after the call: nothing was changed by it.
    pub(super) fn of_question(connection: &Connection, call: Call, error: CallError) -> Self {
        match error {
            CallError::Unreachable(_) => Self::of(connection, call, error, |_, _| FailureKind::Engine),
            CallError::Refused { .. }
            | CallError::NoAnswer { .. }
            | CallError::Broken(_)
            | CallError::Unreadable(_) => Self::failed(FailureKind::Engine, format!("{}: {error}", call.name)),
        }
    }
}

async fn create_network(connection: &Connection, cluster: &ClusterName, source: &Source) -> Result<Effect, No> {
    let body = translate::network_body(cluster, source);
    let name = body.name.clone();
    let created = CREATE_NETWORK.within(async { Ok(connection.client()?.create_network(body).await?) }).await;
    match created {
        Ok(network) => Ok(Effect::Network(NetworkId::new(&network.id))),
        Err(CallError::Refused { status, message }) if is_network_conflict(status, &message) => {
            find_network(connection, cluster, source, &name, message).await
        }
        Err(error) => Err(No::of(connection, CREATE_NETWORK, error, |status, _| match status {
            400 => FailureKind::Refused,
            _ => FailureKind::Engine,
        })),
    }
}

/// Whether the engine says that there is a network of this name. Docker says so with 409 from 25 on, Podman 4.3 with 500.
fn is_network_conflict(status: u16, message: &str) -> bool {
    status == 409 || (status == 500 && message.contains("network already exists"))
}

/// The network of the cluster that exists already. A second call, argued: engines from 25 on refuse a second network of one name, and
/// only a look tells whether the first is ours, as after a create that was not answered in time.
async fn find_network(
    connection: &Connection,
    cluster: &ClusterName,
    source: &Source,
    name: &str,
    message: String,
) -> Result<Effect, No> {
    let networks = ask_networks(connection, name).await?;
    // One that was made for a task on its own is as good for a directory, and the other way round.
    let is_shared = |other: &Source| other == source || other.is_standalone() || source.is_standalone();
    match networks.into_iter().find(|network| network.cluster == *cluster && is_shared(&network.source)) {
        Some(network) => Ok(Effect::Network(network.id)),
        None => Err(No::failed(FailureKind::NameTaken, message)),
    }
}

/// The networks of ours that have this name.
async fn ask_networks(connection: &Connection, name: &str) -> Result<Vec<ObservedNetwork>, No> {
    let filters = serde_json::json!({ "name": [name], "label": [ownership::CLUSTER] }).to_string();
    let found = connection.get(FIND_NETWORK, &query("/networks", &[("filters", &filters)])).await;
    let networks = found
        .and_then(|answer| answers::read_networks(&answer).map_err(|error| CallError::Unreadable(error.to_string())));
    networks.map_err(|error| No::of_question(connection, FIND_NETWORK, error))
}

/// Removes a network by its id, for several may have one name. Podman 4.3 removes what is named by its id from under the containers
/// that use it, whoever's they are, and heeds them only when it is given the name, which is unique there.
async fn remove_network(connection: &Connection, cluster: &ClusterName, id: &NetworkId) -> Result<Effect, No> {
    let is_podman = connection.is_podman().await;
    let mut id_or_name = id.0.to_string();
    if is_podman.map_err(|error| No::of_question(connection, VERSION, error))? {
        let name = ownership::network_name(cluster);
        if ask_networks(connection, &name).await?.iter().all(|network| network.id != *id) {
            return Ok(Effect::Removed);
        }
        id_or_name = name;
    }
    let removed = REMOVE_NETWORK.within(async { Ok(connection.client()?.remove_network(&id_or_name).await?) }).await;
    match removed {
        Ok(()) | Err(CallError::Refused { status: 404, .. }) => Ok(Effect::Removed),
        Err(error) => Err(No::of(connection, REMOVE_NETWORK, error, classify_network_removal)),
    }
}

fn classify_network_removal(status: u16, message: &str) -> FailureKind {
    match status {
        // 403 is how Docker says that containers are still attached, 500 how Podman 4.3 does.
        403 | 409 => FailureKind::Conflict,
        500 if message.contains("network is being used") => FailureKind::Conflict,
        _ => FailureKind::Engine,
    }
}

async fn make_pause_image(connection: &Connection) -> Result<Effect, No> {
    let made = make_own_image(connection, ownership::PAUSE_IMAGE).await;
    made.map_err(|error| No::of(connection, MAKE_IMAGE, error, |_, _| FailureKind::Engine))?;
    Ok(Effect::Pulled)
}

async fn pull_image(
    connection: &Connection,
    secrets: &dyn RepositorySecrets,
    image: &str,
    credentials: Option<&RepositoryCredentials>,
    platform: Option<&Platform>,
) -> Result<Effect, No> {
    match pull::pull(connection, secrets, image, credentials, platform).await {
        Ok(()) => Ok(Effect::Pulled),
        Err(NotPulled::Failed(failure)) => Err(No::Failed(failure)),
        Err(NotPulled::NoAnswer(error)) => Err(No::of(connection, pull::PULL, error, |_, _| FailureKind::Registry)),
    }
}

/// Creates a container under the first of its names that is free.
///
/// One call, but for three cases that are argued: the name is taken, where a look at the holder tells our own earlier attempt from
/// somebody else's container; a volume that must exist, which the engine would make without a word; and volumes on Podman.
async fn create_container(
    connection: &Connection,
    secrets: &Delivery,
    groups: &TaskGroups,
    new: &NewContainer,
) -> Result<Effect, No> {
    let new = &*withheld::complete(connection, new).await?;
    let delivered = secrets.prepare(new).await?;
    let group = groups.prepare(connection, &new.identity, &new.spec).await;
    let created = create_with(connection, new, &delivered, group).await;
    if matches!(created, Err(No::Failed(_))) {
        groups.discard(&new.identity.task);
    }
    created.map_err(|no| secrets.undo(new, &delivered, no))
}

async fn create_with(
    connection: &Connection,
    new: &NewContainer,
    delivered: &Delivered,
    group: Option<String>,
) -> Result<Effect, No> {
    for volume in translate::volumes_that_must_exist(&new.spec) {
        check_volume(connection, volume).await?;
    }
    make_volumes(connection, new).await?;
    let mut body = translate::container_body(new);
    delivered.add_to(&mut body);
    body.host_config.get_or_insert_default().cgroup_parent = group;
    let platform = new.spec.platform().map(|platform| platform.to_string()).unwrap_or_default();
    let mut holders = Vec::new();
    for name in new.identity.names() {
        if !holders.is_empty() {
            translate::answer_to(&mut body, &new.network, &new.identity.name());
        }
        let options = CreateContainerOptions { name: Some(name.clone()), platform: platform.clone() };
        let work = async { Ok(connection.client()?.create_container(Some(options), body.clone()).await?) };
        match CREATE.within(work).await {
            Ok(created) => {
                let spec = RecordedSpec::find(|key| Some(body.labels.as_ref()?.get(key)?.as_str()));
                return Ok(Effect::Container(Box::new(ObservedContainer {
                    health_output: None,
                    id: ContainerId::new(&created.id),
                    name,
                    identity: new.identity.clone(),
                    spec,
                    phase: Phase::Created,
                    health: Health::None,
                    readiness: Health::None,
                    readiness_output: None,
                    address: None,
                    created_at: now(),
                    ports: Vec::new(),
                })));
            }
            Err(CallError::Refused { status, message }) if is_name_conflict(status, &message) => {
                match ask_holder(connection, &name, &new.identity).await? {
                    Holder::Itself(container) => return Ok(Effect::Container(container)),
                    Holder::Other(holder) => holders.push(format!("`{name}` by {holder}")),
                }
            }
            Err(error) => return Err(No::of(connection, CREATE, error, classify_create)),
        }
    }
    Err(No::failed(FailureKind::NameTaken, format!("every name is taken: {}", holders.join(", "))))
}

/// Whether the engine says that a name is taken. Docker says so with 409, Podman with 500.
fn is_name_conflict(status: u16, message: &str) -> bool {
    matches!(status, 409 | 500) && message.contains("name") && message.contains("in use")
}

/// Who holds a name.
enum Holder {
    /// The very container that was to be created: an earlier try that was not answered in time.
    Itself(Box<ObservedContainer>),
    /// Another one, in words.
    Other(String),
}

async fn ask_holder(connection: &Connection, name: &str, identity: &ContainerIdentity) -> Result<Holder, No> {
    let found = inspect(connection, name).await;
    let found = found.map_err(|error| No::of_question(connection, INSPECT, error))?;
    let ContainerIdentity { task, container, source, .. } = identity;
    match found {
        Some(Inspected::Ours(held)) if held.identity.task == *task && held.identity.container == *container => {
            if held.identity.source == *source {
                return Ok(Holder::Itself(held));
            }
            // Another name would give the task a second container.
            let message = format!("`{name}` belongs to the same task as declared by {}", held.identity.source);
            Err(No::failed(FailureKind::NameTaken, message))
        }
        Some(Inspected::Ours(held)) => {
            Ok(Holder::Other(format!("{:#} of {}", held.identity.task, held.identity.source)))
        }
        Some(Inspected::Foreign { id }) => Ok(Holder::Other(format!("container {}, which is not ours", id.short()))),
        None => {
            Err(No::failed(FailureKind::Conflict, format!("the container that held the name `{name}` is just gone")))
        }
    }
}

async fn check_volume(connection: &Connection, volume: &str) -> Result<(), No> {
    match connection.get(FIND_VOLUME, &format!("/volumes/{volume}")).await {
        Ok(_) => Ok(()),
        Err(CallError::Refused { status: 404, .. }) => Err(No::failed(
            FailureKind::Refused,
            format!(
                "the volume `{volume}` does not exist: make it with `docker volume create {volume}`, or set autoprovision"
            ),
        )),
        Err(error) => Err(No::of_question(connection, FIND_VOLUME, error)),
    }
}

/// Makes the volumes of a container beforehand where the engine would make them without labels, driver and options: Podman 4.3 heeds
/// only their names in the request that creates a container, and what carries no label of ours is never removed. An engine is asked
/// once what it is, and that only for a container that brings a volume.
async fn make_volumes(connection: &Connection, new: &NewContainer) -> Result<(), No> {
    let volumes = translate::volume_bodies(&new.identity, &new.spec);
    let fail = |call: Call| move |error| No::of_question(connection, call, error);
    if volumes.is_empty() || !connection.is_podman().await.map_err(fail(VERSION))? {
        return Ok(());
    }
    check_image(connection, &new.spec.image).await?;
    for body in volumes {
        // One that is there already is left as it is, with status 201 as well.
        let made = MAKE_VOLUME.within(async { Ok(connection.client()?.create_volume(body).await?) }).await;
        made.map_err(|error| No::of(connection, MAKE_VOLUME, error, classify_create))?;
    }
    Ok(())
}

/// Looks for the image of a container as the engine itself does first, so that no volume is left of a container that is not created.
async fn check_image(connection: &Connection, image: &str) -> Result<(), No> {
    if !image.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c)) {
        return Err(No::failed(FailureKind::Refused, format!("`{image}` is no name of an image")));
    }
    match connection.get(FIND_IMAGE, &format!("/images/{image}/json")).await {
        Ok(_) => Ok(()),
        Err(CallError::Refused { status: 404, message }) => Err(No::failed(FailureKind::ImageMissing, message)),
        Err(error) => Err(No::of_question(connection, FIND_IMAGE, error)),
    }
}

fn classify_create(status: u16, message: &str) -> FailureKind {
    match status {
        // Fetching it again would give the same.
        404 if message.contains("does not match the specified platform") => FailureKind::Refused,
        404 if message.to_lowercase().contains("image") => FailureKind::ImageMissing,
        400 | 404 => FailureKind::Refused,
        // So says Podman of a container whose volumes another one was to have, and which is gone.
        500 if message.contains("for volumes-from: no container") => FailureKind::Refused,
        409 => FailureKind::Conflict,
        _ => FailureKind::Engine,
    }
}

/// Starts a container. One call, but where the files of its secrets are gone, as after a reboot: they are written again first.
async fn start_container(
    connection: &Connection,
    secrets: &Delivery,
    id: &ContainerId,
    identity: &ContainerIdentity,
) -> Result<Effect, No> {
    let start = async || START.within(async { Ok(connection.client()?.start_container(&id.0, None).await?) }).await;
    let started = match start().await {
        Err(CallError::Refused { message, .. }) if secrets.is_about_files(identity, &message) => {
            let found = inspect(connection, &id.0).await;
            let found = found.map_err(|error| No::of_question(connection, INSPECT, error))?;
            secrets.restore(found, identity).await?;
            start().await
        }
        started => started,
    };
    let error = match started {
        Ok(()) => return Ok(Effect::Started),
        Err(CallError::Refused { status, message }) => {
            CallError::Refused { status, message: cover_log_options_of(connection, id, message).await }
        }
        Err(error) => error,
    };
    Err(No::of(connection, START, error, classify_start))
}

/// The message of a start that the engine refused, without secrets. Only what it says of a log driver needs a look at the container: it
/// may quote an option.
async fn cover_log_options_of(connection: &Connection, id: &ContainerId, message: String) -> String {
    let Some(covered) = cover_log_options(None, &message) else { return message };
    let found = inspect(connection, &id.0).await;
    match found {
        Ok(Some(Inspected::Ours(container))) => cover_log_options(container.spec.as_ref(), &message).unwrap_or(message),
        Ok(Some(Inspected::Foreign { .. }) | None) | Err(_) => covered,
    }
}

fn classify_start(status: u16, message: &str) -> FailureKind {
    let message = message.to_lowercase();
    let gone_for_good = [
        // The manifest names a user or group that the image does not have: every engine takes that for a fault of its own.
        "unable to find user",
        "unable to find group",
        // Podman 4.3 takes everything for a fault of its own: a network, a program that is not there or may not be run.
        "unable to find network",
        "oci runtime attempted to invoke a command that was not found",
        "oci permission denied",
    ];
    match status {
        _ if tells_of_port(&message) => FailureKind::PortTaken,
        404 if message.contains("no such container") => FailureKind::Gone,
        // Something that the container was created with, such as its network, is gone for good.
        400 | 404 => FailureKind::Refused,
        500 if gone_for_good.iter().any(|words| message.contains(words)) => FailureKind::Refused,
        409 => FailureKind::Conflict,
        _ => FailureKind::Engine,
    }
}

async fn stop_container(connection: &Connection, id: &ContainerId, stop_timeout: u32) -> Result<Effect, No> {
    let call = Call::new("stop container", u64::from(stop_timeout) + STOP_MARGIN_SECS);
    let options = StopContainerOptions { t: Some(i32::try_from(stop_timeout).unwrap_or(i32::MAX)), signal: None };
    let stopped = call.within(async { Ok(connection.client()?.stop_container(&id.0, Some(options)).await?) }).await;
    match stopped {
        Ok(()) => Ok(Effect::Stopped),
        Err(CallError::Refused { status: 404, .. }) => Ok(Effect::Removed),
        Err(error) => Err(No::of(connection, call, error, |status, _| match status {
            409 => FailureKind::Conflict,
            _ => FailureKind::Engine,
        })),
    }
}

/// Removes a container with its anonymous volumes. Never by force: what runs is not removed.
async fn remove_container(connection: &Connection, id: &ContainerId) -> Result<Effect, No> {
    let options = RemoveContainerOptions { v: true, force: false, link: false };
    let removed = REMOVE.within(async { Ok(connection.client()?.remove_container(&id.0, Some(options)).await?) }).await;
    match removed {
        Ok(()) | Err(CallError::Refused { status: 404, .. }) => Ok(Effect::Removed),
        Err(CallError::Refused { status: 409, message }) if message.contains("already in progress") => {
            Ok(Effect::Removed)
        }
        Err(error) => Err(No::of(connection, REMOVE, error, |status, message| {
            // Podman says with 500 that the container runs.
            if status == 409 || message.contains("running") { FailureKind::Conflict } else { FailureKind::Engine }
        })),
    }
}

async fn remove_volume(connection: &Connection, name: &str) -> Result<Effect, No> {
    let options = RemoveVolumeOptions { force: false };
    let removed =
        REMOVE_VOLUME.within(async { Ok(connection.client()?.remove_volume(name, Some(options)).await?) }).await;
    match removed {
        Ok(()) | Err(CallError::Refused { status: 404, .. }) => Ok(Effect::Removed),
        Err(error) => Err(No::of(connection, REMOVE_VOLUME, error, |status, _| match status {
            409 => FailureKind::Conflict,
            _ => FailureKind::Engine,
        })),
    }
}

#[cfg(test)]
mod tests;
