//! JSON schemas from the types, and the validation of documents: envelope, then schema, then type, then what only one
//! document can tell about itself. Every problem of a document is found in one pass.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use jsonschema::{Draft, Validator};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::document::{DOCUMENT_PROBLEMS_MAX, Document};
use crate::manifest::{Cluster, Kind, Located, Manifest, Service, TaskDefinition};
use crate::problem::{Code, Problem, sort_problems};

mod checks;
mod combined;
mod editor;
mod envelope;
mod explain;
mod foreign;
mod generate;
mod ignored;
mod known;
mod parameter_table;
mod parameters;
mod words;

pub use combined::combined_schema_text;
pub use editor::schema_text;
pub use parameter_table::parameter_table;

/// A schema, and the program that checks it.
struct Compiled {
    schema: Value,
    validator: Validator,
}

fn compile(kind: Kind) -> Compiled {
    let schema = generate::validation_schema(kind);
    // The keywords that we use mean the same in draft 7, whose meta-schema is one document and not eight: the program starts 1.5 ms
    // sooner. A test proves that both drafts say the same.
    let validator = jsonschema::options()
        .with_draft(Draft::Draft7)
        .build(&schema)
        .expect("the schemas are generated from our own types, and a test compiles each of them");
    Compiled { schema, validator }
}

static CLUSTER: LazyLock<Compiled> = LazyLock::new(|| compile(Kind::Cluster));
static TASK_DEFINITION: LazyLock<Compiled> = LazyLock::new(|| compile(Kind::TaskDefinition));
static SERVICE: LazyLock<Compiled> = LazyLock::new(|| compile(Kind::Service));

fn compiled(kind: Kind) -> &'static Compiled {
    match kind {
        Kind::Cluster => &CLUSTER,
        Kind::TaskDefinition => &TASK_DEFINITION,
        Kind::Service => &SERVICE,
    }
}

/// All valid manifests, each with its document, and all problems.
#[derive(Debug, Default)]
pub struct Validated {
    /// The clusters, in the order of the documents.
    pub clusters: Vec<Located<Cluster>>,
    /// The task definitions, in the order of the documents.
    pub task_definitions: Vec<Located<TaskDefinition>>,
    /// The services, in the order of the documents.
    pub services: Vec<Located<Service>>,
    /// Errors and warnings, sorted.
    pub problems: Vec<Problem>,
    /// What is declared by documents that are not valid. A reference to one of these is not one mistake more.
    pub invalid: BTreeSet<(String, String)>,
}

impl Validated {
    /// Adds the outcome of one document.
    fn add(&mut self, document: &Arc<Document>, outcome: (Option<Manifest>, Vec<Problem>)) {
        let (manifest, problems) = outcome;
        self.problems.extend(problems);
        let document = Arc::clone(document);
        match manifest {
            Some(Manifest::Cluster(manifest)) => self.clusters.push(Located { manifest, document }),
            Some(Manifest::TaskDefinition(manifest)) => self.task_definitions.push(Located { manifest, document }),
            Some(Manifest::Service(manifest)) => self.services.push(Located { manifest, document }),
            None => {
                let value = document.to_value();
                let text =
                    |pointer| value.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
                self.invalid.insert((text("/kind"), text("/metadata/name")));
            }
        }
    }

    /// Whether an object is declared by a document that is not valid.
    pub fn is_invalid(&self, kind: Kind, name: &str) -> bool {
        self.invalid.contains(&(kind.as_str().to_owned(), name.to_owned()))
    }

    /// Appends what another thread has found in the documents that follow.
    pub fn append(&mut self, other: Self) {
        self.clusters.extend(other.clusters);
        self.task_definitions.extend(other.task_definitions);
        self.services.extend(other.services);
        self.problems.extend(other.problems);
        self.invalid.extend(other.invalid);
    }
}

/// Validates documents that were loaded.
pub fn validate_documents(documents: &[Arc<Document>]) -> Validated {
    let mut validated = Validated::default();
    for document in documents {
        validated.add(document, check_document(document));
    }
    sort_problems(&mut validated.problems);
    validated
}

