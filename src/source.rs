//! Who declares: the stable name of a directory of manifests.
//!
//! In a Git checkout it is the remote `origin` and the path within the repository, so that every checkout of one repository is the
//! same source; elsewhere it is the path as the user knows it, with its links: a release may be put in place by pointing a link at
//! another directory, and is the same source all the same. The password that a remote's address may hold is left out: the name becomes a label.

use std::path::{Component, Path, PathBuf};

use crate::ownership::Source;

/// Names the directory.
pub fn source_of(directory: &Path) -> std::io::Result<Source> {
    let named = directory;
    let directory = directory.canonicalize()?;
    let in_git = directory.ancestors().find_map(|root| {
        let remote = origin(&root.join(".git"))?;
        let inside = directory.strip_prefix(root).ok()?;
        Some(format!("{remote}//{}", inside.display()))
    });
    // What lies behind `..` depends on where a link leads, so such a path has no name but the real one.
    let is_plain = named.components().all(|component| component != Component::ParentDir);
    let path = if is_plain { std::path::absolute(named)?.components().collect() } else { directory };
    Ok(Source::new(&in_git.unwrap_or_else(|| path.display().to_string())))
}

/// The address of the remote `origin`, if `.git` names one. Git's own files are read: a `git` program may not be there.
fn origin(git: &Path) -> Option<String> {
    let config = std::fs::read_to_string(config_path(git)?).ok()?;
    remote_url(&config).map(|url| without_password(&url))
}

/// Where the configuration is: in `.git`, or where the file `.git` of a linked work tree points to.
fn config_path(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.join("config"));
    }
    let text = std::fs::read_to_string(git).ok()?;
    let target = git.parent()?.join(text.strip_prefix("gitdir:")?.trim());
    let common = match std::fs::read_to_string(target.join("commondir")) {
        Ok(common) => target.join(common.trim()),
        Err(_) => target,
    };
    Some(common.join("config"))
}

/// The `url` of the section `[remote "origin"]`.
fn remote_url(config: &str) -> Option<String> {
    let mut inside = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.replace(' ', "").eq_ignore_ascii_case("[remote\"origin\"]");
        } else if inside
            && let Some((key, value)) = line.split_once('=')
            && key.trim().eq_ignore_ascii_case("url")
        {
            return Some(value.trim().trim_matches('"').to_owned());
        }
    }
    None
}

/// The address without what stands before `@` in `scheme://user:password@host`. The user of `git@host:path` stays: it is no secret.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests;
