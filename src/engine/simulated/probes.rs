//! What the programs answer who are asked over the network. The engine itself knows nothing of that.

use super::Simulated;
use super::behaviour::Checks;
use super::container::Container;
use super::life::finds_well;
use crate::observed::{ContainerId, Health};
use crate::probing::{Answer, Purpose, Question};

impl Simulated {
    /// The answer to a question. A program that hangs is given up at once: nobody has to wait here.
    pub fn probe(&self, question: &Question) -> Answer {
        let Some(container) = self.containers.get(&question.container).filter(|container| container.is_live()) else {
            return Answer::Failure("connection refused".to_owned());
        };
        let is_well = container.is_running()
            && match question.purpose {
                Purpose::Health => container.check_succeeds(self.now),
                Purpose::Readiness => container.is_ready(self.now.since(container.started_at)),
            };
        match (is_well, checks_of(container, question.purpose)) {
            (true, _) => Answer::Success,
            (false, Checks::Hang) => Answer::Failure("the check gave no answer".to_owned()),
            (
                false,
                Checks::Healthy | Checks::Never | Checks::Flaps(_) | Checks::SickAfter(_) | Checks::HealthyAfter(_),
            ) => Answer::Failure("the check failed".to_owned()),
        }
    }

    /// Whether asking a container again can tell anything new, when it is known to be in this health: time can be skipped otherwise.
    pub fn can_tell_news(&self, id: &ContainerId, purpose: Purpose, health: Health) -> bool {
        let Some(container) = self.containers.get(id) else { return false };
        let is_sick = match purpose {
            Purpose::Health => container.made_unhealthy,
            Purpose::Readiness => container.made_unready,
        };
        match (health, checks_of(container, purpose)) {
            (Health::Healthy, Checks::Healthy) => is_sick,
            (Health::Unhealthy, Checks::Never | Checks::Hang) => false,
            (Health::Unhealthy, _) => !is_sick,
            (Health::None | Health::Starting | Health::Unknown | Health::Healthy, _) => true,
        }
    }

    /// A program cannot do its work any more, until [`Simulated::make_ready`]. Returns whether it runs.
    pub fn make_unready(&mut self, id: &ContainerId) -> bool {
        self.set_unready(id, true)
    }

    /// A program that was made unready is ready again. Returns whether it runs.
    pub fn make_ready(&mut self, id: &ContainerId) -> bool {
        self.set_unready(id, false)
    }

    fn set_unready(&mut self, id: &ContainerId, unready: bool) -> bool {
        let container = self.containers.get_mut(id).filter(|container| container.is_running());
        container.map(|container| container.made_unready = unready).is_some()
    }
}

impl Container {
    fn is_ready(&self, age: std::time::Duration) -> bool {
        !self.made_unready && finds_well(self.behaviour.readiness, age)
    }
}

fn checks_of(container: &Container, purpose: Purpose) -> Checks {
    match purpose {
        Purpose::Health => container.behaviour.health,
        Purpose::Readiness => container.behaviour.readiness,
    }
}
