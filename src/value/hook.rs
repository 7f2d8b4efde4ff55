//! The names under which the hooks of a deployment stand.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Family, ServiceName};

/// When in a deployment a hook runs. Source: ECS `DeploymentLifecycleHookStage`; of its stages these are the two that mean something
/// without shares of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HookStage {
    /// Before the first task of the new revision is made.
    PreScaleUp,
    /// After every task of the new revision is healthy, and before the old ones go that have not made room for them.
    PostScaleUp,
}

impl HookStage {
    /// As ECS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreScaleUp => "PRE_SCALE_UP",
            Self::PostScaleUp => "POST_SCALE_UP",
        }
    }
}

impl fmt::Display for HookStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the name of a hook's task says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HookPlace<'a> {
    /// The service whose deployment it belongs to.
    pub service: &'a str,
    /// When it runs.
    pub stage: HookStage,
    /// The family of its task definition.
    pub family: &'a str,
    /// The short name of the revision that is deployed.
    pub revision: &'a str,
}

impl ServiceName {
    /// The name in whose place the task of a hook stands: `SERVICE.STAGE.FAMILY.REVISION`. The revision is that of the service, in
    /// short: each deployment has hooks of its own. The dots keep it apart from every name that a manifest can have, and their number
    /// from that of a task which belongs to no service.
    pub fn hook(service: &Self, stage: HookStage, family: &Family, revision: &str) -> Self {
        Self(Arc::from(format!("{service}.{stage}.{family}.{revision}")))
    }

    /// Reads the name of a hook's task; `None` for any other name.
    pub fn hook_place(&self) -> Option<HookPlace<'_>> {
        read_hook(&self.0)
    }

    /// Whether it is the name of a hook's task in a deployment of `service`.
    pub fn is_hook_of(&self, service: &Self) -> bool {
        self.hook_place().is_some_and(|place| place.service == service.as_str())
    }

    /// The service that a task works for: of a hook's task the one that is deployed, otherwise itself.
    #[must_use]
    pub fn served(&self) -> Self {
        self.hook_place().map_or_else(|| self.clone(), |place| Self(Arc::from(place.service)))
    }
}

pub(super) fn read_hook(text: &str) -> Option<HookPlace<'_>> {
    let mut parts = text.split('.');
    let (service, stage) = (parts.next()?, parts.next()?);
    let (family, revision) = (parts.next()?, parts.next()?);
    let stage = [HookStage::PreScaleUp, HookStage::PostScaleUp].into_iter().find(|known| known.as_str() == stage)?;
    ServiceName::new(service).ok()?;
    Family::new(family).ok()?;
    let is_revision = !revision.is_empty() && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_revision && parts.next().is_none()).then_some(HookPlace { service, stage, family, revision })
}

#[cfg(test)]
mod tests;
