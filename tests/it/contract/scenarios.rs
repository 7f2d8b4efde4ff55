//! The scenarios of the contract.

use std::time::Duration;

use futures_util::StreamExt;
use reconcile::desired::Protocol;
use reconcile::engine::{Change, Hint, LogQuery, LogStream, LogTime, Observe, Perform};
use reconcile::image::ImageId;
use reconcile::observed::{ContainerId, Health, ObservedContainer, Phase, PublishedPort};
use reconcile::ownership::ContainerIdentity;
use reconcile::ownership::{self, Source};
use reconcile::plan::{Action, Effect, FailureKind, Outcome, VolumeSource};
use reconcile::value::VolumeName;
use serde_json::json;

use super::{Fixture, Program, Promise, World, created, exit_of, failure, kind_of, next_hint, source};

const STARTED: Outcome = Outcome::Done(Effect::Started);
const STOPPED: Outcome = Outcome::Done(Effect::Stopped);
const REMOVED: Outcome = Outcome::Done(Effect::Removed);

pub(super) async fn creating_twice_creates_once<F: Fixture>(world: &World<F>) {
    let first = world.create(1, Program::Sleeps, json!({})).await;
    let again = world.create(1, Program::Sleeps, json!({})).await;
    assert_eq!((&first.id, &first.name, &first.phase), (&again.id, &again.name, &Phase::Created));
    assert_eq!(again, world.inspect(&first).await);
    assert_eq!(first.name, world.identity(1).name());
    assert_eq!(world.find(&first.name).await.map(|found| found.id), Some(first.id.clone()), "by its name");
    assert_eq!(world.start(&first).await, STARTED);
    let running = world.create(1, Program::Sleeps, json!({})).await;
    assert!(matches!(running.phase, Phase::Running { .. }), "as it is now: {running:?}");
    assert_eq!(world.list().await.containers.len(), 1);
}

pub(super) async fn a_foreign_container_keeps_its_name<F: Fixture>(world: &World<F>) {
    let names: Vec<String> = world.identity(1).names().collect();
    let mut foreign = vec![world.fixture.add_foreign(&names[0]).await];
    let second = world.create(1, Program::Sleeps, json!({})).await;
    assert_eq!(second.name, names[1]);
    assert_eq!(world.create(1, Program::Sleeps, json!({})).await.id, second.id, "the second name is a lock as well");
    assert_eq!(world.remove(&second).await, REMOVED);
    for name in &names[1..] {
        foreign.push(world.fixture.add_foreign(name).await);
    }
    let refused = world.create_from(world.identity(1), world.spec(Program::Sleeps, json!({}))).await;
    assert_eq!(kind_of(refused), FailureKind::NameTaken);
    for id in &foreign {
        assert!(world.fixture.is_untouched(id).await);
    }
}

pub(super) async fn a_task_of_another_source_is_not_doubled<F: Fixture>(world: &World<F>) {
    world.create(1, Program::Sleeps, json!({})).await;
    let mut elsewhere = world.identity(1);
    elsewhere.source = Source::new("test://elsewhere");
    let refused = failure(world.create_from(elsewhere, world.spec(Program::Sleeps, json!({}))).await);
    assert_eq!(refused.kind, FailureKind::NameTaken);
    assert!(refused.message.contains(source().as_str()), "it names the other source: {refused}");
}

pub(super) async fn starting_twice_is_no_error<F: Fixture>(world: &World<F>) {
    let container = world.run(1, Program::Sleeps, json!({})).await;
    let running = world.inspect(&container).await;
    assert_eq!(world.start(&container).await, STARTED);
    assert_eq!(world.inspect(&container).await, running, "the second start changes nothing");
    assert_eq!(running.health, Health::None);
    let (Phase::Running { started_at }, Phase::Running { started_at: at_the_latest }) =
        (running.phase, world.listed(&container).await.phase)
    else {
        panic!("it runs");
    };
    assert!(at_the_latest >= started_at, "a list never makes it older than it is");
    assert!(at_the_latest.since(started_at) < Duration::from_secs(3));
}

