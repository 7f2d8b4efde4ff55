//! Removing a volume of ours from the command line.

use super::exit::{self, Exit};
use crate::engine::Perform;
use crate::plan::{Action, Outcome};
use crate::value::ClusterName;

/// Removes a volume; one that is gone already is no error.
pub(super) async fn remove(engine: &impl Perform, cluster: &ClusterName, name: &str) -> Result<(), Exit> {
    let removal = Action::RemoveVolume { name: name.to_owned(), cluster: cluster.clone() };
    match engine.perform(&removal).await {
        Outcome::Done(_) => Ok(()),
        Outcome::Failed(failure) => Err(Exit::because(exit::RUNTIME, format!("volume {name}: {failure}"))),
        Outcome::Unknown(message) => Err(Exit::because(exit::RUNTIME, format!("volume {name}: {message}"))),
    }
}
