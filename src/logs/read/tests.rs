use super::*;
use crate::engine::LogStream;
use crate::engine::simulated::{Behaviour, ByHand, Simulated, SimulatedHandle};
use crate::ownership::TaskKey;
use crate::testing::{self, NOW, container, key, task};
use crate::value::Attempt;

const APP: &str = r#"{"name":"app","image":"app:1"}"#;

/// An engine with one service, whose tasks are replaced by hand.
struct Stage {
    engine: SimulatedHandle,
    attempts: u32,
    live: Vec<ContainerId>,
    /// What was written, by container.
    written: BTreeMap<ContainerId, Vec<String>>,
    lines: u32,
}

impl Stage {
    fn new() -> Self {
        let engine = SimulatedHandle::new(Simulated::new(NOW));
        Self { engine, attempts: 0, live: Vec::new(), written: BTreeMap::new(), lines: 0 }
    }

    /// The next task begins.
    fn start(&mut self) -> ContainerId {
        self.attempts += 1;
        self.engine.with(|engine| engine.set_reachable(true));
        let web = task("web", &[APP]);
        let key = TaskKey { attempt: Attempt(self.attempts), ..key("shop/web/0", &web) };
        let made = container(&key, &web, &web.containers[0]);
        let log = vec![format!("try {}", self.attempts)];
        self.engine.with(|engine| engine.set_default_behaviour(Behaviour { log, ..Behaviour::default() }));
        let new = ByHand {
            name: made.identity.name(),
            labels: made.identity.labels(&web.containers[0]),
            running: true,
            ..ByHand::default()
        };
        let id = self.engine.with(|engine| engine.add_by_hand(new)).expect("the name is free");
        self.written.insert(id.clone(), vec![format!("try {}", self.attempts)]);
        self.live.push(id.clone());
        id
    }

    fn write(&mut self, stream: LogStream) {
        let Some(id) = self.live.last().cloned() else { return };
        self.lines += 1;
        let line = format!("line {}", self.lines);
        self.engine.with(|engine| engine.write_log(&id, stream, &format!("{line}\n")));
        self.written.entry(id).or_default().push(line);
    }

    fn crash(&mut self) {
        if let Some(id) = self.live.pop() {
            self.engine.with(|engine| engine.crash(&id, 1));
        }
    }

    fn target() -> Target {
        Target { tasks: Tasks::OfService(testing::cluster("shop"), testing::service_name("web")), container: None }
    }

    /// Follows in the background. What is handed out is collected.
    fn follow(&self, settings: Settings) -> Following {
        let (finish, finished) = watch::channel(false);
        let (out, mut inbox) = mpsc::channel(4);
        let engine = self.engine.clone();
        let reading = tokio::spawn(async move {
            let containers = engine.list().await.expect("it answers").containers;
            follow(&engine, &Stage::target(), &containers, &settings, finished, &out).await
        });
        let collecting = tokio::spawn(async move {
            let mut items = Vec::new();
            while let Some(item) = inbox.recv().await {
                items.push(item);
            }
            items
        });
        Following { reading, collecting, finish }
    }
}

struct Following {
    reading: tokio::task::JoinHandle<Result<bool, EngineError>>,
    collecting: tokio::task::JoinHandle<Vec<Item>>,
    finish: watch::Sender<bool>,
}

impl Following {
    async fn finish(self) -> Vec<Item> {
        self.finish.send(true).expect("it still reads");
        let read = self.reading.await.expect("it does not panic");
        assert_eq!(read, Ok(true));
        self.collecting.await.expect("it does not panic")
    }
}

/// The lines that were handed out, by container.
fn lines(items: &[Item]) -> BTreeMap<ContainerId, Vec<String>> {
    let mut lines: BTreeMap<ContainerId, Vec<String>> = BTreeMap::new();
    for item in items {
        if let Item::Entry(member, entry) = item {
            let line = String::from_utf8_lossy(&entry.bytes).trim_end().to_owned();
            lines.entry(member.id.clone()).or_default().push(line);
        }
    }
    lines
}

fn notes(items: &[Item]) -> Vec<&Note> {
    items.iter().filter_map(|item| if let Item::Note(note) = item { Some(note) } else { None }).collect()
}

const ALL: Settings = Settings { since: None, tail: None, patience: Duration::from_mins(2) };