pub(super) async fn stopping_twice_is_no_error<F: Fixture>(world: &World<F>) {
    // A program that has not come as far as to handle the signal does not hear it. One that is well has.
    let container = world.run(1, Program::Well, json!({})).await;
    world.until("healthy", async || world.inspect(&container).await, |seen| seen.health == Health::Healthy).await;
    assert_eq!(world.stop(&container, 30).await, STOPPED);
    // Docker 26.1 answers a stop some 1.3 ms before its list is right, so an own stop is listed as late as every other end.
    let has_ended = |seen: &ObservedContainer| seen.phase == Phase::Exited { exit: None };
    world.until("listed as ended", async || world.listed(&container).await, has_ended).await;
    assert_eq!(world.stop(&container, 30).await, STOPPED);
    let exit = exit_of(world.inspect(&container).await);
    assert!(exit.code != 137 && !exit.oom_killed, "it was asked, not killed: {exit:?}");
    assert_eq!(world.remove(&container).await, REMOVED);
    assert_eq!(world.stop(&container, 30).await, REMOVED);
    let never_started = world.create(2, Program::Sleeps, json!({})).await;
    assert_eq!(world.stop(&never_started, 30).await, STOPPED);
}

pub(super) async fn a_program_that_ignores_the_signal_is_killed<F: Fixture>(world: &World<F>) {
    let container = world.run(1, Program::IgnoresTerm, json!({})).await;
    let asked_at = world.fixture.now();
    assert_eq!(world.stop(&container, 1).await, STOPPED);
    let exit = exit_of(world.inspect(&container).await);
    assert_eq!((exit.code, exit.oom_killed), (137, false));
    assert!(exit.finished_at.since(asked_at) >= Duration::from_millis(900), "it had its second: {exit:?}");
    let container = world.run(2, Program::IgnoresTerm, json!({})).await;
    assert_eq!(world.stop(&container, 0).await, STOPPED);
    assert_eq!(exit_of(world.inspect(&container).await).code, 137);
}

pub(super) async fn what_runs_is_not_removed<F: Fixture>(world: &World<F>) {
    let container = world.run(1, Program::Sleeps, json!({})).await;
    assert_eq!(kind_of(world.remove(&container).await), FailureKind::Conflict);
    assert!(matches!(world.inspect(&container).await.phase, Phase::Running { .. }));
}

pub(super) async fn removing_twice_is_no_error<F: Fixture>(world: &World<F>) {
    let container = world.create(1, Program::Sleeps, json!({})).await;
    assert_eq!(world.remove(&container).await, REMOVED);
    assert_eq!(world.remove(&container).await, REMOVED);
    assert_eq!(world.find(&container.id.0).await, None);
    assert_eq!(kind_of(world.start(&container).await), FailureKind::Gone);
    assert!(world.list().await.containers.is_empty());
}

pub(super) async fn a_missing_image<F: Fixture>(world: &World<F>) {
    let mut spec = world.spec(Program::Sleeps, json!({}));
    "registry.invalid/nowhere:1".clone_into(&mut spec.image);
    let pull = Action::PullImage { image: spec.image.clone(), credentials: None, platform: None };
    let refused = failure(world.create_from(world.identity(1), spec).await);
    assert_eq!(refused.kind, FailureKind::ImageMissing, "{refused}");
    // Without a network nobody can say that there is no such registry.
    let refused = failure(world.engine().perform(&pull).await);
    assert!(matches!(refused.kind, FailureKind::ImageMissing | FailureKind::Registry), "{refused}");
    assert!(world.list().await.containers.is_empty(), "it left no container and no name behind");
    let present = world.spec(Program::Sleeps, json!({})).image;
    assert!(world.engine().image_names().await.expect("an answer").contains(&present));
}

pub(super) async fn an_image_that_a_container_refers_to_stays<F: Fixture>(world: &World<F>) {
    let spec = world.spec(Program::Sleeps, json!({}));
    let name = spec.image.clone();
    let look_up = async || world.engine().look_up_image(&name).await.expect("an answer");
    let image = look_up().await.expect("the engine has it");
    assert_eq!(image.unfit_host(), None, "it is made for this host");
    let by_id = world.engine().look_up_image(&image.id.0).await.expect("an answer").expect("an image has its id");
    assert_eq!(by_id.id, image.id);
    let identity = ContainerIdentity { image: Some(image.pin(&name)), ..world.identity(1) };
    let container = created(world.create_from(identity.clone(), spec).await);
    assert_eq!(world.inspect(&container).await.identity, identity, "the labels tell which image it is");
    let remove = async |id: &ImageId| world.engine().remove_images(&[(name.clone(), id.clone())]).await;
    assert_eq!(remove(&image.id).await, [], "it stays");
    let other = ImageId::new("sha256:0000000000000000000000000000000000000000000000000000000000000000");
    assert_eq!(remove(&other).await, [(name.clone(), false)], "its name has another image");
    assert_eq!(look_up().await, Some(image));
    let nowhere = world.engine().look_up_image("registry.invalid/nowhere:1").await;
    assert_eq!(nowhere.expect("an answer"), None);
}

