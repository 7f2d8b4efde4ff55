//! How files are called within their repository, and where they can be looked at.
//!
//! Platforms know files by their path from the top of the repository, with `/` between the parts and nothing in front.

use std::path::{Component, Path, PathBuf};

use super::super::escape::uri_path;
use crate::problem::Place;

/// How files are called within their repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths {
    /// Where relative names begin.
    here: PathBuf,
    /// The top of the repository, where it is known.
    top: Option<PathBuf>,
    /// What stands in front of a path so that the file can be looked at: `https://HOST/OWNER/NAME/blob/REVISION`.
    pages: Option<String>,
}

impl Paths {
    /// Names that begin in `here` are those from `top` on.
    pub fn new(here: &Path, top: Option<&Path>) -> Self {
        Self { here: here.to_owned(), top: top.map(Path::to_owned), pages: None }
    }

    /// Lets files be linked to: `pages` stands in front of their path. What is no plain address is left out.
    #[must_use]
    pub fn with_pages(self, pages: Option<String>) -> Self {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:%+".contains(c);
        let is_address =
            |text: &String| (text.starts_with("https://") || text.starts_with("http://")) && text.chars().all(is_plain);
        Self { pages: pages.filter(is_address), ..self }
    }

    /// The name of a file within the repository; of one outside, as the user named it.
    pub fn name(&self, file: &str) -> String {
        let whole = plain(&self.here.join(file));
        let inside = self.top.as_deref().and_then(|top| whole.strip_prefix(top).ok());
        let named = inside.map_or_else(|| plain(Path::new(file)), Path::to_owned);
        let name = named.to_string_lossy().replace('\\', "/");
        if name.is_empty() { ".".to_owned() } else { name }
    }

    /// Where the line of a place can be looked at.
    pub fn page(&self, place: &Place) -> Option<String> {
        let pages = self.pages.as_deref()?.trim_end_matches('/');
        Some(format!("{pages}/{}#L{}", uri_path(&self.name(&place.file)), place.line))
    }
}

/// A path without `.` and `..`, by its text alone.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            Component::ParentDir | Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                plain.push(component);
            }
        }
    }
    plain
}
