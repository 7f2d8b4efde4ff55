//! What to write down for a request, given how a service stands: pure.

use std::time::Duration;

use crate::desired::Revision;
use crate::ownership::Asked;
use crate::plan::WaysBack;
use crate::value::Timestamp;

/// What somebody wants of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Restart,
    /// Back to a revision, by the beginning of its name, or to the one before.
    Rollback {
        to: Option<String>,
    },
    Abort,
    Pause,
    Resume,
}

impl Request {
    /// The command that asks for it.
    pub(super) fn command(&self) -> &'static str {
        match self {
            Self::Restart => "reconcile rollout restart",
            Self::Rollback { .. } => "reconcile rollback",
            Self::Abort => "reconcile rollout abort",
            Self::Pause => "reconcile rollout pause",
            Self::Resume => "reconcile rollout resume",
        }
    }
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    /// What is written down.
    pub(super) asked: Option<Asked>,
    /// The volumes of what is not asked any more.
    pub(super) taken_back: Vec<String>,
    /// What is said of it.
    pub(super) said: String,
}

/// Decides what to write down. `asked` is what is written down already, with the names of its volumes.
///
/// # Errors
/// Why it cannot be had, and what to do.
pub(super) fn decide(request: &Request, ways: &WaysBack, asked: &[(String, Asked)]) -> Result<Decision, String> {
    let named = |is_meant: fn(&Asked) -> bool| -> Vec<String> {
        asked.iter().filter(|(_, asked)| is_meant(asked)).map(|(name, _)| name.clone()).collect()
    };
    let rollbacks = named(|asked| matches!(asked, Asked::Rollback { .. }));
    let restarts = named(|asked| matches!(asked, Asked::Restart { .. }));
    let pauses = named(|asked| matches!(asked, Asked::Pause));
    match request {
        Request::Restart => restart(ways, !pauses.is_empty()),
        Request::Rollback { to } => {
            let to = match to {
                Some(text) => find_revision(text, ways)?,
                None => ways.previous.ok_or_else(|| nowhere(ways, "there is no revision before to go back to"))?,
            };
            roll_back(to, ways, rollbacks)
        }
        Request::Abort if !restarts.is_empty() => {
            let said = "the tasks that are still the old ones stay".to_owned();
            Ok(Decision { asked: None, taken_back: restarts, said })
        }
        Request::Abort if !ways.in_progress => {
            Err("no deployment is under way; to go back all the same: reconcile rollback".to_owned())
        }
        Request::Abort => {
            let to = ways.previous.or_else(|| ways.available.first().copied());
            let to = to.ok_or_else(|| nowhere(ways, "there is nothing to go back to"))?;
            roll_back(to, ways, rollbacks)
        }
        Request::Pause if !pauses.is_empty() => Err("it is paused already".to_owned()),
        Request::Pause => {
            let said = "paused; nothing new begins before `reconcile rollout resume`".to_owned();
            Ok(Decision { asked: Some(Asked::Pause), taken_back: Vec::new(), said })
        }
        Request::Resume if pauses.is_empty() && rollbacks.is_empty() => {
            Err("nothing is held back; it follows its manifest".to_owned())
        }
        Request::Resume => {
            let said = format!("goes on to revision {}, as its manifest asks", ways.wanted.short());
            Ok(Decision { asked: None, taken_back: pauses.into_iter().chain(rollbacks).collect(), said })
        }
    }
}

fn restart(ways: &WaysBack, paused: bool) -> Result<Decision, String> {
    let Some(youngest_at) = ways.youngest_at else {
        return Err("it has no task yet; `reconcile` starts those that are wanted".to_owned());
    };
    if paused {
        return Err("it is paused: nothing new begins before `reconcile rollout resume`".to_owned());
    }
    if ways.is_mixed {
        return Err("its manifest asks for another revision than some of its tasks have: `reconcile` replaces \
                    them, and no restart is needed"
            .to_owned());
    }
    // Lists tell when a container was created to the second: what is there now is older than this, and what comes is not.
    let whole_seconds = youngest_at.0.div_euclid(1000).saturating_mul(1000);
    let since = Timestamp(whole_seconds).after(Duration::from_secs(1));
    let said = format!("a new deployment of revision {}", ways.in_force.short());
    Ok(Decision { asked: Some(Asked::Restart { since }), taken_back: Vec::new(), said })
}

fn roll_back(to: Revision, ways: &WaysBack, rollbacks: Vec<String>) -> Result<Decision, String> {
    if to == ways.in_force && !(ways.in_progress && to != ways.wanted) {
        return Err(format!("revision {} is in force already", to.short()));
    }
    if to == ways.wanted {
        let said = format!("goes on to revision {}, as its manifest asks", to.short());
        return Ok(Decision { asked: None, taken_back: rollbacks, said });
    }
    let said = format!(
        "back to revision {}; it stays there until its manifest asks for something else than {}",
        to.short(),
        ways.wanted.short()
    );
    let asked = Some(Asked::Rollback { to, instead_of: ways.wanted });
    Ok(Decision { asked, taken_back: rollbacks, said })
}

/// The revision whose name begins so, as it is shown (`4f2c9e`) or in full.
fn find_revision(text: &str, ways: &WaysBack) -> Result<Revision, String> {
    let text = text.rsplit('@').next().unwrap_or(text).to_lowercase();
    let known = || ways.available.iter().copied().chain([ways.wanted, ways.in_force]);
    let hash = |revision: &Revision| revision.to_string().rsplit(':').next().unwrap_or_default().to_owned();
    let is_meant = |revision: &Revision| revision.to_string() == text || hash(revision).starts_with(&text);
    let mut found: Vec<_> = known().filter(|revision| !text.is_empty() && is_meant(revision)).collect();
    found.sort_unstable();
    found.dedup();
    match found[..] {
        [only] => Ok(only),
        [] => Err(nowhere(ways, &format!("the engine has no task of a revision `{text}`"))),
        [..] => Err(format!("`{text}` may be any of {}", names(&found))),
    }
}

fn nowhere(ways: &WaysBack, what: &str) -> String {
    if ways.available.is_empty() {
        return format!("{what}: no task of another revision is left. Change the manifest back instead, and commit it");
    }
    format!("{what}; there are tasks of {}: name one with `reconcile rollback --to`", names(&ways.available))
}

fn names(revisions: &[Revision]) -> String {
    revisions.iter().map(|revision| revision.short()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