pub(super) async fn a_bad_command_leaves_a_failed_container<F: Fixture>(world: &World<F>) {
    let container = world.create(1, Program::NotThere, json!({})).await;
    let refused = failure(world.start(&container).await);
    assert_eq!(refused.kind, FailureKind::Refused, "{refused}");
    assert_eq!(world.listed(&container).await.phase, Phase::CreatedOrFailed);
    let failed = world.failed(&container).await;
    assert_eq!(world.create(1, Program::NotThere, json!({})).await, failed, "it holds its name");
    assert_eq!(world.stop(&container, 1).await, STOPPED);
    assert_eq!(world.remove(&container).await, REMOVED);
}

pub(super) async fn a_taken_port_leaves_a_failed_container<F: Fixture>(world: &World<F>) {
    let port = world.fixture.free_port();
    let fields = json!({ "portMappings": [{ "containerPort": 80, "hostPort": port }] });
    let holder = world.run(1, Program::Sleeps, fields.clone()).await;
    let published = [PublishedPort { container_port: 80, host_port: port, protocol: Protocol::Tcp }];
    assert_eq!(world.inspect(&holder).await.ports, published);
    let rival = world.create(2, Program::Sleeps, fields).await;
    let refused = failure(world.start(&rival).await);
    assert_eq!(refused.kind, FailureKind::PortTaken, "{refused}");
    let failed = world.failed(&rival).await;
    assert_eq!((world.listed(&rival).await.phase, failed.ports), (Phase::CreatedOrFailed, Vec::new()));
    assert_eq!(world.stop(&holder, 10).await, STOPPED);
    assert_eq!(world.start(&rival).await, STARTED, "the port is free as soon as its holder has stopped");
    assert_eq!(world.inspect(&rival).await.ports, published);
}

pub(super) async fn dynamic_ports_are_reported<F: Fixture>(world: &World<F>) {
    let ports = json!([{ "containerPort": 80 }, { "containerPort": 53, "protocol": "udp" }]);
    let container = world.create(1, Program::Sleeps, json!({ "portMappings": ports })).await;
    assert_eq!(world.inspect(&container).await.ports, []);
    assert_eq!(world.start(&container).await, STARTED);
    let ports = world.inspect(&container).await.ports;
    let asked: Vec<_> = ports.iter().map(|port| (port.container_port, port.protocol)).collect();
    assert_eq!(asked, [(53, Protocol::Udp), (80, Protocol::Tcp)]);
    assert!(ports.iter().all(|port| port.host_port > 1023), "{ports:?}");
    assert_eq!(world.listed(&container).await.ports, ports);
    assert_eq!(world.stop(&container, 10).await, STOPPED);
    assert_eq!(world.inspect(&container).await.ports, []);
}

pub(super) async fn an_end_has_a_code_and_times<F: Fixture>(world: &World<F>) {
    let container = world.run(1, Program::Exits { code: 3, after_secs: 1 }, json!({})).await;
    let Phase::Running { started_at } = world.inspect(&container).await.phase else { panic!("it runs") };
    let exit = world.until_ended(&container).await;
    assert_eq!((exit.code, exit.oom_killed, exit.started_at), (3, false, started_at));
    assert_eq!(exit.health_output, None);
    let ran = exit.finished_at.since(started_at);
    assert!(ran >= Duration::from_millis(900) && ran < Duration::from_secs(10), "{exit:?}");
    assert_eq!(world.start(&container).await, STARTED, "what has ended can be started again");
    let Phase::Running { started_at: again } = world.inspect(&container).await.phase else { panic!("it runs") };
    assert!(again > started_at);
}

