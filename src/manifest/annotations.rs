//! Notes about an object: which warnings its author knows of.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::problem::Code;

/// Notes about an object. They change nothing about what runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Annotations {
    /// The codes of the warnings about this object that are known and meant, such as `[RC160]`. They are then told no more.
    /// `reconcile explain` says what each of them means. An error cannot be allowed.
    #[serde(rename = "reconcile/allow", default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<AllowedCode>,
    /// The user's own.
    #[serde(flatten)]
    pub own: BTreeMap<String, String>,
}

impl Annotations {
    /// Whether a warning with this code is allowed.
    pub fn allows(&self, code: Code) -> bool {
        self.allow.contains(&AllowedCode(code))
    }
}

/// The code of a warning that may be allowed: one of [`Code::ALLOWABLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct AllowedCode(Code);

impl TryFrom<String> for AllowedCode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Code::ALLOWABLE.into_iter().find(|code| code.as_str() == text);
        found.map(Self).ok_or_else(|| format!("`{text}` is not the code of a warning that can be allowed"))
    }
}

impl JsonSchema for AllowedCode {
    fn schema_name() -> Cow<'static, str> {
        "AllowedCode".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Code::ALLOWABLE.map(Code::as_str) })
    }
}
