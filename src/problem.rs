//! What is wrong with what the user wrote: a stable code, a severity, the place, and what to do about it.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is done until it is repaired.
    Error,
    /// It works, but probably not as meant.
    Warning,
}

impl Severity {
    /// As printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+) => {
        /// The stable code of a problem. A code is never given a new meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// Every code, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As printed: `RC101`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// What the code means, in one line.
            pub fn explanation(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+).trim_ascii(),)+
                }
            }

            /// What `reconcile explain` says of it, in Markdown: how it comes about and what to do, then an example that has it under
            /// `## Wrong` and one that has not under `## Right`.
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$variant => include_str!(concat!("problem/pages/", $text, ".md")),)+
                }
            }
        }
    };
}

codes! {
    /// A file or directory could not be read, so it is not known what is wanted.
    Unreadable = "RC001",
    /// The directory holds no manifest at all. That is never taken for "nothing is wanted".
    NoManifests = "RC002",
    /// A limit on size, number or depth was reached; it keeps hostile or mistaken input from taking all memory.
    Limit = "RC003",
    /// The file is not UTF-8.
    NotUtf8 = "RC004",
    /// A symbolic link leads back to a directory above it.
    SymlinkLoop = "RC005",
    /// Something of another Git revision is not in this clone, so it is not known what was wanted then.
    NotInClone = "RC006",
    /// The text is not YAML.
    Syntax = "RC010",
    /// A key is written twice in one mapping.
    DuplicateKey = "RC011",
    /// A key of a mapping is not a plain string.
    KeyNotString = "RC012",
    /// A number is outside what can be kept exactly.
    Number = "RC013",
    /// An alias, anchor or merge key cannot be followed.
    Alias = "RC014",
    /// A tag has no meaning here.
    Tag = "RC015",
    /// The document does not say which version and kind it is.
    Envelope = "RC100",
    /// A field is not known at this place.
    UnknownField = "RC101",
    /// A required field is missing.
    MissingField = "RC102",
    /// A value has the wrong type.
    WrongType = "RC103",
    /// A value is not one of those that are allowed.
    NotAllowed = "RC104",
    /// A number or length is outside its range.
    OutOfRange = "RC105",
    /// A text does not have the form that is asked for.
    Malformed = "RC106",
    /// An ECS field or value is known, but not supported yet.
    NotSupported = "RC107",
    /// A plain ECS task definition lacks what would be its name.
    PlainTaskDefinition = "RC108",
    /// An ECS field or value cannot be honoured on a Docker host, and ignoring it would be dangerous.
    Refused = "RC109",
    /// Two fields that name the same object differ.
    NameMismatch = "RC120",
    /// Two entries of a list have a name or port that only one can have.
    Duplicate = "RC121",
    /// A name refers to something that is not declared.
    UndefinedReference = "RC122",
    /// No container of the task is essential.
    NoEssentialContainer = "RC123",
    /// Two fields contradict each other.
    Conflict = "RC124",
    /// The field belongs to `reconcile` itself.
    Reserved = "RC125",
    /// It works here, but ECS would refuse it.
    EcsWouldRefuse = "RC130",
    /// The limits of the deployment leave no room to replace a task.
    DeploymentStuck = "RC131",
    /// Nothing refers to the object.
    Unused = "RC132",
    /// An ECS field or value is accepted, and has no effect on a Docker host.
    NoEffect = "RC133",
    /// The value of a secret cannot be had.
    SecretUnavailable = "RC140",
    /// The value of a secret is not known here, so it is not known whether it has changed.
    SecretNotCompared = "RC141",
    /// A deployment was given up because too many of its tasks failed.
    DeploymentFailed = "RC150",
    /// Somebody holds a service or a task back, by hand; the manifest is not in force as it stands.
    HeldBack = "RC151",
    /// The manifests that were to be compared with are not valid, and earlier ones stand in for them.
    InvalidBase = "RC152",
    /// Nothing shows whether an essential container of a service is well.
    NoHealthCheck = "RC160",
    /// An image is named by a tag that does not say which image it is.
    FloatingImage = "RC161",
    /// What looks like a secret stands in a manifest for everybody to read.
    PlainSecret = "RC162",
}

