//! Random histories of a host, with everything that can go wrong, and what must be true of each of them.
//!
//! A story is made from a seed: services and how their programs behave, changes of the manifests, faults, crashes, people who meddle.
//! The real reconciler works through it on the simulated engine, just as the loop drives it on a real one. At each action an oracle
//! that knows the truth judges it; at the end, when all is calm, everything has to come right and stay so.
//!
//! `RECONCILE_HISTORIES` says how many stories are told, `RECONCILE_SEED` tells one of them in words. A seed that ever failed is kept
//! in `tests/seeds.txt`.
#![allow(
    clippy::pedantic,
    clippy::wildcard_enum_match_arm,
    clippy::large_enum_variant,
    clippy::box_collection,
    clippy::vec_box,
    clippy::manual_is_multiple_of,
    clippy::redundant_closure,
    reason = "a checker of everything else is read as a list of exceptions; what it does not name is what it does not mind"
)]

use std::sync::atomic::{AtomicU64, Ordering};

mod by_hand;
mod calm;
mod drive;
mod generate;
mod happen;
mod hooks;
mod manifests;
mod oracle;
mod planted;
pub(crate) mod random;
mod story;

use drive::World;
use planted::Planted;
use story::Story;

/// How many stories are told where nobody says otherwise.
const HISTORIES: u64 = 10_000;

/// What is wrong with a story, and what happened in it.
#[derive(Debug, Clone)]
struct Told {
    violations: Vec<String>,
    trace: String,
}

fn tell(story: &Story, planted: Option<Planted>, traced: bool) -> Told {
    let mut world = World::new(story, planted, traced);
    for event in &story.events {
        if world.has_failed() {
            break;
        }
        world.happen(*event);
    }
    if !world.has_failed() {
        world.end();
    }
    Told { violations: world.oracle.violations, trace: world.trace.unwrap_or_default() }
}

fn fails(story: &Story, planted: Option<Planted>) -> bool {
    !tell(story, planted, false).violations.is_empty()
}

/// What is wrong with a story, without its names and numbers. A story that is made shorter has to stay wrong in the same way.
fn kind(story: &Story, planted: Option<Planted>) -> Option<String> {
    let violations = tell(story, planted, false).violations;
    let words = violations.first()?.split_whitespace().filter(|word| word.chars().all(|c| c.is_ascii_alphabetic()));
    Some(words.take(6).collect::<Vec<_>>().join(" "))
}

/// Leaves out what a story does not need to fail.
fn shrink(mut story: Story, planted: Option<Planted>) -> Story {
    let wrong = kind(&story, planted);
    let fails = |story: &Story| kind(story, planted) == wrong;
    let mut size = story.events.len().max(1);
    loop {
        let mut from = 0;
        while from < story.events.len() {
            let mut shorter = story.clone();
            shorter.events.drain(from..(from + size).min(story.events.len()));
            if fails(&shorter) {
                story = shorter;
            } else {
                from += size;
            }
        }
        if size == 1 {
            break;
        }
        size = size.div_ceil(2);
    }
    shrink_services(story, fails)
}

/// Makes the services of a story simpler, as far as it still fails.
fn shrink_services(mut story: Story, fails: impl Fn(&Story) -> bool) -> Story {
    let simpler: [fn(&mut story::Draft); 14] = [
        |draft| draft.wanted = false,
        |draft| draft.hooks = Default::default(),
        |draft| draft.hooks.before = None,
        |draft| draft.hooks.after = None,
        |draft| {
            draft.shape.order.clear();
            draft.shape.sidecars.clear();
        },
        |draft| draft.shape.order.clear(),
        |draft| draft.shape.ends_badly = false,
        |draft| draft.shape.start_timeout = None,
        |draft| draft.shape.sidecars_end = false,
        |draft| draft.shape.checks = None,
        |draft| (draft.shape.dynamic_port, draft.shape.shared_volume) = (false, false),
        |draft| draft.shape.task_volume = false,
        |draft| draft.grace_secs = 0,
        |draft| draft.count = draft.count.map(|count| count.min(1)),
    ];
    for index in 0..story.services.len() {
        for simplify in simpler {
            let mut candidate = story.clone();
            simplify(&mut candidate.services[index]);
            if fails(&candidate) {
                story = candidate;
            }
        }
        for version in 0..story::VERSIONS {
            let mut candidate = story.clone();
            candidate.services[index].versions[version] =
                story::Version { behaviour: Default::default(), image: Default::default() };
            if fails(&candidate) {
                story = candidate;
            }
        }
    }
    story
}

/// A failing story in words.
fn explain(seed: u64, planted: Option<Planted>) -> String {
    let story = shrink(generate::story(seed), planted);
    let told = tell(&story, planted, true);
    format!(
        "seed {seed:#x} fails. Keep it in tests/seeds.txt.\n\n{story}\n{}\nWrong: {}",
        told.trace,
        told.violations.join("\nand: ")
    )
}

