//! What people ask of services beside their manifests, in the middle of a story. When all is calm they take it back.

use std::fmt;
use std::time::Duration;

use reconcile::ownership::{self, Asked, Intervention};
use reconcile::plan::{Action, ways_back};
use reconcile::value::Timestamp;

use super::drive::World;
use super::manifests;
use super::oracle::tasks_of;
use super::random::Random;
use super::story::{Event, SERVICES};

/// What somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    Rollback,
    Restart,
    Pause,
    Protect(Duration),
    TakeBack,
}

impl fmt::Display for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rollback => f.write_str("be rolled back"),
            Self::Restart => f.write_str("begin anew"),
            Self::Pause => f.write_str("wait"),
            Self::Protect(time) => write!(f, "spare a task for {time:?}"),
            Self::TakeBack => f.write_str("follow its manifest again"),
        }
    }
}

/// Lets somebody ask something now and then, in every fifth story. Its dice are its own: a kept seed tells the same story as before but
/// for that.
pub(super) fn add(random: &mut Random, services: usize, events: &mut Vec<Event>) {
    if !random.percent(20) {
        return;
    }
    for _ in 0..random.between(1, 5) {
        let asking = match random.below(6) {
            0 | 1 => Asking::Rollback,
            2 => Asking::Restart,
            3 => Asking::Pause,
            4 => Asking::Protect(Duration::from_secs(random.pick(&[1, 30, 600]))),
            _ => Asking::TakeBack,
        };
        let place = random.index(events.len() + 1);
        events.insert(place, Event::Ask(random.index(services), asking));
    }
}

impl World {
    pub(super) fn ask_by_hand(&mut self, index: usize, asking: Asking) {
        let key = (manifests::cluster_name(&self.drafts[index]), manifests::service_name(index));
        self.oracle.steered.insert(key.clone());
        let truth = self.engine.observe();
        let asked = match asking {
            Asking::Rollback => {
                let Some(ways) = ways_back(&self.desired, &truth, (&key.0, &key.1)) else { return };
                let to = ways.previous.or_else(|| ways.available.first().copied());
                let Some(to) = to.filter(|to| *to != ways.wanted) else { return };
                Asked::Rollback { to, instead_of: ways.wanted }
            }
            Asking::Restart => {
                // Lists tell when a container was created to the second.
                let since = Timestamp(self.now().0.div_euclid(1000) * 1000 + 1000);
                self.pass_until(since, |_| false);
                Asked::Restart { since }
            }
            Asking::Pause => Asked::Pause,
            Asking::Protect(time) => {
                let tasks = tasks_of(&truth, &key);
                let ours = tasks.iter().filter(|(_, containers)| containers[0].identity.source == self.source);
                let Some(task) = ours.map(|(task, _)| task).max() else { return };
                Asked::Protection { task: (*task).clone(), until: self.now().after(time) }
            }
            Asking::TakeBack => return self.take_back(Some(index)),
        };
        let intervention = Intervention { service: key.1, at: self.now(), asked };
        let labels = ownership::intervention_labels(&key.0, &self.source, &intervention);
        self.engine.add_volume_by_hand(&intervention.name(&key.0), &labels);
    }

    /// Takes back what was asked of a service, or of all.
    pub(super) fn take_back(&mut self, index: Option<usize>) {
        for volume in self.engine.observe().volumes.into_values() {
            let Some(intervention) = volume.intervention else { continue };
            if index.is_none_or(|index| SERVICES[index] == intervention.service.as_str()) {
                let _ = self.engine.perform(&Action::RemoveVolume { name: volume.name, cluster: volume.cluster });
            }
        }
    }
}