impl Code {
    /// The codes of warnings that a manifest may allow: those that are a matter of judgement. What may be a mistake in what is written
    /// is not among them.
    pub const ALLOWABLE: [Self; 7] = [
        Self::EcsWouldRefuse,
        Self::DeploymentStuck,
        Self::Unused,
        Self::NoEffect,
        Self::NoHealthCheck,
        Self::FloatingImage,
        Self::PlainSecret,
    ];
}

impl FromStr for Code {
    type Err = UnknownCode;

    /// `RC101`, in upper or lower case, and also without the letters.
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let number = |text: &str| text.to_ascii_uppercase().trim_start_matches("RC").to_owned();
        let wanted = number(text);
        let found = Self::ALL.iter().find(|code| number(code.as_str()) == wanted);
        found.copied().ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

/// A text that is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the code of a problem; `reconcile explain` lists them")]
pub struct UnknownCode(String);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A piece of a file. Lines and columns count from 1, columns in Unicode code points; the end is exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The file as the user named it.
    pub file: Arc<str>,
    /// The line of the first character.
    pub line: u32,
    /// The column of the first character.
    pub column: u32,
    /// The line of the first character after the piece.
    pub end_line: u32,
    /// The column of the first character after the piece.
    pub end_column: u32,
    /// The bytes of the piece.
    pub bytes: Range<usize>,
}

impl Place {
    /// The very beginning of a file: for what concerns the file as a whole.
    pub fn start_of(file: Arc<str>) -> Self {
        Self { file, line: 1, column: 1, end_line: 1, end_column: 1, bytes: 0..0 }
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.file, self.bytes.start, self.bytes.end, self.line, self.column).cmp(&(
            &other.file,
            other.bytes.start,
            other.bytes.end,
            other.line,
            other.column,
        ))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A second place that explains the first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Related {
    /// What is there.
    pub message: String,
    /// Where.
    pub place: Place,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where, unless it concerns no place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What was expected there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The text that repairs it when it replaces the text at `place`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// Whether the suggestion can only be what was meant, so that `reconcile validate --fix` may write it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fixable: bool,
    /// Other places that explain it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    /// The object that it concerns: ``Service `web` ``.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}

impl Problem {
    /// An error with a code and a sentence; the rest is added by the `with_` functions.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            place: None,
            expected: None,
            found: None,
            help: None,
            suggestion: None,
            fixable: false,
            related: Vec::new(),
            object: None,
        }
    }

    /// A warning with a code and a sentence.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Says where.
    #[must_use]
    pub fn with_place(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Says what was expected and what was found.
    #[must_use]
    pub fn with_expected(mut self, expected: impl Into<String>, found: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self.found = Some(found.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Gives the text that repairs it when it replaces the text at the place.
    #[must_use]
    pub fn with_suggestion(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// Gives the text that repairs it, and that can only be what was meant.
    #[must_use]
    pub fn with_fix(self, suggestion: impl Into<String>) -> Self {
        Self { fixable: true, ..self.with_suggestion(suggestion) }
    }

    /// Adds a second place.
    #[must_use]
    pub fn with_related(mut self, message: impl Into<String>, place: Place) -> Self {
        self.related.push(Related { message: message.into(), place });
        self
    }

    /// Names the object that it concerns.
    #[must_use]
    pub fn with_object(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    /// Whether nothing is done until it is repaired.
    pub fn is_error(&self) -> bool {
        match self.severity {
            Severity::Error => true,
            Severity::Warning => false,
        }
    }
}

/// Sorts by place (those without one first), then by severity, code and sentence: the same problems always print the
/// same way, however many threads found them. Exact repetitions are dropped.
pub fn sort_problems(problems: &mut Vec<Problem>) {
    problems.sort_by(|a, b| {
        (&a.place, a.severity, a.code, &a.message, &a.related)
            .cmp(&(&b.place, b.severity, b.code, &b.message, &b.related))
    });
    problems.dedup();
}

#[cfg(test)]
mod tests;
