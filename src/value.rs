//! Small types that cannot be wrong: names, counts, percentages, points in time.
//!
//! A value of one of these types has passed its rule once and for all; nothing further down the flow checks again.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

mod hook;

pub use hook::{HookPlace, HookStage};

/// The longest name that ECS accepts, in characters. Source: `RegisterTaskDefinition`, `CreateService`.
pub const NAME_LENGTH_MAX: usize = 255;
/// The characters of a name, as a pattern of a schema.
pub const NAME_PATTERN: &str = "^[A-Za-z0-9_-]+$";

/// A name that breaks ECS's rule for names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name is empty.
    #[error("a name has at least one character")]
    Empty,
    /// The name has more characters than ECS accepts.
    #[error("a name has at most {NAME_LENGTH_MAX} characters, this one has {0}")]
    TooLong(usize),
    /// The name holds a character that ECS does not accept.
    #[error("a name holds letters, digits, `-` and `_`, not `{0}`")]
    Character(char),
}

fn check_name(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-' && *c != '_') {
        return Err(NameError::Character(odd));
    }
    match text.chars().count() {
        length if length > NAME_LENGTH_MAX => Err(NameError::TooLong(length)),
        _ => Ok(()),
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 1 to 255 letters, digits, hyphens and underscores. Cloning is cheap.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Accepts `text` when it is a name.
            pub fn new(text: &str) -> Result<Self, NameError> {
                check_name(text).map(|()| Self(Arc::from(text)))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string", "minLength": 1, "maxLength": NAME_LENGTH_MAX, "pattern": NAME_PATTERN
                })
            }
        }
    };
}

name_type! {
    /// The name of a cluster.
    ClusterName
}
name_type! {
    /// The name of a service, unique within its cluster.
    ServiceName
}
name_type! {
    /// The family of a task definition: its name without the revision.
    Family
}
name_type! {
    /// The name of a container, unique within its task definition.
    ContainerName
}
name_type! {
    /// The name of a volume, unique within its task definition.
    VolumeName
}

/// The word with which the service name of a task begins that belongs to no service.
const STANDALONE: &str = "run";

impl ServiceName {
    /// The name in whose place a task stands that belongs to no service: `run.FAMILY.ID`. The dots keep it apart from every name that
    /// a manifest can have.
    pub fn standalone(family: &Family, id: TaskId) -> Self {
        Self(Arc::from(format!("{STANDALONE}.{family}.{id}")))
    }

    /// Reads a name of any kind, as a label holds it.
    pub fn read(text: &str) -> Result<Self, NameError> {
        if standalone_id(text).is_some() || hook::read_hook(text).is_some() {
            return Ok(Self(Arc::from(text)));
        }
        Self::new(text)
    }

    /// The id of the task that belongs to no service; `None` for the name of a service.
    pub fn standalone_id(&self) -> Option<TaskId> {
        standalone_id(&self.0)
    }
}

fn standalone_id(text: &str) -> Option<TaskId> {
    let (family, id) = text.strip_prefix(STANDALONE)?.strip_prefix('.')?.split_once('.')?;
    Family::new(family).ok()?;
    TaskId::parse(id)
}

/// The id of a task: 12 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId([u8; Self::BYTES]);

impl TaskId {
    /// How many bytes it is made of.
    pub const BYTES: usize = 6;

    /// The id that these bytes make.
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads an id that is written out in full.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 2 * Self::BYTES || !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let mut bytes = [0; Self::BYTES];
        for (byte, place) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(text.get(place..place + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for TaskId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The stable place, counted from 0, that a task of a service fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(pub u32);

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// How often a slot has tried a revision, counted from 1. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempt(pub u32);

impl Attempt {
    /// The first try of a revision in a slot.
    pub const FIRST: Self = Self(1);

    /// The try after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A share of the desired count, in whole percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Percent(pub u32);

impl Percent {
    /// The smallest whole number that is at least this share of `count`: ECS's rounding of `minimumHealthyPercent`.
    pub fn ceil_of(self, count: u32) -> u32 {
        saturate((u64::from(count) * u64::from(self.0)).div_ceil(100))
    }

    /// The largest whole number that is at most this share of `count`: ECS's rounding of `maximumPercent`.
    pub fn floor_of(self, count: u32) -> u32 {
        saturate(u64::from(count) * u64::from(self.0) / 100)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

fn saturate(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The time that is `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// The time that is `duration` earlier.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// How long ago `earlier` was; zero when it lies in the future, as it may after a clock was set back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, to the second: `2026-08-14T09:41:07Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0.div_euclid(1000).saturating_mul(1000)) {
            Ok(timestamp) => write!(f, "{timestamp}"),
            // Outside the years -9999 to 9999: an engine's nonsense, shown as it is.
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl ContainerName {
    /// The name of the container that owns the namespaces of a task. It is reserved: no manifest can use it.
    pub const NAMESPACE_OWNER: &'static str = "reconcile-pause";

    /// The name of the container that owns the namespaces of a task.
    pub fn namespace_owner() -> Self {
        Self(Self::NAMESPACE_OWNER.into())
    }

    /// Whether it is the name of the container that owns the namespaces of its task.
    pub fn is_namespace_owner(&self) -> bool {
        self.as_str() == Self::NAMESPACE_OWNER
    }
}

#[cfg(test)]
mod tests;