pub(super) async fn an_end_for_memory<F: Fixture>(world: &World<F>) {
    let container = world.run(1, Program::TakesMemory, json!({})).await;
    let exit = world.until_ended(&container).await;
    assert_eq!((exit.code, exit.oom_killed), (137, world.keeps(Promise::LackOfMemoryIsShown)));
}

pub(super) async fn the_list_shows_only_ours<F: Fixture>(world: &World<F>) {
    let ours = world.create(1, Program::Sleeps, json!({})).await;
    let foreign = world.fixture.add_foreign(&format!("{}.look.alike", world.cluster)).await;
    let ids: Vec<_> = world.list().await.containers.into_iter().map(|container| container.id).collect();
    assert_eq!(ids, [ours.id]);
    assert_eq!(world.find(&foreign).await, None);
}

pub(super) async fn an_end_is_inspected_at_once_and_listed_later<F: Fixture>(world: &World<F>) {
    let container = world.run(1, Program::Sleeps, json!({})).await;
    let mut hints = world.engine().hints(
        world.fixture.now(),
        std::collections::BTreeSet::from([super::source()]),
        reconcile::engine::Subjects::Everything,
    );
    let hear_and_look = async {
        let ended = Hint::Container(container.id.clone(), Change::Ended);
        while next_hint(&mut hints, &container.id).await != ended {}
        world.inspect(&container).await
    };
    let kill = async {
        // A stream of hints begins to flow when it is first polled.
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.fixture.kill(&container.id).await;
    };
    let (at_once, ()) = tokio::join!(hear_and_look, kill);
    let exit = exit_of(at_once);
    assert_eq!((exit.code, exit.oom_killed), (137, false));
    let is_right = |phase: &Phase| *phase == Phase::Exited { exit: None };
    world.until("listed", async || world.listed(&container).await, |seen| is_right(&seen.phase)).await;
}

pub(super) async fn health_is_known_after_the_first_check<F: Fixture>(world: &World<F>) {
    let container = world.run(1, Program::Well, json!({})).await;
    assert_eq!(world.inspect(&container).await.health, Health::Starting);
    assert_eq!(world.listed(&container).await.health, Health::Starting);
    world.until("healthy", async || world.inspect(&container).await, |seen| seen.health == Health::Healthy).await;
    assert_eq!(world.listed(&container).await.health, Health::Healthy);
    assert_eq!(world.stop(&container, 10).await, STOPPED);
    let ended = world.inspect(&container).await;
    assert_eq!((ended.health, world.listed(&container).await.health), (Health::None, Health::None));
    assert_eq!(exit_of(ended).health_output, None, "it was healthy as it ended");
}

pub(super) async fn sickness_is_found_and_explained<F: Fixture>(world: &World<F>) {
    let container = world.run(1, Program::SickAfter(3), json!({})).await;
    world.until("healthy", async || world.inspect(&container).await, |seen| seen.health == Health::Healthy).await;
    let sick = |health| health == Health::Unhealthy;
    world.until("unhealthy", async || world.inspect(&container).await, |seen| sick(seen.health)).await;
    assert_eq!(world.listed(&container).await.health, Health::Unhealthy);
    assert_eq!(world.stop(&container, 10).await, STOPPED);
    let output = exit_of(world.inspect(&container).await).health_output.expect("what the last check said");
    assert!(!output.is_empty());
}

pub(super) async fn labels_survive<F: Fixture>(world: &World<F>) {
    let mut identity = world.identity(7);
    (identity.failures, identity.essential, identity.containers) = (6, false, 3);
    identity.source = Source::new("git@example.org:shop.git//deploy/\"quoted\" and, = odd");
    let fields = json!({
        "essential": false,
        "environment": { "DB_PASSWORD": "hunter2", "GREETING": "x=1 \"ä\"" },
        "dockerLabels": { "team": "web", "reconcile.cluster": "bank" }
    });
    let spec = world.spec(Program::Sleeps, fields);
    let container = created(world.create_from(identity.clone(), spec.clone()).await);
    for seen in [&container, &world.inspect(&container).await, &world.listed(&container).await] {
        assert_eq!((&seen.identity, &seen.name), (&identity, &container.name));
        let label = seen.spec.as_ref().expect("a spec");
        assert!(!label.mentions(&["hunter2"]));
        assert_eq!(label.read().map(|read| &**read), Some(&ownership::redact(&spec)));
    }
}

