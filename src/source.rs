//! Who declares: the stable name of a directory of manifests.
//!
//! In a Git checkout it is the remote `origin` and the path within the repository, so that every checkout of one repository is the
//! same source, whichever protocol it was cloned by; elsewhere it is the path as the user knows it, with its links: a release may be put in place by pointing a link at
//! another directory, and is the same source all the same. Whoever may clone it, and with which password, is left out: the name becomes a label.

use std::path::{Component, Path, PathBuf};

use crate::bounded::read_bounded;
use crate::ownership::Source;

/// The references of a large repository, packed, are some megabytes.
const GIT_FILE_BYTES_MAX: usize = 16 << 20;

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

/// What is checked out in the Git repository around the directory: the first twelve digits of the commit, and the branch where there is
/// one, as `3f2a9c1d42e0 (main)`. What is not committed is not seen. `None` outside of a repository, and where no commit is found.
pub fn commit_of(directory: &Path) -> Option<String> {
    let directory = directory.canonicalize().ok()?;
    let (git, common) = directory.ancestors().find_map(|root| {
        let git = root.join(".git");
        if git.is_dir() { Some((git.clone(), git)) } else { linked(&git) }
    })?;
    let head = read_small(&git.join("HEAD"))?;
    let (commit, branch) = match head.trim().strip_prefix("ref: ") {
        None => (head.trim().to_owned(), None),
        Some(name) => (find_reference(&common, name)?, name.strip_prefix("refs/heads/")),
    };
    let is_commit = commit.len() >= 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
    let short = commit.get(..12).filter(|_| is_commit)?;
    let is_plain = |branch: &&str| !branch.chars().any(char::is_control);
    Some(branch.filter(is_plain).map_or_else(|| short.to_owned(), |branch| format!("{short} ({branch})")))
}

/// The commit of a reference, in a file of its own or among those that were packed.
fn find_reference(git: &Path, name: &str) -> Option<String> {
    if Path::new(name).components().any(|part| !matches!(part, Component::Normal(_))) {
        return None;
    }
    let loose = read_small(&git.join(name)).map(|text| text.trim().to_owned());
    loose.or_else(|| {
        let packed = read_small(&git.join("packed-refs"))?;
        let found = packed.lines().find_map(|line| line.split_once(' ').filter(|(_, other)| *other == name));
        found.map(|(commit, _)| commit.to_owned())
    })
}

fn read_small(path: &Path) -> Option<String> {
    String::from_utf8(read_bounded(path, GIT_FILE_BYTES_MAX).ok()?).ok()
}

/// The repository of the remote `origin`, if `.git` names one. Git's own files are read: a `git` program may not be there.
fn origin(git: &Path) -> Option<String> {
    let config = std::fs::read_to_string(config_path(git)?).ok()?;
    remote_url(&config).map(|url| repository_of(&url))
}

/// Where the configuration is: in `.git`, or where the file `.git` of a linked work tree points to.
fn config_path(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.join("config"));
    }
    linked(git).map(|(_, common)| common.join("config"))
}

/// Where the file `.git` of a linked work tree points to: what is its own, and what it shares with the others.
fn linked(git: &Path) -> Option<(PathBuf, PathBuf)> {
    let text = std::fs::read_to_string(git).ok()?;
    let target = git.parent()?.join(text.strip_prefix("gitdir:")?.trim());
    let common = match std::fs::read_to_string(target.join("commondir")) {
        Ok(common) => target.join(common.trim()),
        Err(_) => target.clone(),
    };
    Some((target, common))
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

/// The repository that an address leads to, as `HOST/PATH`: without the protocol, the user, the password and a `.git` at the end, so that
/// a runner that cloned it by HTTPS and a host that cloned it by SSH mean the same one. A path of this machine stays as it is.
fn repository_of(url: &str) -> String {
    let (host, path) = match url.split_once("://") {
        Some(("file", _)) => return url.to_owned(),
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            (without_usual_port(scheme, host), path)
        }
        // `[USER@]HOST:PATH`, which is no path of this machine that has a colon somewhere.
        None => match url.split_once(':') {
            Some((host, path)) if !host.contains('/') => (host.rsplit_once('@').map_or(host, |(_, host)| host), path),
            Some(_) | None => return url.to_owned(),
        },
    };
    let path = path.trim_matches('/');
    format!("{}/{}", host.to_ascii_lowercase(), path.strip_suffix(".git").unwrap_or(path))
}

fn without_usual_port<'a>(scheme: &str, host: &'a str) -> &'a str {
    let usual = match scheme {
        "https" => ":443",
        "http" => ":80",
        "ssh" => ":22",
        "git" => ":9418",
        _ => return host,
    };
    host.strip_suffix(usual).unwrap_or(host)
}

#[cfg(test)]
mod tests;
