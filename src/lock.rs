//! One reconciler at a time for each cluster of an engine.
//!
//! The lock is a listening socket in Linux's abstract namespace, named after the engine's endpoint and the cluster. The kernel gives
//! the name to one process, and takes it back when the process ends, however it ends: there is no file to be left behind. Whoever
//! finds the name taken asks the kernel for the holder's process id. Nothing is ever sent over the socket.
//!
//! The namespace is that of the network: a reconciler in a container of its own, or on another host, is not seen. What is left then
//! is the engine's own lock: a container's name. Two such reconcilers never make two of one container, but may undo each other's work.

use std::collections::BTreeSet;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use sha2::{Digest, Sha256};

use crate::value::ClusterName;

/// Why a cluster cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process works on it.
    #[error("cluster `{cluster}` is already being reconciled by {holder}")]
    Held {
        /// The cluster.
        cluster: ClusterName,
        /// Who works on it: process id and command.
        holder: String,
    },
    /// The operating system refused the lock.
    #[error("cannot lock cluster `{cluster}`: {source}")]
    System {
        /// The cluster.
        cluster: ClusterName,
        /// What the operating system said.
        source: io::Error,
    },
}

/// The locks of some clusters; they end with this value.
#[derive(Debug)]
pub struct Locks {
    endpoint: String,
    held: Vec<(ClusterName, UnixListener)>,
}

impl Locks {
    /// No lock yet, on the engine at `endpoint`.
    pub fn new(endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), held: Vec::new() }
    }

    /// Locks what is not locked yet of `clusters`, and lets go of the rest. On an error nothing has changed.
    ///
    /// # Errors
    /// When another process holds one of them, or the operating system refuses.
    pub async fn hold_exactly(&mut self, clusters: &BTreeSet<ClusterName>) -> Result<(), LockError> {
        let mut new = Vec::new();
        for cluster in clusters.iter().filter(|cluster| !self.held.iter().any(|(held, _)| held == *cluster)) {
            new.push((cluster.clone(), lock(&self.endpoint, cluster).await?));
        }
        self.held.retain(|(cluster, _)| clusters.contains(cluster));
        self.held.extend(new);
        Ok(())
    }

    /// Takes in those who came to ask. Their number waiting is limited by the kernel, and one too many would get no answer.
    pub fn answer(&self) {
        for (_, listener) in &self.held {
            while listener.accept().is_ok() {}
        }
    }
}

async fn lock(endpoint: &str, cluster: &ClusterName) -> Result<UnixListener, LockError> {
    let system = |source| LockError::System { cluster: cluster.clone(), source };
    let name = lock_name(endpoint, cluster);
    let address = SocketAddr::from_abstract_name(&name).map_err(system)?;
    match UnixListener::bind_addr(&address) {
        Ok(listener) => listener.set_nonblocking(true).map(|()| listener).map_err(system),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Err(LockError::Held { cluster: cluster.clone(), holder: holder(&name).await })
        }
        Err(error) => Err(system(error)),
    }
}

/// An abstract name holds 107 bytes at most; an endpoint may be longer, so its hash stands for it.
fn lock_name(endpoint: &str, cluster: &ClusterName) -> String {
    let digest = Sha256::digest(format!("{endpoint}\n{cluster}"));
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    format!("reconcile/lock/{:032x}", u128::from_be_bytes(first))
}

/// Who listens under the name, in words.
async fn holder(name: &str) -> String {
    let stream = tokio::net::UnixStream::connect(format!("\0{name}")).await;
    match stream.and_then(|stream| stream.peer_cred()).ok().and_then(|peer| peer.pid()) {
        Some(pid) => format!("process {pid}{}", command_of(pid)),
        None => "another process".to_owned(),
    }
}

/// The command line of a process, as the kernel has it; nothing when it is not to be seen.
fn command_of(pid: i32) -> String {
    let Ok(bytes) = std::fs::read(format!("/proc/{pid}/cmdline")) else { return String::new() };
    let words: Vec<_> = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty()).collect();
    let text = words.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" ");
    let text: String = text.chars().filter(|c| !c.is_control()).take(120).collect();
    if text.is_empty() { text } else { format!(" (`{text}`)") }
}

#[cfg(test)]
mod tests;