pub(super) async fn networks_come_and_go<F: Fixture>(world: &World<F>) {
    let network = world.list().await.networks.into_iter().find(|network| network.id == world.network);
    let network = network.expect("it is listed");
    assert_eq!((&network.cluster, network.source), (&world.cluster, source()));
    let create = Action::CreateNetwork { cluster: world.cluster.clone(), source: source() };
    let Outcome::Done(Effect::Network(twin)) = world.engine().perform(&create).await else { panic!("no network") };
    // Some engines refuse a second network of one name and some do not: either way both ids are good.
    let listed: Vec<_> = world.list().await.networks.into_iter().map(|network| network.id).collect();
    assert!(listed.contains(&twin) && listed.contains(&world.network) && listed.len() <= 2, "{listed:?}");
    let container = world.run(1, Program::Sleeps, json!({})).await;
    assert_eq!(kind_of(world.remove_network(&world.network).await), FailureKind::Conflict);
    assert_eq!(world.stop(&container, 10).await, STOPPED);
    assert_eq!(world.remove(&container).await, REMOVED);
    for id in [&twin, &world.network, &twin] {
        assert_eq!(world.remove_network(id).await, REMOVED);
    }
    assert!(world.list().await.networks.is_empty());
}

pub(super) async fn a_container_whose_network_is_gone<F: Fixture>(world: &World<F>) {
    let container = world.create(1, Program::Sleeps, json!({})).await;
    let removed = world.remove_network(&world.network).await;
    if !world.keeps(Promise::OnlyWhatRunsHoldsItsNetwork) {
        assert_eq!(kind_of(removed), FailureKind::Conflict);
        return;
    }
    assert_eq!(removed, REMOVED);
    let refused = failure(world.start(&container).await);
    assert_eq!(refused.kind, FailureKind::Refused, "it will never come back: {refused}");
    world.failed(&container).await;
    assert_eq!(world.remove(&container).await, REMOVED);
}

pub(super) async fn the_volumes_of_another_container<F: Fixture>(world: &World<F>) {
    let first = world.create(1, Program::Sleeps, json!({})).await;
    let of = |id: ContainerId| vec![VolumeSource { id, read_only: true }];
    let spec = || world.spec(Program::Sleeps, json!({}));
    let second = created(world.create_with_volumes_of(of(first.id.clone()), world.identity(2), spec()).await);
    assert_eq!(world.start(&second).await, STARTED);
    assert_eq!(world.remove(&first).await, REMOVED);
    let refused = world.create_with_volumes_of(of(first.id), world.identity(3), spec()).await;
    assert_eq!(kind_of(refused), FailureKind::Refused, "a container that is gone has no volumes");
}

pub(super) async fn ports_in_the_network_of_the_host<F: Fixture>(world: &World<F>) {
    // Nothing listens there: the program only sleeps.
    let (container_port, protocol) = (61_234, Protocol::Udp);
    let mapping = json!([{ "containerPort": container_port, "hostPort": container_port, "protocol": "udp" }]);
    let fields = json!({ "portMappings": mapping, "task": { "networkMode": "host" } });
    let container = world.run(1, Program::Sleeps, fields).await;
    let ports = [PublishedPort { container_port, host_port: container_port, protocol }];
    assert_eq!(world.inspect(&container).await.ports, ports, "what it says it uses is held");
    assert_eq!(world.listed(&container).await.ports, ports);
    assert_eq!(world.stop(&container, 0).await, STOPPED);
    assert_eq!(world.inspect(&container).await.ports, []);
}

pub(super) async fn a_volume_of_a_task<F: Fixture>(world: &World<F>) {
    let mount = json!([{ "sourceVolume": "scratch", "containerPath": "/scratch", "volume": { "kind": "task" } }]);
    let container = world.create(1, Program::Sleeps, json!({ "mountPoints": mount })).await;
    let listing = world.list().await;
    let [volume] = listing.volumes.as_slice() else { panic!("{:?}", listing.volumes) };
    let scratch = VolumeName::new("scratch").expect("a name");
    assert_eq!(volume.name, ownership::task_volume_name(&container.identity.task, &scratch));
    assert_eq!((&volume.source, volume.task.as_ref()), (&source(), Some(&container.identity.task)));
    assert_eq!(kind_of(world.remove_volume(&volume.name).await), FailureKind::Conflict, "it is in use");
    assert_eq!(world.remove(&container).await, REMOVED);
    assert_eq!(world.list().await.volumes.len(), 1, "it does not go with the container");
    assert_eq!(world.remove_volume(&volume.name).await, REMOVED);
    assert_eq!(world.remove_volume(&volume.name).await, REMOVED);
    assert!(world.list().await.volumes.is_empty());
}

