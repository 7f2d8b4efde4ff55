//! Whatever dies, hangs or lies on the way: it converges afterwards, with no duplicate and nothing left over.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::daemon::Daemon;
use crate::support::docker::{Container, IMAGE_NEXT};
use crate::support::proxy::{Fate, Proxy};
use crate::support::shop::{Service, Shop, service};
use crate::support::wait::{pause, until};

/// A number below `limit` that looks random and is the same each time: a test that failed fails again. Faults at every fourth request
/// would hit the same one of a cycle of four for ever.
fn scatter(number: usize, limit: u64) -> u64 {
    // splitmix64, by Steele, Lea and Flood.
    let mixed = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) % limit
}

/// Fails unless exactly these services run, one task in each slot, of one network, and a further run finds nothing to do.
#[track_caller]
fn expect_converged(shop: &Shop, services: &[(&str, usize)]) {
    for &(name, count) in services {
        shop.expect_tasks(name, count);
    }
    let names: BTreeSet<_> = services.iter().map(|&(name, _)| name.to_owned()).collect();
    let all = shop.containers();
    for container in &all {
        assert!(names.contains(container.label("service")), "an orphan: {container:#?}");
        // A start that failed is remembered as any other failure is: beside a later try.
        let is_past = |other: &Container| {
            let attempt = |container: &Container| container.label("attempt").parse::<u32>().unwrap_or(0);
            let same =
                ["service", "slot", "container", "revision"].iter().all(|l| other.label(l) == container.label(l));
            same && attempt(other) > attempt(container)
        };
        assert!(
            container.state != "created" || all.iter().any(is_past),
            "never started, never removed: {container:#?}"
        );
    }
    assert_eq!(shop.engine.networks(&shop.label()).len(), 1);
    shop.expect_quiet();
}

#[test]
fn killed_at_any_moment_it_goes_on_where_it_was() {
    let shop = Shop::new("kill");
    let room = "mountPoints: [{ sourceVolume: room, containerPath: /data }]";
    let side = "{ name: side, image: 'reconcile-shop:1', command: [sleep], memory: 32 }";
    for round in 0..8_u32 {
        let value = format!("environment: [{{ name: ROUND, value: '{round}' }}]");
        let web = service("web").count(3).container(&value).container(room).definition("volumes: [{ name: room }]");
        let services = [web.beside(side), service("api").count(1 + round % 3).container(&value)];
        shop.write(&services);
        for kill in 0..3 {
            let run = shop.program(&[]).start();
            pause(Duration::from_millis(scatter(round as usize * 3 + kill, 700)));
            run.signal("KILL");
            let _ = run.wait();
        }
    }
    shop.converge();
    let ids = shop.ids();
    assert_eq!(ids.keys().filter(|key| key.starts_with("web/")).count(), 6, "{ids:#?}");
    assert_eq!(ids.keys().filter(|key| key.starts_with("api/")).count(), 2, "{ids:#?}");
    // Of each service one task may be kept to go back to, if a deployment before the last one got as far as that.
    let volumes = shop.engine.volumes(&shop.label()).len();
    assert!((3..=4).contains(&volumes), "a volume of a task that is gone was left: {volumes}");
    assert_eq!(shop.engine.networks(&shop.label()).len(), 1);
    let leftovers: Vec<_> = shop.containers().into_iter().filter(|container| !container.is_running()).collect();
    assert!(leftovers.len() <= 3, "{leftovers:#?}");
    shop.expect_quiet();
}

/// Converges through a proxy with faults, changes everything, and converges again.
fn survive(test: &str, faults: impl Fn(usize, &str, &str) -> Fate + Send + Sync + 'static) {
    let shop = Shop::new(test);
    let proxy = Proxy::with_faults(&shop.engine.socket, faults);
    let services =
        |image: &str| -> [Service; 2] { [service("web").count(3).image(image), service("api").image(image)] };
    for image in ["reconcile-shop:1", IMAGE_NEXT] {
        shop.write(&services(image));
        shop.let_settle();
        let mut last = None;
        until("it converges in spite of the faults", || {
            let ended = shop.program_at(&proxy.host(), &shop.directory, &[]).run();
            // An engine that is not there at the very first look is a reason to end; a person, or a timer, runs it again.
            let is_done = ended.code() == 0;
            assert!(is_done || [4, 6].contains(&ended.code()), "{ended}");
            last = Some(ended);
            is_done
        });
        expect_converged(&shop, &[("web", 3), ("api", 1)]);
        assert!(shop.running("web").iter().all(|container| container.image == image));
    }
}

#[test]
fn an_engine_that_is_slow() {
    survive("slow", |number, _, path| {
        let delay = Duration::from_millis(50 * scatter(number, 7));
        if path.contains("/events") { Fate::Pass } else { Fate::Delay(delay) }
    });
}

#[test]
fn an_engine_that_hangs_up_before_it_hears() {
    survive("deaf", |number, _, _| if scatter(number, 4) == 0 { Fate::ResetBefore } else { Fate::Pass });
}

#[test]
fn an_engine_that_does_it_and_does_not_say_so() {
    survive(
        "mute",
        |number, method, _| {
            if method != "GET" && scatter(number, 3) == 0 { Fate::ResetAfter } else { Fate::Pass }
        },
    );
}

#[test]
fn an_engine_with_errors_of_its_own() {
    survive("error", |number, _, _| if scatter(number, 4) == 0 { Fate::Error500 } else { Fate::Pass });
}

