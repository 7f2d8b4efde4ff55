//! Writing down what a person asks of a service: a volume without content, whose labels say it.

use bollard::models::VolumeCreateRequest;

use super::connection::{Call, CallError, Connection};
use crate::ownership::{self, Intervention, Source};
use crate::value::ClusterName;

pub(super) const WRITE: Call = Call::new("make volume", 60);

pub(super) async fn write(
    connection: &Connection,
    cluster: &ClusterName,
    source: &Source,
    intervention: &Intervention,
) -> Result<(), CallError> {
    let body = VolumeCreateRequest {
        name: Some(intervention.name(cluster)),
        labels: Some(ownership::intervention_labels(cluster, source, intervention).into_iter().collect()),
        ..VolumeCreateRequest::default()
    };
    WRITE.within(async { Ok(connection.client()?.create_volume(body).await?) }).await.map(|_| ())
}
