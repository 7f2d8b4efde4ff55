//! The JSON schemas of the documents that a dry run and a validation print, for programs that read them.
//!
//! A reader ignores fields that it does not know and takes a word that it does not know for one of a later release: minor versions
//! only add. So no list of words is closed, and no object forbids further fields.

use serde_json::{Value, json};

use super::VALIDATION_FORMAT_VERSION;
use crate::cli::render::plan::FORMAT_VERSION;

/// What there is a schema of, besides the kinds of manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Printed {
    /// What `reconcile --dry-run -o json` prints.
    Plan,
    /// What `reconcile validate -o json` prints.
    Validation,
}

impl Printed {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Plan, Self::Validation];

    /// As in the field `kind` of the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "Plan",
            Self::Validation => "Validation",
        }
    }

    /// Its schema, as a file.
    pub fn schema_text(self) -> String {
        let schema = match self {
            Self::Plan => plan(),
            Self::Validation => validation(),
        };
        format!("{schema:#}\n")
    }
}

/// A text that is one of these words, or of those of a later release.
fn words(description: &str, known: &[&str]) -> Value {
    json!({ "type": "string", "description": description, "examples": known })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn texts(description: &str) -> Value {
    json!({ "type": "array", "description": description, "items": { "type": "string" } })
}

fn count(description: &str) -> Value {
    json!({ "type": "integer", "minimum": 0, "description": description })
}

fn flag(description: &str) -> Value {
    json!({ "type": "boolean", "description": description })
}

fn list(description: &str, of: &str) -> Value {
    json!({ "type": "array", "description": description, "items": { "$ref": format!("#/$defs/{of}") } })
}

fn object(description: &str, required: &[&str], properties: Value) -> Value {
    let mut schema = json!({ "type": "object", "description": description, "required": required });
    schema["properties"] = properties;
    schema
}

fn document(title: &str, description: &str, properties: Value, required: &[&str], definitions: Value) -> Value {
    let mut schema = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": title });
    for (key, value) in object(description, required, properties).as_object().into_iter().flatten() {
        schema[key] = value.clone();
    }
    schema["$defs"] = definitions;
    schema
}

/// The fields that every document begins with.
fn envelope(kind: &str, version: &str, outcomes: &[&str]) -> Value {
    json!({
        "formatVersion": {
            "type": "string",
            "pattern": format!("^{}\\.", version.split('.').next().unwrap_or_default()),
            "description": "MAJOR.MINOR: minor numbers only add.",
            "examples": [version],
        },
        "kind": { "const": kind },
        "reconcileVersion": text("The version of the program."),
        "outcome": words("How it ended, in one word.", outcomes),
        "exitCode": count("The exit code of the program, which wrappers tend to lose."),
    })
}

fn with(mut one: Value, other: &Value) -> Value {
    for (key, value) in other.as_object().into_iter().flatten() {
        one[key] = value.clone();
    }
    one
}

fn plan() -> Value {
    let outcomes = ["changes", "unchanged", "refused", "forbidden", "invalid", "unreachable", "failed"];
    let properties = with(
        envelope("Plan", FORMAT_VERSION, &outcomes),
        &json!({
            "error": text("Why no plan could be made; then the fields that describe one are not there."),
            "planId": text("Names this plan: another one has another name."),
            "desired": object("Where the manifests come from.", &["source", "files", "manifests"], json!({
                "source": text("The directory as the user named it."),
                "revision": text("The Git revision, where it is known."),
                "dirty": flag("Whether files are not as they were committed, where that is known."),
                "files": count("How many files were read."),
                "manifests": count("How many manifests they hold."),
            })),
            "observed": object("What they were compared with.", &[], json!({
                "source": words("What kind of thing it was.", &["engine", "git", "snapshot"]),
                "engine": text("What it was, for people."),
                "git": object("The Git revision whose manifests were compared with.", &[], json!({
                    "reference": text("What the user named."),
                    "mergeBase": text("The commit from which that and what is checked out both come."),
                    "commit": text("The commit whose manifests were compared with."),
                    "manifests": count("How many manifests it has."),
                    "files": count("In how many files."),
                })),
                "file": text("The file of a snapshot."),
                "containers": count("How many containers of ours it has."),
                "readAt": { "type": "string", "format": "date-time", "description": "When it was looked at." },
            })),
            "hasChanges": flag("Whether anything would change."),
            "forbidden": { "type": "array", "description": "What --fail-on named and the plan does.", "items": object(
                "One such thing.", &["kind", "object"],
                json!({ "kind": words("What it is.", &["delete", "replace", "downtime"]), "object": text("Of which cluster or service.") }),
            ) },
            "blocked": list("Why it would be refused.", "blocked"),
            "summary": object("How many changes there are of each kind.", &["create", "update", "restart", "delete"], json!({
                "create": count("How many are created."),
                "update": count("How many are changed, those whose tasks are replaced included."),
                "replaceTasks": count("How many of the changed ones have tasks replaced."),
                "restart": count("How many are repaired."),
                "delete": count("How many are deleted."),
                "unchanged": count("How many stay as they are."),
                "tasks": object("How many tasks begin and end.", &["start", "stop", "replaced"], json!({
                    "start": count("How many begin."),
                    "stop": count("How many end."),
                    "replaced": count("How many of those end because another takes their slot."),
                })),
            })),
            "changes": list("One for each cluster and service that changes; what goes comes last.", "change"),
            "forecast": list("The steps, as the simulated engine took them.", "step"),
            "simulations": list("What --simulate asked, and the answers.", "simulation"),
            "diagnostics": list("Warnings about the manifests and about the changes.", "diagnostic"),
        }),
    );
    let description =
        "What `reconcile --dry-run -o json` prints. Readers ignore fields and words that they do not know.";
    let required = ["formatVersion", "kind", "reconcileVersion", "outcome", "exitCode", "diagnostics"];
    document("Plan", description, properties, &required, with(plan_definitions(), &shared_definitions()))
}

fn plan_definitions() -> Value {
    let actions = ["create", "update", "restart", "delete"];
    let reasons = ["new", "removed", "adopted", "specChanged", "unhealthy", "drift", "leftovers"];
    json!({
        "blocked": object("A reason why the plan would be refused.", &["message"], json!({
            "message": text("In one sentence."),
            "help": texts("What to know and to do."),
        })),
        "change": object("A cluster or service that changes.", &["id", "kind", "cluster", "name", "action", "reason"], json!({
            "id": text("`service/CLUSTER/NAME` or `cluster/NAME`."),
            "kind": words("What it is.", &["Service", "Cluster"]),
            "cluster": text("The cluster."),
            "name": text("The name of the service or cluster."),
            "action": words("What is done.", &actions),
            "replacesTasks": flag("Whether running tasks are replaced by others."),
            "reason": words("Why: there is exactly one reason.", &reasons),
            "detail": text("The reason in more words."),
            "place": { "$ref": "#/$defs/place" },
            "fromRevisions": texts("The revisions that run and will not run any more."),
            "toRevision": text("The revision that is wanted."),
            "tasks": object("What it means for tasks.", &["now", "wanted", "start", "stop", "replaced"], json!({
                "now": count("How many run or are being started now."),
                "wanted": count("How many will run."),
                "start": count("How many begin, those that replace another included."),
                "stop": count("How many end, those that are replaced included."),
                "replaced": count("How many end because another takes their slot."),
            })),
            "downtime": flag("Whether there is a time at which none of its tasks is there for its users."),
            "fields": list("What differs, field by field.", "field"),
            "impact": texts("How it will go, in sentences."),
        })),
        "field": object("A field that differs.", &["path", "change", "sensitive", "replacesTasks"], json!({
            "path": text("Which field: `image`, `environment.PORT`, `portMappings[80/tcp].hostPort`."),
            "change": words("What happened to it.", &["added", "changed", "removed", "notCompared"]),
            "from": text("What runs; not there when it was not set or is sensitive."),
            "to": text("What is wanted; not there when it is not set any more or is sensitive."),
            "sensitive": flag("Whether it holds something that is never printed."),
            "place": { "$ref": "#/$defs/place" },
            "replacesTasks": flag("Whether running tasks are replaced because of it."),
        })),
        "step": object("A step of a forecast.", &["afterMs", "text"], json!({
            "afterMs": count("How many milliseconds after the beginning."),
            "text": text("What happens."),
        })),
        "simulation": object("The answer to one --simulate.", &["fault", "timeline", "services", "notes"], json!({
            "fault": text("What was asked."),
            "question": text("The same in words; not there when nothing was simulated."),
            "timeline": list("The steps.", "step"),
            "services": { "type": "array", "description": "How it goes for each service.", "items": simulated() },
            "notes": texts("For what nothing was simulated, and why."),
            "tookMs": count("For how many milliseconds it was looked at."),
            "atRest": flag("Whether nothing more would happen then."),
        })),
    })
}

fn simulated() -> Value {
    object(
        "How a simulation goes for a service.",
        &["cluster", "service", "summary"],
        json!({
            "cluster": text("The cluster."),
            "service": text("The service."),
            "desired": count("How many tasks are wanted."),
            "healthyAtFirst": count("How many were healthy at first."),
            "healthyAtLeast": count("How many were healthy at least."),
            "healthyAtLast": count("How many were healthy at last."),
            "failures": count("How many tasks failed."),
            "givenUp": object("When the deployment was given up.", &["afterMs", "failures"], json!({
                "afterMs": count("How many milliseconds after the beginning."),
                "failures": count("After how many failures."),
                "rolledBackTo": { "type": ["string", "null"], "description": "The revision that it went back to." },
            })),
            "steadyAfterMs": count("After how many milliseconds it was steady."),
            "cutOffAfterMs": count("After how many milliseconds nobody looked any more."),
            "summary": text("All of it in one sentence."),
        }),
    )
}

fn shared_definitions() -> Value {
    json!({
        "place": object("A piece of a file; the end is exclusive.", &["file", "line", "column", "endLine", "endColumn"], json!({
            "file": text("The file as the user named it."),
            "line": count("The line of the first character, from 1."),
            "column": count("Its column, from 1, in Unicode code points."),
            "endLine": count("The line of the first character after the piece."),
            "endColumn": count("Its column."),
            "bytes": object("The same in bytes, from 0.", &["start", "end"], json!({
                "start": count("The first byte."),
                "end": count("The first byte after it."),
            })),
        })),
        "diagnostic": object("Something that is wrong, or should be known.", &["severity", "message"], json!({
            "code": text("The stable code, such as `RC101`."),
            "severity": words("How bad it is.", &["error", "warning"]),
            "message": text("In one sentence without a full stop."),
            "place": { "$ref": "#/$defs/place" },
            "expected": text("What was expected there."),
            "found": text("What was found there."),
            "help": text("What to do."),
            "suggestion": text("The text that repairs it when it replaces the text at the place."),
            "related": { "type": "array", "description": "Other places that explain it.", "items": object(
                "A second place.", &["message", "place"],
                json!({ "message": text("What is there."), "place": { "$ref": "#/$defs/place" } }),
            ) },
            "object": text("The object that it concerns."),
            "fixable": { "type": "boolean", "description": "Whether `reconcile validate --fix` repairs it. Left out where it does not." },
        })),
    })
}

fn validation() -> Value {
    let properties = with(
        envelope("Validation", VALIDATION_FORMAT_VERSION, &["done", "invalid"]),
        &json!({
            "source": text("The directory as the user named it."),
            "summary": object("What there is.", &["files", "manifests", "errors", "warnings"], json!({
                "files": count("How many files were read."),
                "manifests": count("How many manifests they hold."),
                "errors": count("How many errors there are."),
                "warnings": count("How many warnings there are."),
            })),
            "diagnostics": list("Everything that is wrong, sorted.", "diagnostic"),
        }),
    );
    let description =
        "What `reconcile validate -o json` prints. Readers ignore fields and words that they do not know.";
    let required = ["formatVersion", "kind", "reconcileVersion", "outcome", "exitCode", "summary", "diagnostics"];
    document("Validation", description, properties, &required, shared_definitions())
}