#[test]
fn an_engine_whose_answers_are_cut_off() {
    survive(
        "cut",
        |number, _, path| {
            if scatter(number, 4) == 0 && !path.contains("/events") { Fate::Truncate } else { Fate::Pass }
        },
    );
}

#[test]
fn an_engine_that_never_tells_what_happens() {
    survive("events", |_, _, path| if path.contains("/events") { Fate::ResetBefore } else { Fate::Pass });
}

#[test]
fn one_call_that_hangs_holds_up_nothing_else() {
    let shop = Shop::new("hang");
    // The creation of the other one is never answered.
    let proxy = Proxy::with_faults(&shop.engine.socket, |_, method, path| {
        let hangs = method == "POST" && path.contains("/create") && path.contains(".slow.");
        if hangs { Fate::Hang } else { Fate::Pass }
    });
    shop.write(&[service("web"), service("slow")]);
    let run = shop.program_at(&proxy.host(), &shop.directory, &["--watch"]).start();
    until("the other service runs", || shop.running("web").len() == 1);
    let before = shop.only("web").id;
    shop.engine.kill(&before);
    until("it is even repaired", || shop.running("web").iter().any(|container| container.id != before));
    run.signal("TERM");
    run.signal("TERM");
    run.wait().expect_code(143);
    shop.converge();
    expect_converged(&shop, &[("web", 1), ("slow", 1)]);
}

/// A cluster on a private daemon, under watch, with all that is to run running.
fn on_a_private_daemon(test: &str, live_restore: bool) -> (Daemon, Shop) {
    let daemon = Daemon::start(live_restore);
    let shop = Shop::on(daemon.engine(), test);
    shop.write(&[service("web").count(3), service("api")]);
    (daemon, shop)
}

#[track_caller]
fn wait_until_all_run(shop: &Shop, gone: &BTreeSet<String>) {
    until("all tasks run", || {
        let running: Vec<_> = shop.containers().into_iter().filter(Container::is_running).collect();
        running.len() == 4 && running.iter().all(|container| !gone.contains(&container.id))
    });
}

#[test]
fn a_daemon_that_is_restarted() {
    let (mut daemon, shop) = on_a_private_daemon("restart", false);
    let run = shop.watch();
    wait_until_all_run(&shop, &BTreeSet::new());
    for signal in ["TERM", "KILL"] {
        let before: BTreeSet<_> = shop.ids().into_values().collect();
        let losses = run.talk().matches("no answer since").count();
        daemon.down(signal);
        // While it is away, it is said why nothing happens and since when.
        run.wait_for_talks("no answer since", losses + 1);
        daemon.up();
        // Without live-restore its containers ended with it, or are ended by the new one.
        wait_until_all_run(&shop, &before);
    }
    run.signal("TERM");
    run.wait().expect_code(143);
    shop.converge();
    expect_converged(&shop, &[("web", 3), ("api", 1)]);
}

#[test]
fn a_daemon_that_is_restarted_under_living_containers() {
    let (mut daemon, shop) = on_a_private_daemon("restore", true);
    let run = shop.watch();
    wait_until_all_run(&shop, &BTreeSet::new());
    let before = shop.ids();
    for signal in ["TERM", "KILL"] {
        let losses = run.talk().matches("no answer since").count();
        daemon.down(signal);
        run.wait_for_talks("no answer since", losses + 1);
        daemon.up();
        run.wait_for_talks("answers again", losses + 1);
        wait_until_all_run(&shop, &BTreeSet::new());
    }
    run.signal("TERM");
    run.wait().expect_code(143);
    shop.converge();
    assert_eq!(shop.ids(), before, "no task was replaced");
    expect_converged(&shop, &[("web", 3), ("api", 1)]);
}

#[test]
fn a_daemon_that_dies_while_it_works() {
    let (mut daemon, shop) = on_a_private_daemon("work", true);
    let run = shop.watch();
    // Somewhere in the middle of it.
    until("the first container is there", || !shop.containers().is_empty());
    daemon.down("KILL");
    daemon.up();
    wait_until_all_run(&shop, &BTreeSet::new());
    shop.write(&[
        service("web").count(3).image("reconcile-shop:1").command("[sleep]").container("stopTimeout: 3"),
        service("api"),
    ]);
    run.wait_for_talk("stopping");
    daemon.down("KILL");
    daemon.up();
    until("it becomes quiet", || shop.run(&["--dry-run", "--detailed-exitcode"]).code() == 0);
    run.signal("TERM");
    run.wait().expect_code(143);
    shop.converge();
    expect_converged(&shop, &[("web", 3), ("api", 1)]);
}

#[test]
fn a_daemon_that_hangs_for_a_while() {
    let (daemon, shop) = on_a_private_daemon("freeze", false);
    let run = shop.watch();
    wait_until_all_run(&shop, &BTreeSet::new());
    let before = shop.ids();
    daemon.signal("STOP");
    shop.write(&[service("web").count(4), service("api")]);
    run.wait_for_talk("/web/3");
    pause(Duration::from_secs(3));
    daemon.signal("CONT");
    until("what was asked for meanwhile is there", || shop.running("web").len() == 4);
    let after = shop.ids();
    assert!(before.iter().all(|(key, id)| after.get(key) == Some(id)), "{before:#?} {after:#?}");
    run.signal("TERM");
    run.wait().expect_code(143);
    expect_converged(&shop, &[("web", 4), ("api", 1)]);
}
