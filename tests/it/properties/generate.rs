//! Makes a story from a seed.

use std::time::Duration;

use reconcile::desired::Condition;
use reconcile::engine::simulated::{Behaviour, CallKind, Checks, Fault, Image, Pace, Run, Start, Stop};
use reconcile::plan::FailureKind;

use super::hooks::Hooks;
use super::random::Random;
use super::story::{Deed, Draft, Edge, Event, Hints, SERVICES, Shape, Story, Stranger, VERSIONS, Version};

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The story of a seed.
pub(super) fn story(seed: u64) -> Story {
    let mut random = Random::new(seed);
    let count = random.pick(&[1, 1, 1, 2, 2, 3]);
    let mut services: Vec<_> = (0..count).map(|index| draft(&mut random, index)).collect();
    // With dice of its own, so that the stories that were told before there was an order are told as they were.
    let mut dice = Random::new(seed ^ 0x0dde_d0de);
    services.iter_mut().for_each(|draft| order(&mut dice, &mut draft.shape));
    let host_memory = reserve(&mut Random::new(seed ^ 0x4005_7000), &mut services);
    let mut dice = Random::new(seed ^ 0x00b4_ea4e);
    services.iter_mut().for_each(|draft| draft.breaker = dice.percent(50).then(|| dice.percent(80)));
    let mut dice = Random::new(seed ^ 0x000b_00c5);
    services.iter_mut().for_each(|draft| draft.hooks = Hooks::random(&mut dice));
    let pace = match random.below(10) {
        0 => Pace::INSTANT,
        1 => Pace { start: millis(3_000), create: millis(200), remove: millis(500), ..Pace::TYPICAL },
        _ => Pace::TYPICAL,
    };
    let lanes = random.pick(&[1, 2, 4, 8]);
    let length = random.between(2, 24);
    // A story tends to have one theme: everything at once hides what one kind of trouble does.
    let theme = random.below(6);
    let mut events = Vec::new();
    if random.percent(85) {
        events.push(Event::Pass(millis(random.pick(&[100, 1_000, 5_000, 20_000]))));
    }
    for _ in 0..length {
        events.push(event(&mut random, count, theme));
        if random.percent(60) {
            events.push(Event::Pass(pause(&mut random)));
        }
    }
    super::by_hand::add(&mut Random::new(seed ^ 0x04a9_d000), services.len(), &mut events);
    Story { seed, services, events, pace, lanes, host_memory }
}

fn pause(random: &mut Random) -> Duration {
    match random.below(10) {
        0..3 => millis(random.below(60)),
        3..6 => millis(random.between(100, 1_500)),
        6..9 => millis(random.between(2_000, 30_000)),
        _ => millis(random.between(60_000, 400_000)),
    }
}

fn draft(random: &mut Random, index: usize) -> Draft {
    let (minimum, maximum) = percents(random);
    let static_port = random.percent(15).then(|| if random.percent(15) { 8_000 } else { 8_080 + index as u16 });
    let mut count = random.pick(&[1, 1, 1, 2, 2, 3, 3, 4, 5, 0]);
    let (minimum, maximum) = if static_port.is_some() && random.percent(80) {
        count = count.min(1);
        (0, random.pick(&[100, 200]))
    } else {
        (minimum, maximum)
    };
    let checks = random.percent(45).then(|| (random.pick(&[1, 2, 5]), random.pick(&[1, 2, 3])));
    let sidecars = match random.below(10) {
        0..7 => Vec::new(),
        7..9 => vec![random.percent(60)],
        _ => vec![random.percent(50), false],
    };
    let shape = Shape {
        sidecars,
        checks,
        static_port,
        dynamic_port: random.percent(20),
        task_volume: random.percent(15),
        shared_volume: random.percent(10),
        stop_timeout_secs: random.pick(&[2, 10, 30]),
        sidecars_end: random.percent(40),
        order: Vec::new(),
        ends_badly: false,
        start_timeout: None,
        memory: 0,
    };
    let versions = std::array::from_fn(|number| version(random, if number == 0 { 85 } else { 60 }));
    Draft {
        cluster: usize::from(random.percent(15)),
        wanted: random.percent(90),
        count: random.percent(95).then_some(count),
        minimum,
        maximum,
        breaker: None,
        grace_secs: random.pick(&[0, 0, 0, 5, 60]),
        version: if random.percent(80) { 0 } else { random.index(VERSIONS) },
        shape,
        versions,
        hooks: Hooks::default(),
    }
}

/// Decides what tasks reserve, and what the host has. Most hosts have plenty; of the others some could never hold all that is wanted.
fn reserve(random: &mut Random, services: &mut [Draft]) -> Option<u32> {
    if !random.percent(30) {
        return None;
    }
    services.iter_mut().for_each(|draft| draft.shape.memory = random.pick(&[0, 100, 200, 300]));
    Some(random.pick(&[250, 400, 700, 1_100, 2_500]))
}

/// Decides who waits for whom: in an order of the containers by chance, so that there is no ring.
fn order(random: &mut Random, shape: &mut Shape) {
    let count = shape.sidecars.len() + 1;
    if count < 2 || random.percent(35) {
        return;
    }
    shape.ends_badly = random.percent(15);
    shape.start_timeout = random.percent(30).then(|| random.pick(&[2, 20, 60]));
    let mut turn: Vec<usize> = (0..count).collect();
    random.shuffle(&mut turn);
    for (place, &from) in turn.iter().enumerate() {
        for &on in &turn[..place] {
            if random.percent(60) {
                let condition = if shape.ends(on) {
                    random.pick(&[Condition::Start, Condition::Complete, Condition::Success, Condition::Success])
                } else if on == 0 && shape.checks.is_some() {
                    random.pick(&[Condition::Start, Condition::Healthy])
                } else {
                    Condition::Start
                };
                shape.order.push(Edge { from, on, condition });
            }
        }
    }
}

