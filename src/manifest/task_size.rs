//! The processor time and the memory of a whole task, as ECS writes them: a number, or a text with or without a unit.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::pattern;

/// How many units of processor time are one core, and how many MiB are what ECS calls a GB.
const UNITS: f64 = 1024.0;

/// A text that is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a size")]
pub struct SizeError(String);

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u32),
    Text(String),
}

/// A number, or a text that is a number, or a number of `unit`s.
fn read_size(size: NumberOrText, unit: &str) -> Result<u32, SizeError> {
    let text = match size {
        NumberOrText::Number(number) => return Ok(number),
        NumberOrText::Text(text) => text,
    };
    let lower = text.trim().to_ascii_lowercase();
    let parsed = match lower.strip_suffix(unit) {
        Some(number) => number.trim_end().parse::<f64>().ok().and_then(whole),
        None => lower.parse().ok(),
    };
    parsed.ok_or(SizeError(text))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked in the same line")]
fn whole(number: f64) -> Option<u32> {
    let units = (number * UNITS).round();
    (0.0..=f64::from(u32::MAX)).contains(&units).then_some(units as u32)
}

macro_rules! size_type {
    ($(#[$doc:meta])* $name:ident, $unit:literal, $pattern:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "NumberOrText", into = "String")]
        pub struct $name(pub u32);

        impl TryFrom<NumberOrText> for $name {
            type Error = SizeError;
            fn try_from(size: NumberOrText) -> Result<Self, SizeError> {
                read_size(size, $unit).map(Self)
            }
        }

        impl From<$name> for String {
            fn from(size: $name) -> String {
                size.0.to_string()
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
                json_schema!({ "type": ["string", "integer"], "pattern": $pattern })
            }
        }
    };
}

size_type! {
    /// Processor time in CPU units, of which 1024 are one core: `512`, `"512"`, `".5 vCPU"`.
    TaskCpu, "vcpu", pattern::CPU
}
size_type! {
    /// Memory in MiB: `1024`, `"1024"`, `"1GB"`.
    TaskMemory, "gb", pattern::MEMORY
}

#[cfg(test)]
mod tests;
