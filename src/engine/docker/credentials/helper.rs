//! Docker's credential helpers: programs that keep what `docker login` was told.
//!
//! A helper is started by its name and never through a shell, it is bounded in time and output, and nothing that it prints is ever
//! passed on: it may be a secret.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::Credentials;

/// A helper may have to unlock a keychain; nobody is there to type a password for it.
const LIMIT: Duration = Duration::from_secs(30);

/// A token may have some kilobytes.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;

/// What helpers say, by agreement, of a server that they do not know.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// The user name that stands for a token.
const TOKEN_USER: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks the helper `name` about a server; `None` when it knows nothing of it. It is looked for in `directories`, or else on the path.
pub(super) async fn ask(name: &str, server: &str, directories: Option<&Path>) -> Result<Option<Credentials>, String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if name.is_empty() || !name.chars().all(is_name) {
        return Err("Docker's config.json names a credential helper that cannot be the name of a program".to_owned());
    }
    let hint = format!("try it: echo {server} | docker-credential-{name} get");
    let (succeeded, output) = match tokio::time::timeout(LIMIT, run(name, server, directories)).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(error)) => {
            return Err(format!("the credential helper `docker-credential-{name}` cannot be run: {error}"));
        }
        Err(_) => {
            let seconds = LIMIT.as_secs();
            return Err(format!("the credential helper `{name}` did not answer within {seconds} s; {hint}"));
        }
    };
    if !succeeded {
        return if output.trim() == NOT_FOUND {
            Ok(None)
        } else {
            Err(format!("the credential helper `{name}` failed; {hint}"))
        };
    }
    let Ok(Answer { username, secret }) = serde_json::from_str(&output) else {
        return Err(format!("the credential helper `{name}` gave an answer that cannot be read; {hint}"));
    };
    Ok(Some(if username == TOKEN_USER {
        Credentials::IdentityToken(secret)
    } else {
        Credentials::Basic { username, password: secret }
    }))
}

/// Runs a helper to its end: whether it succeeded, and what it wrote.
async fn run(name: &str, server: &str, directories: Option<&Path>) -> std::io::Result<(bool, String)> {
    let mut command = Command::new(format!("docker-credential-{name}"));
    if let Some(directories) = directories {
        command.env("PATH", directories);
    }
    let mut child = command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that does not read its input has its reasons; its exit code tells.
        let _ = input.write_all(server.as_bytes()).await;
    }
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(OUTPUT_BYTES_MAX).read_to_end(&mut output).await?;
    }
    let status = child.wait().await?;
    Ok((status.success(), String::from_utf8_lossy(&output).into_owned()))
}
