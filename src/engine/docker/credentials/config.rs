//! Docker's `config.json`, as far as it tells of registries. Pure.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Credentials;

/// What the file says of registries.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Config {
    auths: BTreeMap<String, Auth>,
    creds_store: String,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Auth {
    #[serde(rename = "auth")]
    user_and_password: String,
    username: String,
    password: String,
    identitytoken: String,
}

/// What is known of one server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Nothing.
    None,
    /// This.
    Stored(Credentials),
    /// Something that makes no sense.
    Unreadable,
    /// This program knows: `docker-credential-NAME`.
    Helper(String),
}

impl Config {
    /// Reads the file. The error never quotes it.
    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| format!("line {}, column {}", error.line(), error.column()))
    }

    /// Whether it says nothing of any registry.
    pub(super) fn is_empty(&self) -> bool {
        self.auths.is_empty() && self.creds_store.is_empty() && self.cred_helpers.is_empty()
    }

    /// What is known of a server. The order is Docker's: its own helper, the helper for all, the file itself.
    pub(super) fn find(&self, server: &str) -> Entry {
        if let Some(name) = by_server(&self.cred_helpers, server).filter(|name| !name.is_empty()) {
            return Entry::Helper(name.clone());
        }
        if !self.creds_store.is_empty() {
            return Entry::Helper(self.creds_store.clone());
        }
        by_server(&self.auths, server).map_or(Entry::None, Auth::read)
    }
}

/// The entry of a server: under its very name, or under one that means the same host.
fn by_server<'a, T>(entries: &'a BTreeMap<String, T>, server: &str) -> Option<&'a T> {
    let same = || entries.iter().find(|(name, _)| host_of(name) == host_of(server)).map(|(_, entry)| entry);
    entries.get(server).or_else(same)
}

/// The host and port of an address.
pub(super) fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

impl Auth {
    fn read(&self) -> Entry {
        if !self.identitytoken.is_empty() {
            return Entry::Stored(Credentials::IdentityToken(self.identitytoken.clone()));
        }
        if !self.username.is_empty() {
            let (username, password) = (self.username.clone(), self.password.clone());
            return Entry::Stored(Credentials::Basic { username, password });
        }
        if self.user_and_password.is_empty() {
            return Entry::None;
        }
        let decoded = STANDARD.decode(&self.user_and_password).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        // Docker itself ends some passwords with zeros.
        let parts = decoded.as_deref().and_then(|text| text.trim_end_matches('\0').split_once(':'));
        parts.map_or(Entry::Unreadable, |(username, password)| {
            Entry::Stored(Credentials::Basic { username: username.to_owned(), password: password.to_owned() })
        })
    }
}
