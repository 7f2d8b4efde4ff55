//! The fetch of an image: how far it is, when it is given up, and what the registry's answer means.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bollard::errors::Error as BollardError;
use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt;

use self::layers::Layers;
use self::refusal::{Refusal, classify};
use super::connection::{Call, CallError, Connection};
use super::credentials::{self, Found, RepositorySecrets};
use super::text::clean;
use crate::desired::RepositoryCredentials;
use crate::image::{Platform, PullProgress, Reference};
use crate::plan::{Failure, FailureKind};

mod layers;
mod refusal;

/// Large images over slow lines. Source: the ECS agent, as the two below.
pub(super) const PULL: Call = Call::new("pull image", 2 * 60 * 60);

/// How long it may take until the registry has said what the image consists of.
const FIRST_PROGRESS: Duration = Duration::from_mins(5);

/// How long nothing may be heard of a fetch that has begun. The engine tells of every piece that it has fetched or unpacked.
const NEXT_PROGRESS: Duration = Duration::from_mins(1);

/// The longest answer of a registry that is passed on.
const MESSAGE_CHARS_MAX: usize = 1000;

/// The fetches under way, by image reference.
#[derive(Debug, Default)]
pub(super) struct Pulls(Mutex<BTreeMap<String, PullProgress>>);

impl Pulls {
    /// How far each is.
    pub(super) fn read(&self) -> BTreeMap<String, PullProgress> {
        // A panic elsewhere leaves plain numbers, which are still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, image: &str, progress: PullProgress) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(image.to_owned(), progress);
    }
}

/// Takes a fetch out of the list when it is over, however it ended.
struct Listed<'a>(&'a Pulls, &'a str);

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(self.1);
    }
}

/// Why an image was not fetched.
#[derive(Debug)]
pub(super) enum NotPulled {
    /// It is known that it was not.
    Failed(Failure),
    /// The engine could not be asked, or did not say.
    NoAnswer(CallError),
}

/// Fetches `image`, made for `platform`; for that of the host when none is named.
pub(super) async fn pull(
    connection: &Connection,
    secrets: &dyn RepositorySecrets,
    image: &str,
    credentials: Option<&RepositoryCredentials>,
    platform: Option<&Platform>,
) -> Result<(), NotPulled> {
    let found = match credentials {
        Some(named) => {
            let found = credentials::read_named(secrets, named).await;
            found.map_err(|message| failed(FailureKind::Refused, format!("{image} cannot be fetched: {message}")))?
        }
        None => credentials::find(connection, Reference::split(image).registry()).await,
    };
    let listed = Listed(&connection.pulls, image);
    connection.pulls.note(image, PullProgress::default());
    let work = async { Ok(follow(connection, image, platform, found.credentials.clone()).await) };
    let ended = match PULL.within(work).await {
        Ok(ended) => ended,
        // Nobody waits for it any more, so the engine breaks it off: it is known that it did not happen.
        Err(CallError::NoAnswer { seconds }) => {
            Err(Broken::Slow(format!("it is not finished after {} h", seconds / 3600)))
        }
        Err(error) => return Err(NotPulled::NoAnswer(error)),
    };
    drop(listed);
    match ended {
        Ok(()) => Ok(()),
        Err(Broken::NoAnswer(error)) => Err(NotPulled::NoAnswer(error)),
        Err(Broken::Slow(reason)) => Err(failed(FailureKind::Registry, format!("{image} cannot be fetched: {reason}"))),
        Err(Broken::Refused { status, message }) => Err(explain(image, &found, status, &message)),
    }
}

/// How a fetch broke off.
enum Broken {
    NoAnswer(CallError),
    Slow(String),
    Refused { status: Option<u16>, message: String },
}

impl From<CallError> for Broken {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused { status, message } => Self::Refused { status: Some(status), message },
            CallError::Unreachable(_)
            | CallError::NoAnswer { .. }
            | CallError::Broken(_)
            | CallError::Unreadable(_) => Self::NoAnswer(error),
        }
    }
}

/// Fetches, and notes how far it is.
async fn follow(
    connection: &Connection,
    image: &str,
    platform: Option<&Platform>,
    credentials: Option<credentials::Credentials>,
) -> Result<(), Broken> {
    let options = CreateImageOptions {
        // In full: without a tag the engine would fetch every tag there is.
        from_image: Some(Reference::split(image).to_string()),
        platform: platform.map(Platform::to_string).unwrap_or_default(),
        ..Default::default()
    };
    let client = connection.client()?.clone().with_request_modifier(credentials::correct_header);
    let credentials = credentials.map(credentials::Credentials::into_bollard);
    let mut told = client.create_image(Some(options), None, credentials);
    let mut layers = Layers::default();
    let mut patience = FIRST_PROGRESS;
    loop {
        match tokio::time::timeout(patience, told.next()).await {
            Err(_) => return Err(Broken::Slow(describe_silence(patience, layers.progress()))),
            Ok(None) => return Ok(()),
            Ok(Some(Ok(line))) => {
                layers.take(
                    line.id.as_deref(),
                    line.status.as_deref(),
                    line.progress_detail
                        .as_ref()
                        .map(|detail| (detail.current.unwrap_or_default(), detail.total.unwrap_or_default())),
                );
                connection.pulls.note(image, layers.progress());
                patience = NEXT_PROGRESS;
            }
            Ok(Some(Err(BollardError::DockerStreamError { error }))) => {
                return Err(Broken::Refused { status: None, message: clean(error.as_bytes(), MESSAGE_CHARS_MAX) });
            }
            Ok(Some(Err(error))) => return Err(Broken::from(CallError::from(error))),
        }
    }
}

fn describe_silence(patience: Duration, progress: PullProgress) -> String {
    let minutes = patience.as_secs() / 60;
    if patience == FIRST_PROGRESS {
        format!("neither the engine nor the registry has said anything for {minutes} min")
    } else {
        format!("nothing has been heard of it for {minutes} min, after {progress}")
    }
}

/// What the registry's answer means, and what to do.
fn explain(image: &str, found: &Found, status: Option<u16>, message: &str) -> NotPulled {
    let refusal = classify(status, message);
    let kind = match refusal {
        Refusal::NotFound | Refusal::Denied | Refusal::NoSuchRegistry | Refusal::NoPlatform | Refusal::Malformed => {
            FailureKind::ImageMissing
        }
        Refusal::Unreachable | Refusal::Busy | Refusal::Other => FailureKind::Registry,
    };
    let who = match (&refusal, &found.source) {
        (Refusal::Denied, Some(source)) => format!("; it was asked with the credentials of {source}"),
        (Refusal::Denied, None) => "; it was asked without credentials".to_owned(),
        _ => String::new(),
    };
    let trouble = found.trouble.as_ref().map_or_else(String::new, |trouble| format!("; {trouble}"));
    let advice = refusal.advice();
    failed(kind, format!("{}: {image} ({message}){who}{trouble}. {advice}", refusal.headline()))
}

fn failed(kind: FailureKind, message: String) -> NotPulled {
    NotPulled::Failed(Failure { kind, message })
}

#[cfg(test)]
mod tests;
