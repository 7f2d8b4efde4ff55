//! The grammar of image references.

use std::fmt;

/// What stands for a tag where there is none. Source: ECS and Docker.
const TAG_DEFAULT: &str = "latest";

/// Hexadecimal digits of a SHA-256 digest.
const DIGEST_DIGITS: usize = 64;

/// The longest tag. Source: the distribution specification.
const TAG_LENGTH_MAX: usize = 128;

/// A reference in its parts: `repository[:tag][@sha256:digest]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Everything before the tag, the name of the registry included.
    pub repository: &'a str,
    /// The tag, where there is one.
    pub tag: Option<&'a str>,
    /// `sha256:…`, where there is one.
    pub digest: Option<&'a str>,
}

/// Why a text is not an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The repository has no name.
    #[error("it names no repository: expected repository[:tag], such as shop/web:1.4")]
    NoRepository,
    /// A part of the repository's name is not one.
    #[error(
        "`{0}` cannot be part of a repository's name: lower-case letters, digits, and single `.`, `_`, `-` between them"
    )]
    Repository(String),
    /// The repository's name has upper-case letters.
    #[error("the name of a repository is written in lower case: `{0}`")]
    UpperCase(String),
    /// The tag is not one.
    #[error(
        "`{0}` is not a tag: letters, digits, `_`, `.`, `-`, at most {TAG_LENGTH_MAX}, beginning with a letter, a digit or `_`"
    )]
    Tag(String),
    /// The digest is not one.
    #[error("`{0}` is not a digest: expected sha256: and {DIGEST_DIGITS} hexadecimal digits")]
    Digest(String),
}

impl<'a> Reference<'a> {
    /// Takes a text apart, whatever it holds.
    pub fn split(text: &'a str) -> Self {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the registry's port.
        let last_at = name.rfind('/').map_or(0, |slash| slash + 1);
        match name[last_at..].find(':') {
            Some(colon) => {
                let (repository, tag) = (&name[..last_at + colon], &name[last_at + colon + 1..]);
                Self { repository, tag: Some(tag), digest }
            }
            None => Self { repository: name, tag: None, digest },
        }
    }

    /// Takes a text apart that is a reference.
    ///
    /// # Errors
    /// What is wrong with it, by the grammar of Docker; of digests ECS knows only SHA-256.
    pub fn parse(text: &'a str) -> Result<Self, ReferenceError> {
        let reference = Self::split(text);
        let path = reference.registry().map_or(reference.repository, |host| &reference.repository[host.len() + 1..]);
        if path.is_empty() {
            return Err(ReferenceError::NoRepository);
        }
        path.split('/').try_for_each(check_component)?;
        if let Some(tag) = reference.tag.filter(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag(tag.to_owned()));
        }
        if let Some(digest) = reference.digest.filter(|digest| !is_digest(digest)) {
            return Err(ReferenceError::Digest(digest.to_owned()));
        }
        Ok(reference)
    }

    /// The registry, with its port; `None` when the engine's default registry is meant.
    pub fn registry(&self) -> Option<&'a str> {
        let (first, _) = self.repository.split_once('/')?;
        let is_host =
            first == "localhost" || first.contains(['.', ':']) || first.chars().any(|c| c.is_ascii_uppercase());
        is_host.then_some(first)
    }

    /// The tag; `latest` where nothing says which image is meant.
    pub fn tag_or_default(&self) -> &'a str {
        match (self.tag, self.digest) {
            (Some(tag), _) => tag,
            (None, Some(_)) => "",
            (None, None) => TAG_DEFAULT,
        }
    }
}

impl fmt::Display for Reference<'_> {
    /// In full, so that no engine takes it to mean every tag.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.repository)?;
        match (self.tag, self.digest) {
            (Some(tag), None) => write!(f, ":{tag}"),
            (Some(tag), Some(digest)) => write!(f, ":{tag}@{digest}"),
            (None, Some(digest)) => write!(f, "@{digest}"),
            (None, None) => write!(f, ":{TAG_DEFAULT}"),
        }
    }
}

/// A part of a repository's name between two slashes.
fn check_component(component: &str) -> Result<(), ReferenceError> {
    if component.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(ReferenceError::UpperCase(component.to_owned()));
    }
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut words = component.split(is_word).filter(|between| !between.is_empty());
    let separates = |between: &str| matches!(between, "." | "_" | "__") || between.chars().all(|c| c == '-');
    let framed = component.starts_with(is_word) && component.ends_with(is_word);
    if framed && words.all(separates) { Ok(()) } else { Err(ReferenceError::Repository(component.to_owned())) }
}

fn is_tag(tag: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.starts_with(is_word) && tag.len() <= TAG_LENGTH_MAX && tag.chars().all(|c| is_word(c) || c == '.' || c == '-')
}

fn is_digest(digest: &str) -> bool {
    let hash = digest.strip_prefix("sha256:");
    hash.is_some_and(|hash| hash.len() == DIGEST_DIGITS && hash.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')))
}