/// Validates one document. Warnings of a valid document are given by [`check_document`].
pub fn validate_document(document: &Document) -> Result<Manifest, Vec<Problem>> {
    match check_document(document) {
        (Some(manifest), _) => Ok(manifest),
        (None, problems) => Err(problems),
    }
}

/// Validates one document: the manifest when it has no error, and every error and warning.
pub fn check_document(document: &Document) -> (Option<Manifest>, Vec<Problem>) {
    let mut value = document.to_value();
    let mut problems = Vec::new();
    let manifest = envelope::read_kind(document, &mut value, &mut problems).and_then(|kind| {
        let shape = known::document_shape(kind);
        normalise(&mut value, shape, document, &mut String::new());
        explain::validate(kind, compiled(kind), document, &value, &mut problems);
        ignored::take_ignored(kind, &mut value, shape, document, &mut problems);
        if problems.iter().any(Problem::is_error) || document.has_broken() {
            return None;
        }
        read_typed(kind, value, document, &mut problems)
    });
    if let Some(manifest) = &manifest {
        checks::check_manifest(manifest, document, &mut problems);
        problems.retain(|problem| problem.is_error() || !manifest.allows(problem.code));
    }
    for problem in problems.iter_mut().filter(|problem| problem.fixable) {
        // What is right in one place may be wrong in another.
        problem.fixable = problem.place.as_ref().is_some_and(|place| !document.is_shared(&place.bytes));
    }
    sort_problems(&mut problems);
    limit(&mut problems);
    let manifest = manifest.filter(|_| !problems.iter().any(Problem::is_error));
    (manifest, problems)
}

/// Nobody reads thousands of problems of one document.
fn limit(problems: &mut Vec<Problem>) {
    let Some(more) = problems.len().checked_sub(DOCUMENT_PROBLEMS_MAX).filter(|more| *more > 0) else { return };
    let has_error = problems.iter().any(Problem::is_error);
    problems.truncate(DOCUMENT_PROBLEMS_MAX);
    let place = problems.last().and_then(|problem| problem.place.clone());
    let message = format!("this document has {more} more problems, which are not listed");
    let mut summary = Problem::error(Code::Limit, message);
    summary.place = place;
    if has_error {
        problems.push(summary);
    }
}

/// Removes what counts as absent: the user's own keys, nulls, and what asks for nothing in a field that could not be given.
fn normalise(value: &mut Value, shape: &'static known::Shape, document: &Document, pointer: &mut String) {
    let Value::Object(map) = value else { return };
    map.retain(|key, value| {
        if key.starts_with("x-") {
            return false;
        }
        match shape.field(key) {
            Some(known::Field::NotYet | known::Field::Refused(_)) => !ignored::is_nothing(value),
            // A value that has been reported as unreadable is null here, and yet it is not absent.
            Some(_) => !value.is_null() || document.is_broken(&format!("{pointer}/{key}")),
            None => true,
        }
    });
    let length = pointer.len();
    for (key, value) in map.iter_mut() {
        match (shape.field(key), value) {
            (Some(known::Field::Object(inner)), value) => {
                pointer.push('/');
                pointer.push_str(key);
                normalise(value, inner, document, pointer);
            }
            (Some(known::Field::List(inner)), Value::Array(items)) => {
                for (index, item) in items.iter_mut().enumerate() {
                    pointer.extend(["/", key, "/", &index.to_string()]);
                    normalise(item, inner, document, pointer);
                    pointer.truncate(length);
                }
            }
            _ => {}
        }
        pointer.truncate(length);
    }
}

fn read_typed(kind: Kind, value: Value, document: &Document, problems: &mut Vec<Problem>) -> Option<Manifest> {
    fn typed<T: DeserializeOwned>(value: Value) -> Result<T, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }
    let manifest = match kind {
        Kind::Cluster => typed(value).map(Manifest::Cluster),
        Kind::TaskDefinition => typed(value).map(Manifest::TaskDefinition),
        Kind::Service => typed(value).map(Manifest::Service),
    };
    match manifest {
        Ok(manifest) => Some(manifest),
        // The schema is made from the types, so this is a gap between the two: still an answer, if not a good one.
        Err(message) => {
            problems.push(Problem::error(Code::Malformed, message).with_place(document.nearest_place_of("/-")));
            None
        }
    }
}

#[cfg(test)]
mod tests;
