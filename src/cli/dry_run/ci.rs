//! A hint for a check of a pull request: the engine of its runner is not the one that the manifests are for.

use crate::desired::DesiredState;
use crate::git::Reference;
use crate::observed::ObservedState;

/// Where a service that runs checks says which branch a pull request goes to. Sources: the documentation of GitHub Actions, GitLab CI,
/// Bitbucket Pipelines, Azure Pipelines and Jenkins.
const TARGET_BRANCH: [&str; 5] = [
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "SYSTEM_PULLREQUEST_TARGETBRANCHNAME",
    "CHANGE_TARGET",
];

/// What to say where everything is new only because the engine is one that nothing ever ran on.
pub(super) fn hint_of_empty(desired: &DesiredState, observed: &ObservedState) -> Option<String> {
    let has_ours = observed.containers.values().any(|container| desired.may_touch(&container.identity.source))
        || observed.networks.values().any(|network| desired.may_touch(&network.source));
    let reason = "this engine has nothing that these manifests declare, so all is shown as new";
    if has_ours { None } else { hint(reason, own_variable) }
}

/// What to say where there is no engine.
pub(super) fn hint_of_none() -> Option<String> {
    hint("a runner of checks need have no engine", own_variable)
}

fn own_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Only where a service runs this as a check.
fn hint(reason: &str, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let is_ci = variable("CI").is_some_and(|value| !["", "0", "false"].contains(&value.to_lowercase().as_str()));
    if !is_ci {
        return None;
    }
    let branch = TARGET_BRANCH.iter().find_map(|name| variable(name).filter(|branch| !branch.is_empty()));
    // It is shown to be copied into a shell.
    let is_tame = |branch: &String| {
        Reference::parse(branch).is_ok() && branch.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c))
    };
    let base = branch.filter(is_tame).map_or_else(|| "<base>".to_owned(), |branch| format!("origin/{branch}"));
    Some(format!("note: {reason}; to check a pull request: --against git:{base}"))
}

#[cfg(test)]
mod tests;
