//! The image of this very program, for the containers of our own.

use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt;

use super::connection::{Call, CallError, Connection};
use crate::image::Reference;
use crate::ownership;
use crate::program::{self, Files, PROGRAM_PATH};

/// Some 20 MB through a socket; a program with its debug information is ten times as big.
pub(super) const MAKE_IMAGE: Call = Call::new("make image", 5 * 60);

/// Makes the image. Making it again gives the same.
pub(super) async fn make_own_image(connection: &Connection, image: &str) -> Result<(), CallError> {
    let archive = tokio::task::spawn_blocking(|| program::read_own_files().and_then(|files| pack(&files)));
    // The task neither panics nor is cancelled; should it, the image is not made and the next look tries again.
    let archive = archive.await.map_err(|error| CallError::Broken(error.to_string()))?;
    let archive = archive.map_err(|error| CallError::Broken(format!("cannot read this program: {error}")))?;
    let reference = Reference::split(image);
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some(reference.repository.to_owned()),
        tag: reference.tag.map(str::to_owned),
        // One text: the engine reads it as the lines of a Dockerfile.
        changes: vec![format!(
            "ENTRYPOINT [\"{PROGRAM_PATH}\"]\nLABEL {}={}",
            ownership::OWN_IMAGE,
            env!("CARGO_PKG_VERSION")
        )],
        ..CreateImageOptions::default()
    };
    MAKE_IMAGE
        .within(async {
            let body = bollard::body_full(archive.into());
            let mut progress = connection.client()?.create_image(Some(options), Some(body), None);
            while let Some(step) = progress.next().await {
                step.map_err(CallError::from)?;
            }
            Ok(())
        })
        .await
}

/// The files as a tar archive, the same bytes for the same files.
fn pack(files: &Files) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o755);
        archive.append_data(&mut header, path, bytes.as_slice())?;
    }
    archive.into_inner()
}