fn percents(random: &mut Random) -> (u32, u32) {
    match random.below(10) {
        0..4 => (100, 200),
        4 => (50, 100),
        5 => (0, 100),
        6 => (100, random.pick(&[110, 125, 150])),
        _ => (
            random.pick(&[0, 1, 25, 33, 50, 66, 67, 75, 99, 100]),
            random.pick(&[100, 101, 120, 133, 134, 150, 199, 200, 300]),
        ),
    }
}

fn version(random: &mut Random, well: u64) -> Version {
    let image = match random.below(20) {
        0..2 => Image::Pullable,
        2 if well < 80 => Image::Missing,
        _ => Image::Present,
    };
    let stop = match random.below(10) {
        0 => Stop::IgnoresTerm,
        1 | 2 => Stop::Slow(millis(random.pick(&[1_000, 5_000]))),
        _ => Stop::Prompt,
    };
    let mut behaviour = Behaviour { stop, ..Behaviour::default() };
    if !random.percent(well) {
        match random.below(8) {
            0 => behaviour.start = Start::BadCommand,
            1 => behaviour.run = Run::Exits { code: 1, after: millis(random.pick(&[0, 30, 90, 150, 2_000])) },
            2 => behaviour.run = Run::Exits { code: 0, after: millis(random.pick(&[5_000, 12_000, 40_000])) },
            3 => behaviour.run = Run::Oom { after: millis(random.between(500, 9_000)) },
            4 => behaviour.health = Checks::Never,
            5 => behaviour.health = Checks::Hang,
            6 => behaviour.health = Checks::Flaps(millis(random.pick(&[3_000, 11_000, 40_000]))),
            _ => behaviour.health = Checks::SickAfter(millis(random.pick(&[4_000, 25_000]))),
        }
    }
    Version { behaviour, image }
}

fn event(random: &mut Random, services: usize, theme: u64) -> Event {
    let service = random.index(services);
    // Half of what happens belongs to the theme.
    let kind = if random.percent(50) { theme } else { random.below(6) };
    match kind {
        0 | 1 => change(random, service),
        2 => Event::Meddle(random.index(12), deed(random)),
        3 => {
            if random.percent(70) {
                Event::Fault(random.pick(&CallKind::ALL), fault(random))
            } else {
                Event::FaultNext(fault(random))
            }
        }
        4 => match random.below(10) {
            0..4 => Event::Crash(millis(random.pick(&[0, 0, 20, 400, 3_000]))),
            4 => Event::RestartEngine { live_restore: random.percent(50) },
            5 => Event::Unreachable(millis(random.pick(&[100, 2_000, 15_000]))),
            6 => Event::FailQuestions(u32::try_from(random.between(1, 4)).expect("at most 4")),
            7 => Event::SlowAnswers(millis(random.pick(&[0, 50, 300, 2_000]))),
            _ => Event::Hints(random.pick(&[Hints::InTime, Hints::Late, Hints::Twice, Hints::Lost])),
        },
        _ => match random.below(10) {
            0 => Event::RemoveNetwork,
            1 => Event::MoveCheckout,
            2..6 => {
                let strangers = [
                    Stranger::Namesake,
                    Stranger::Namesake,
                    Stranger::HalfLabelled,
                    Stranger::OtherSource,
                    Stranger::OtherSource,
                    Stranger::Network,
                    Stranger::PortHolder,
                ];
                Event::Stranger(random.pick(&strangers), service)
            }
            _ => change(random, service),
        },
    }
}

fn change(random: &mut Random, service: usize) -> Event {
    debug_assert!(service < SERVICES.len());
    match random.below(12) {
        0..5 => Event::SetVersion(service, random.index(VERSIONS)),
        5..7 => Event::SetCount(service, random.pick(&[0, 1, 1, 2, 3, 4, 5])),
        7 => {
            let (minimum, maximum) = percents(random);
            Event::SetPercents(service, minimum, maximum)
        }
        8 => Event::SetGrace(service, random.pick(&[0, 5, 60])),
        9 => Event::Remove(service),
        _ => Event::Return(service),
    }
}

fn deed(random: &mut Random) -> Deed {
    random.pick(&[
        Deed::Kill,
        Deed::Kill,
        Deed::Crash,
        Deed::RunOutOfMemory,
        Deed::Stop,
        Deed::Start,
        Deed::Remove,
        Deed::Remove,
        Deed::Pause,
        Deed::Unpause,
        Deed::Sicken,
        Deed::Sicken,
    ])
}

fn fault(random: &mut Random) -> Fault {
    match random.below(12) {
        0 => Fault::FailBefore(random.pick(&[
            FailureKind::Engine,
            FailureKind::Conflict,
            FailureKind::PortTaken,
            FailureKind::NameTaken,
            FailureKind::Refused,
        ])),
        1 | 2 => Fault::FailBefore(FailureKind::Engine),
        3 | 4 => Fault::LostBefore,
        5..8 => Fault::LostAfter,
        8 | 9 => Fault::LostWhileRunning(millis(random.pick(&[50, 400, 3_000]))),
        10 => Fault::Unreachable,
        _ => Fault::Delay(millis(random.pick(&[100, 1_000, 20_000]))),
    }
}
