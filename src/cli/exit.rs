//! How a command ends: the exit codes, and the error that leads to one.

/// Done; nothing is left to do.
pub const DONE: u8 = 0;
/// Something went wrong while running.
pub const RUNTIME: u8 = 1;
/// There are changes; only where the user asked to be told by the exit code.
pub const CHANGES: u8 = 2;
/// The manifests are not valid.
pub const INVALID: u8 = 3;
/// A service did not become healthy.
pub const UNHEALTHY: u8 = 4;
/// Refused: the user has to insist.
pub const REFUSED: u8 = 5;
/// The engine cannot be reached.
pub const UNREACHABLE: u8 = 6;
/// Wrong usage. Source: `EX_USAGE` of `sysexits.h`.
pub const USAGE: u8 = 64;

/// How a command ended, in a word: what a JSON document says beside the exit code, which some wrappers swallow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was told what there is to tell.
    Done,
    /// Nothing would change.
    Unchanged,
    /// Something would change.
    Changes,
    /// It would be refused.
    Refused,
    /// It would do what `--fail-on` forbids.
    Forbidden,
    /// The manifests are not valid.
    Invalid,
    /// The engine cannot be reached.
    Unreachable,
    /// It was asked for in a wrong way.
    Usage,
    /// Something went wrong.
    Failed,
}

impl Outcome {
    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Changes => "changes",
            Self::Refused => "refused",
            Self::Forbidden => "forbidden",
            Self::Invalid => "invalid",
            Self::Unreachable => "unreachable",
            Self::Usage => "usage",
            Self::Failed => "failed",
        }
    }

    /// What an error with this exit code comes to.
    pub fn of_error(code: u8) -> Self {
        match code {
            INVALID => Self::Invalid,
            REFUSED => Self::Refused,
            UNREACHABLE => Self::Unreachable,
            USAGE => Self::Usage,
            _ => Self::Failed,
        }
    }
}

/// An error and the exit code that it leads to.
#[derive(Debug)]
pub struct Exit {
    /// The exit code.
    pub code: u8,
    /// What went wrong.
    pub error: anyhow::Error,
}

impl Exit {
    /// An error with its exit code.
    pub fn new(code: u8, error: impl Into<anyhow::Error>) -> Self {
        Self { code, error: error.into() }
    }

    /// A sentence with its exit code.
    pub fn because(code: u8, sentence: impl Into<String>) -> Self {
        Self { code, error: anyhow::Error::msg(sentence.into()) }
    }

    /// What is said of it: the error, and below it each of its causes.
    pub fn message(&self) -> String {
        let mut chain = self.error.chain();
        let mut message = format!("error: {}", chain.next().map(ToString::to_string).unwrap_or_default());
        message.extend(chain.map(|cause| format!("\n  because: {cause}")));
        message
    }
}

impl<E: Into<anyhow::Error>> From<E> for Exit {
    fn from(error: E) -> Self {
        Self::new(RUNTIME, error)
    }
}