pub(super) async fn a_volume_that_outlives_its_task<F: Fixture>(world: &World<F>) {
    let name = format!("{}-data", world.cluster);
    let mount = |made: bool| {
        let volume = json!({ "kind": "shared", "autoprovision": made });
        json!({ "mountPoints": [{ "sourceVolume": name, "containerPath": "/data", "volume": volume }] })
    };
    let refused = failure(world.create_from(world.identity(1), world.spec(Program::Sleeps, mount(false))).await);
    assert_eq!(refused.kind, FailureKind::Refused, "{refused}");
    assert!(world.list().await.volumes.is_empty(), "it was not made in passing");
    let container = world.create(2, Program::Sleeps, mount(true)).await;
    assert_eq!(world.remove(&container).await, REMOVED);
    let volumes = world.list().await.volumes;
    assert_eq!(volumes.iter().map(|volume| (&volume.name, &volume.task)).collect::<Vec<_>>(), [(&name, &None)]);
    world.create(3, Program::Sleeps, mount(false)).await;
}

pub(super) async fn hints_tell_of_every_change<F: Fixture>(world: &World<F>) {
    let mut hints = world.engine().hints(
        world.fixture.now(),
        std::collections::BTreeSet::from([super::source()]),
        reconcile::engine::Subjects::Everything,
    );
    let container = world.create(1, Program::Well, json!({})).await;
    let mut seen = async |changes: &[Change]| {
        loop {
            let hint = next_hint(&mut hints, &container.id).await;
            // What happens in quick succession may fall together.
            if changes.iter().any(|change| hint == Hint::Container(container.id.clone(), *change)) {
                return;
            }
        }
    };
    seen(&[Change::Began]).await;
    assert_eq!(world.start(&container).await, STARTED);
    seen(&[Change::Began, Change::Other]).await;
    seen(&[Change::Other]).await;
    // Podman 4.3 tells of every check, and that before it counts.
    while world.inspect(&container).await.health != Health::Healthy {
        seen(&[Change::Other]).await;
    }
    assert_eq!(world.stop(&container, 10).await, STOPPED);
    seen(&[Change::Ended, Change::Other]).await;
    assert_eq!(world.remove(&container).await, REMOVED);
    seen(&[Change::Removed, Change::Other]).await;
}

pub(super) async fn the_last_lines_of_a_log<F: Fixture>(world: &World<F>) {
    let container = world.run(1, Program::Prints("closing time"), json!({})).await;
    world.until_ended(&container).await;
    let tail = async |lines| world.engine().log_tail(&container.id, lines).await.expect("an answer");
    assert_eq!(tail(5).await, ["closing time"]);
    assert!(tail(0).await.is_empty());
    // The same as a stream: from its beginning, from a time on, and to its end where the container runs no more.
    let read = async |query| {
        let entries: Vec<_> = world.engine().logs(&container.id, query).collect().await;
        entries.into_iter().map(|entry| entry.expect("an entry")).collect::<Vec<_>>()
    };
    let all = read(LogQuery { follow: true, ..LogQuery::default() }).await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((all[0].stream, &*all[0].bytes), (LogStream::Stdout, &b"closing time\n"[..]));
    assert_eq!(read(LogQuery { since: all[0].at, ..LogQuery::default() }).await, all, "that time is included");
    let later = all[0].at.map(|LogTime(at)| LogTime(at + 2_000_000_000));
    assert_eq!(read(LogQuery { since: later, ..LogQuery::default() }).await, []);
    assert_eq!(read(LogQuery { tail: Some(0), ..LogQuery::default() }).await, []);
    assert_eq!(world.remove(&container).await, REMOVED);
    assert!(tail(5).await.is_empty());
    assert_eq!(read(LogQuery::default()).await, []);
}
