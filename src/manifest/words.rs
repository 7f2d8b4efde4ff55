//! Words of which ECS knows a fixed list.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// A word that is not on the list of those that ECS knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of the words that are known here")]
pub struct UnknownWord(String);

macro_rules! word_type {
    ($(#[$doc:meta])* $name:ident, $words:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(into = "String")]
        pub struct $name(&'static str);

        impl $name {
            /// Every one of them, as ECS lists them.
            pub const ALL: &'static [&'static str] = $words;

            /// As written in a manifest.
            pub fn as_str(self) -> &'static str {
                self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = UnknownWord;
            fn try_from(text: String) -> Result<Self, UnknownWord> {
                Self::ALL.iter().find(|word| **word == text).map(|word| Self(word)).ok_or(UnknownWord(text))
            }
        }

        // Written out, because the derived one would take the word for a text that is borrowed from the input.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> String {
                word.0.to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.0)
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
                json_schema!({ "type": "string", "enum": Self::ALL })
            }
        }
    };
}

word_type! {
    /// A right of the kernel, without `CAP_`, or `ALL`. Source: ECS `KernelCapabilities`.
    Capability,
    &[
        "ALL", "AUDIT_CONTROL", "AUDIT_WRITE", "BLOCK_SUSPEND", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID",
        "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN",
        "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_ADMIN", "SYS_BOOT",
        "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME",
        "SYS_TTY_CONFIG", "SYSLOG", "WAKE_ALARM",
    ]
}

word_type! {
    /// A limit of a process. Source: ECS `UlimitName`.
    UlimitName,
    &[
        "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime",
        "sigpending", "stack",
    ]
}

word_type! {
    /// A driver that takes what a container writes. Source: ECS `LogDriver`; `none` and `local` are those that an instance of ECS
    /// can switch on.
    LogDriver,
    &["json-file", "local", "none", "syslog", "journald", "gelf", "fluentd", "splunk", "awslogs", "awsfirelens"]
}

impl LogDriver {
    /// Whether it needs something of AWS that a Docker host does not have.
    pub fn is_of_aws(self) -> bool {
        matches!(self.0, "awslogs" | "awsfirelens")
    }
}
