//! What a container was made from, as its label tells it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{SPEC, spec_text};
use crate::desired::ContainerSpec;

/// The spec that a container was made from, as its label holds it.
///
/// Most labels are never read: where all is well, names and revisions say enough, and reading the specs of a whole host would cost more
/// than all that is then decided. So it is read when somebody asks, and never twice.
#[derive(Clone)]
pub struct RecordedSpec(Arc<Recorded>);

struct Recorded {
    text: Box<str>,
    spec: OnceLock<Option<Arc<ContainerSpec>>>,
}

impl RecordedSpec {
    /// Finds the label among those of a container.
    pub fn find<'a>(label: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        label(SPEC).map(Self::from)
    }

    /// What the label of a container that is made from `spec` says.
    pub fn of(spec: &ContainerSpec) -> Self {
        Self::from(spec_text(spec))
    }

    /// The text of the label.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// What the text says; `None` when another release wrote it in a way that this one cannot read.
    pub fn read(&self) -> Option<&Arc<ContainerSpec>> {
        self.0.spec.get_or_init(|| serde_json::from_str(&self.0.text).ok().map(Arc::new)).as_ref()
    }

    /// Whether any of these words is in the text. Looking for the name of a field is far cheaper than reading what most specs do not have.
    pub fn mentions(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.0.text.contains(word))
    }
}

impl<T: Into<Box<str>>> From<T> for RecordedSpec {
    fn from(text: T) -> Self {
        Self(Arc::new(Recorded { text: text.into(), spec: OnceLock::new() }))
    }
}

impl PartialEq for RecordedSpec {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.text() == other.text()
    }
}

impl Eq for RecordedSpec {}

impl fmt::Debug for RecordedSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text(), f)
    }
}

impl Serialize for RecordedSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

impl<'de> Deserialize<'de> for RecordedSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<str>::deserialize(deserializer).map(Self::from)
    }
}
