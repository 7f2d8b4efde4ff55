//! The simulated engine as the contract suite sees it.

use std::time::Duration;

use reconcile::engine::simulated::{
    Behaviour, ByHand, Checks, Image, Run, Simulated, SimulatedHandle, Start, Stop, Subject,
};
use reconcile::observed::{ContainerId, Phase};
use reconcile::ownership;
use reconcile::value::{ClusterName, Timestamp};
use serde_json::json;
use tokio::runtime::Runtime;

use super::{Fixture, Program, Promise, source};

super::for_every_scenario!(InMemory);

/// A simulated engine on a clock that never waits.
struct InMemory {
    handle: SimulatedHandle,
    cluster: ClusterName,
}

fn behaviour(program: Program) -> Behaviour {
    let well = Behaviour::default();
    match program {
        Program::Sleeps | Program::Well => well,
        Program::IgnoresTerm => Behaviour { stop: Stop::IgnoresTerm, ..well },
        Program::Exits { code, after_secs } => {
            Behaviour { run: Run::Exits { code, after: Duration::from_secs(after_secs.into()) }, ..well }
        }
        Program::NotThere => Behaviour { start: Start::BadCommand, ..well },
        Program::SickAfter(secs) => Behaviour { health: Checks::SickAfter(Duration::from_secs(secs.into())), ..well },
        Program::TakesMemory => Behaviour { run: Run::Oom { after: Duration::from_millis(200) }, ..well },
        Program::Prints(text) => {
            let run = Run::Exits { code: 0, after: Duration::from_millis(1) };
            Behaviour { run, log: vec![text.to_owned()], ..well }
        }
    }
}

impl Fixture for InMemory {
    type Engine = SimulatedHandle;

    fn runtime() -> Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
    }

    async fn new(cluster: &ClusterName) -> Self {
        let mut engine = Simulated::new(Timestamp(1_700_000_000_123));
        engine.set_default_image(Image::Missing);
        Self { handle: SimulatedHandle::new(engine), cluster: cluster.clone() }
    }

    fn engine(&self) -> &SimulatedHandle {
        &self.handle
    }

    fn known_difference(&self, _: Promise) -> Option<&'static str> {
        None
    }

    fn image_and_command(&self, program: Program) -> serde_json::Value {
        let image = format!("{program:?}");
        self.handle.with(|engine| {
            engine.set_image(&image, Image::Present);
            engine.set_behaviour(Subject::Image(image.clone()), behaviour(program));
        });
        let check = json!({ "command": ["CMD", "check"], "interval": 1, "timeout": 5, "retries": 2, "startPeriod": 0 });
        match program {
            Program::Well | Program::SickAfter(_) => json!({ "image": image, "healthCheck": check }),
            Program::Sleeps
            | Program::IgnoresTerm
            | Program::Exits { .. }
            | Program::NotThere
            | Program::TakesMemory
            | Program::Prints(_) => json!({ "image": image }),
        }
    }

    async fn kill(&self, id: &ContainerId) {
        self.handle.with(|engine| engine.kill(id));
    }

    async fn add_foreign(&self, name: &str) -> String {
        let labels = ownership::cluster_labels(&self.cluster, &source());
        let foreign = ByHand { name: name.to_owned(), labels, ..ByHand::default() };
        self.handle.with(|engine| engine.add_by_hand(foreign)).expect("the name is free").0.to_string()
    }

    async fn is_untouched(&self, id: &str) -> bool {
        self.handle.with(|engine| engine.phase_of(&ContainerId::new(id)) == Some(&Phase::Created))
    }

    fn free_port(&self) -> u16 {
        8080
    }

    fn now(&self) -> Timestamp {
        self.handle.with(|engine| engine.now())
    }
}