async fn pass(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_with_the_task_that_replaces_another() {
    let mut stage = Stage::new();
    stage.start();
    stage.write(LogStream::Stdout);
    let following = stage.follow(ALL);
    pass(1000).await;
    stage.write(LogStream::Stderr);
    stage.crash();
    stage.start();
    stage.write(LogStream::Stdout);
    pass(1000).await;
    stage.write(LogStream::Stdout);
    stage.crash();
    let items = following.finish().await;
    assert_eq!(lines(&items), stage.written);
    let told: Vec<_> = notes(&items).into_iter().map(|note| format!("{note:?}")).collect();
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told.iter().any(|note| note.starts_with("Ended") && note.contains("exited with code 1")), "{told:#?}");
}

/// Random numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_each_line_is_handed_out_once_and_in_order() {
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let mut stage = Stage::new();
        stage.start();
        stage.write(LogStream::Stdout);
        let following = stage.follow(ALL);
        pass(1).await;
        for _ in 0..80 {
            match dice.roll(12) {
                0 if !stage.live.is_empty() => stage.crash(),
                1 if stage.live.is_empty() => drop(stage.start()),
                2 => stage.engine.with(|engine| engine.set_reachable(false)),
                3 | 4 => stage.engine.with(|engine| engine.set_reachable(true)),
                5 => stage.engine.with(Simulated::lose_hints),
                // It is started again in place.
                6 if stage.live.is_empty() => {
                    if let Some(id) = stage.written.keys().next().cloned() {
                        stage.engine.with(|engine| engine.set_reachable(true));
                        stage.engine.with(|engine| drop(engine.start_by_hand(&id)));
                        let first = format!("try {}", stage.attempts);
                        stage.written.get_mut(&id).expect("it is there").push(first);
                        stage.live.push(id);
                    }
                }
                7 => pass(dice.roll(8000)).await,
                roll => {
                    for _ in 0..=dice.roll(3) {
                        stage.write(if roll % 2 == 0 { LogStream::Stdout } else { LogStream::Stderr });
                    }
                    pass(dice.roll(300)).await;
                }
            }
        }
        stage.engine.with(|engine| engine.set_reachable(true));
        stage.crash();
        pass(10_000).await;
        let items = following.finish().await;
        assert_eq!(lines(&items), stage.written, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_end_of_what_is_there_is_shown_when_asked_so() {
    let mut stage = Stage::new();
    let id = stage.start();
    // All of the same time, so that those which are left out look like those which are not.
    for _ in 0..3 {
        stage.write(LogStream::Stdout);
    }
    let following = stage.follow(Settings { tail: Some(2), ..ALL });
    pass(1000).await;
    stage.engine.with(|engine| engine.set_reachable(false));
    pass(300).await;
    stage.engine.with(|engine| engine.set_reachable(true));
    pass(2000).await;
    stage.write(LogStream::Stdout);
    stage.crash();
    let items = following.finish().await;
    assert_eq!(lines(&items)[&id], ["line 2", "line 3", "line 4"]);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_gone_for_too_long_is_given_up() {
    let mut stage = Stage::new();
    stage.start();
    let following = stage.follow(ALL);
    pass(1000).await;
    stage.engine.with(|engine| engine.set_reachable(false));
    let read = following.reading.await.expect("it does not panic");
    assert!(matches!(read, Err(EngineError::Unreachable { .. })), "{read:?}");
    let items = following.collecting.await.expect("it does not panic");
    assert_eq!(notes(&items).len(), 1, "it is told once");
}

#[tokio::test(start_paused = true)]
async fn when_nobody_listens_nothing_is_read() {
    let mut stage = Stage::new();
    stage.start();
    let (out, inbox) = mpsc::channel(1);
    drop(inbox);
    let containers = stage.engine.list().await.expect("it answers").containers;
    let (_finish, finished) = watch::channel(false);
    let read = follow(&stage.engine, &Stage::target(), &containers, &ALL, finished, &out).await;
    assert_eq!(read, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn what_several_wrote_is_put_in_order() {
    let mut stage = Stage::new();
    let (first, second) = (stage.start(), stage.start());
    for _ in 0..3 {
        for id in [&first, &second] {
            stage.live = vec![id.clone()];
            stage.write(LogStream::Stdout);
            pass(1).await;
        }
    }
    let containers = stage.engine.list().await.expect("it answers").containers;
    let members = containers.iter().map(|container| Member::of(container, &containers)).collect();
    let (out, mut inbox) = mpsc::channel(100);
    assert_eq!(read(&stage.engine, members, &ALL, &out).await, Ok(2));
    drop(out);
    let mut all = Vec::new();
    while let Some(item) = inbox.recv().await {
        all.extend(lines(&[item]).into_values().flatten());
    }
    assert_eq!(all[2..], ["line 1", "line 2", "line 3", "line 4", "line 5", "line 6"]);
}