/// Looks for a seed from `first` on that fails. With several threads the one that is found may differ; each of them is one.
fn find_failure(first: u64, count: u64, planted: Option<Planted>) -> Option<u64> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let next = AtomicU64::new(0);
    let found = AtomicU64::new(u64::MAX);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count || found.load(Ordering::Relaxed) != u64::MAX {
                        return;
                    }
                    if fails(&generate::story(first + number), planted) {
                        found.fetch_min(first + number, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    Some(found.into_inner()).filter(|seed| *seed != u64::MAX)
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok());
    Some(number.unwrap_or_else(|| panic!("{name} is not a number: {text}")))
}

#[test]
fn every_history_ends_well() {
    if let Some(seed) = variable("RECONCILE_SEED") {
        let story = generate::story(seed);
        let told = tell(&story, None, true);
        println!("{story}\n{}", told.trace);
        assert!(told.violations.is_empty(), "{}", explain(seed, None));
        return;
    }
    let count = variable("RECONCILE_HISTORIES").unwrap_or(HISTORIES);
    #[expect(
        clippy::disallowed_methods,
        reason = "the stories have clocks of their own; this one tells how long they took"
    )]
    let began = std::time::Instant::now();
    if let Some(seed) = find_failure(0, count, None) {
        panic!("{}", explain(seed, None));
    }
    let took = began.elapsed().as_secs_f64();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{count} histories in {took:.0} s on {cores} cores: {:.0} a second", count as f64 / took);
}

#[test]
fn every_seed_that_ever_failed_ends_well() {
    let kept = include_str!("../seeds.txt");
    let seeds =
        kept.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|line| !line.is_empty());
    for seed in seeds {
        let hex = seed.strip_prefix("0x").expect("a seed is written as 0x...");
        let seed = u64::from_str_radix(hex, 16).expect("a hexadecimal number");
        assert!(!fails(&generate::story(seed), None), "{}", explain(seed, None));
    }
}

#[test]
fn a_seed_always_tells_the_same_story() {
    for seed in 0..200 {
        let [first, second] = [(); 2].map(|()| {
            let story = generate::story(seed);
            (story.to_string(), tell(&story, None, true).trace)
        });
        assert_eq!(first, second, "seed {seed:#x}");
        assert!(!first.1.is_empty());
    }
}

#[test]
fn every_planted_bug_is_found() {
    let only = std::env::var("RECONCILE_PLANTED").ok();
    let mut missed = Vec::new();
    for planted in Planted::ALL {
        if only.as_ref().is_some_and(|only| format!("{planted:?}") != *only) {
            continue;
        }
        match find_failure(0, HISTORIES, Some(planted)) {
            Some(seed) => {
                let told = tell(&generate::story(seed), Some(planted), false);
                println!("{planted:?}: seed {seed:#x}: {}", told.violations[0].lines().next().unwrap_or_default());
                if only.is_some() {
                    println!("{}", explain(seed, Some(planted)));
                }
            }
            None => missed.push(planted),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}

#[test]
fn survey() {
    let Some(count) = variable("RECONCILE_SURVEY") else { return };
    let next = AtomicU64::new(0);
    let kinds = std::sync::Mutex::new(std::collections::BTreeMap::<String, (u64, u64)>::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count {
                        return;
                    }
                    let told = std::panic::catch_unwind(|| tell(&generate::story(seed), None, false));
                    let text = match told {
                        Ok(told) => told.violations.first().cloned(),
                        Err(_) => Some("PANIC".to_owned()),
                    };
                    if let Some(text) = text {
                        let kind: String = text.chars().filter(|c| !c.is_ascii_digit()).collect();
                        let kind = kind
                            .split('(')
                            .next()
                            .unwrap()
                            .replace("side", "S")
                            .replace("web", "S")
                            .replace("api", "S")
                            .replace("jobs", "S")
                            .replace("office", "C")
                            .replace("shop", "C");
                        let words: Vec<_> = kind
                            .split_whitespace()
                            .filter(|w| !w.starts_with('@') && !w.contains('.'))
                            .take(9)
                            .collect();
                        let mut kinds = kinds.lock().unwrap();
                        let entry = kinds.entry(words.join(" ")).or_insert((0, seed));
                        entry.0 += 1;
                        entry.1 = entry.1.min(seed);
                    }
                }
            });
        }
    });
    for (kind, (count, seed)) in kinds.into_inner().unwrap() {
        println!("{count:6} {seed:#x} {kind}");
    }
}

#[test]
fn explain_some() {
    let Ok(seeds) = std::env::var("RECONCILE_EXPLAIN") else { return };
    for seed in seeds.split(',') {
        let seed = u64::from_str_radix(seed.trim_start_matches("0x"), 16).unwrap();
        println!("{}\n==========", explain(seed, None));
    }
}
