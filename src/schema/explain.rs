//! What the validator reports, in plain words and at the exact place.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

use super::Compiled;
use super::foreign::Foreign;
use super::known::{Field, shape_at};
use super::words::{self, Advice, advise, path_in_words, quoted};
use crate::document::{DOCUMENT_PROBLEMS_MAX, Document};
use crate::manifest::{Kind, pattern};
use crate::problem::{Code, Place, Problem};
use crate::sensitive::is_sensitive;
use crate::spelling::{closest, plain};

mod hints;

/// Where the codes are that a manifest allows.
const ALLOW: &str = "/metadata/annotations/reconcile~1allow";

/// Validates a value against the schema of its kind and explains every error.
pub(super) fn validate(
    kind: Kind,
    compiled: &Compiled,
    document: &Document,
    value: &Value,
    problems: &mut Vec<Problem>,
) {
    let context = Context { kind, compiled, document, object: object_name(kind, value) };
    for error in compiled.validator.iter_errors(value).take(DOCUMENT_PROBLEMS_MAX) {
        context.explain(&error, problems);
    }
}

/// ``Service `web` ``
pub(super) fn object_name(kind: Kind, value: &Value) -> String {
    match value.pointer("/metadata/name").and_then(Value::as_str) {
        Some(name) => format!("{kind} `{name}`"),
        None => kind.to_string(),
    }
}

struct Context<'a> {
    kind: Kind,
    compiled: &'a Compiled,
    document: &'a Document,
    object: String,
}

impl Context<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the keywords of the validator are many, and ours are few")]
    fn explain(&self, error: &ValidationError<'_>, problems: &mut Vec<Problem>) {
        let pointer = error.instance_path().as_str();
        if self.document.is_broken(pointer) {
            return;
        }
        let value = error.instance();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                problems.extend(unexpected.iter().take(DOCUMENT_PROBLEMS_MAX).map(|key| self.unknown(pointer, key)));
            }
            ValidationErrorKind::Required { property } => {
                let property = property.as_str().unwrap_or("");
                // Under another name it is there, and that is told.
                if !self.is_meant(pointer, property) {
                    problems.push(self.missing(pointer, property));
                }
            }
            ValidationErrorKind::Type { kind } => problems.push(self.wrong_type(pointer, kind, value)),
            ValidationErrorKind::Enum { options } => {
                problems.push(self.not_allowed(pointer, options.as_array().map_or(&[][..], Vec::as_slice), value));
            }
            ValidationErrorKind::Constant { expected_value } => {
                problems.push(self.not_allowed(pointer, std::slice::from_ref(&**expected_value), value));
            }
            ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. } => {
                problems.push(self.out_of_range(error, pointer, value));
            }
            ValidationErrorKind::MinItems { .. }
            | ValidationErrorKind::MaxItems { .. }
            | ValidationErrorKind::MinLength { .. }
            | ValidationErrorKind::MaxLength { .. } => {
                problems.push(self.wrong_length(error, pointer, value));
            }
            // An empty text is reported once, by its length.
            ValidationErrorKind::Pattern { .. }
                if value.as_str() == Some("") && self.keyword(error, "minLength").is_some() => {}
            ValidationErrorKind::Pattern { pattern } => problems.push(self.malformed(pointer, pattern, value)),
            // Our schemas use no other keyword; if one ever does, its own words are better than silence.
            other => {
                let message = format!("{}: {error} ({})", path_in_words(pointer), other.keyword());
                problems.push(self.at_value(Problem::error(Code::Malformed, message), pointer));
            }
        }
    }

    fn at_value(&self, problem: Problem, pointer: &str) -> Problem {
        let mut problem = problem.with_place(self.document.nearest_place_of(pointer)).with_object(self.object.clone());
        if let Some(target) = self.document.alias_target_of(pointer) {
            // The text at the place is the alias: replacing it repairs nothing.
            problem.suggestion = None;
            problem.fixable = false;
            problem = problem.with_related("the value is written here", target);
        }
        problem
    }

    fn unknown(&self, pointer: &str, key: &str) -> Problem {
        let key_pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        let place = self.document.key_place_of(&key_pointer);
        let place = place.unwrap_or_else(|| self.document.nearest_place_of(pointer));
        let Some(shape) = shape_at(self.kind, pointer) else {
            let message = format!("unknown field `{key}`");
            return Problem::error(Code::UnknownField, message).with_place(place).with_object(self.object.clone());
        };
        if let Some(Field::NotYet) = shape.field(key) {
            return Problem::error(Code::NotSupported, format!("not supported yet: `{key}`"))
                .with_place(place)
                .with_help(format!("ECS has this field in {}; remove it for now", shape.name))
                .with_object(self.object.clone());
        }
        if let Some(Field::Refused(advice)) = shape.field(key) {
            return Problem::error(Code::Refused, format!("`{key}` cannot be honoured on a Docker host"))
                .with_place(place)
                .with_help(advice)
                .with_object(self.object.clone());
        }
        let problem = Problem::error(Code::UnknownField, format!("unknown field `{}` in {}", clip(key), shape.name));
        let problem = match advise(key, shape) {
            Advice::Rename { meant, is_certain } => {
                let problem = problem
                    .with_help(format!("did you mean `{meant}`?"))
                    .with_suggestion(self.like_source(&place, meant));
                Problem { fixable: is_certain && self.is_free(pointer, meant), ..problem }
            }
            Advice::Called(Foreign { ours, value: "", .. }) => {
                let problem =
                    problem.with_help(format!("ECS calls it `{ours}`")).with_suggestion(self.like_source(&place, ours));
                Problem { fixable: self.is_free(pointer, ours), ..problem }
            }
            Advice::Called(Foreign { ours, value, .. }) => problem.with_help(format!("ECS calls it `{ours}`: {value}")),
            Advice::BelongsTo(other) => problem.with_help(format!("`{key}` belongs to {other}")),
            Advice::CalledInOther(Foreign { ours, .. }, other) => {
                problem.with_help(format!("ECS calls it `{ours}`, and it belongs to {other}"))
            }
            Advice::Nothing(advice) => problem.with_help(advice),
            Advice::List(names) => problem.with_help(format!("the fields here are: {names}")),
        };
        problem.with_place(place).with_object(self.object.clone())
    }

    /// Whether a key can be renamed to this one: no other entry of the mapping has it, nor will have.
    fn is_free(&self, pointer: &str, name: &str) -> bool {
        let keys = self.document.keys_of(pointer);
        keys.iter().filter(|key| *key == name || self.becomes(pointer, key, name)).count() == 1
    }

    /// Whether an entry of a mapping has this name in other words.
    fn is_meant(&self, pointer: &str, name: &str) -> bool {
        self.document.keys_of(pointer).iter().any(|key| self.becomes(pointer, key, name))
    }

    /// Whether a key that is not known would be right under this name.
    fn becomes(&self, pointer: &str, key: &str, name: &str) -> bool {
        let Some(shape) = shape_at(self.kind, pointer).filter(|shape| shape.field(key).is_none()) else { return false };
        match advise(key, shape) {
            Advice::Rename { meant, .. } => meant == name,
            Advice::Called(foreign) => foreign.ours == name,
            Advice::BelongsTo(_) | Advice::CalledInOther(..) | Advice::Nothing(_) | Advice::List(_) => false,
        }
    }

    /// A word with the quotes of the text that it replaces.
    fn like_source(&self, place: &Place, word: &str) -> String {
        match self.document.file().text()[place.bytes.clone()].chars().next() {
            Some(quote @ ('"' | '\'')) => format!("{quote}{word}{quote}"),
            _ => word.to_owned(),
        }
    }

    fn missing(&self, pointer: &str, property: &str) -> Problem {
        let own = format!("{pointer}/{property}");
        if let Some(place) = self.document.key_place_of(&own) {
            return Problem::error(Code::MissingField, format!("`{property}` has no value"))
                .with_place(place)
                .with_expected("a value", "nothing")
                .with_object(self.object.clone());
        }
        let path = path_in_words(pointer);
        let message = if path.is_empty() {
            format!("the required field `{property}` is missing")
        } else {
            format!("the required field `{property}` is missing in {path}")
        };
        // A pointer that leads nowhere gives the key of the object around it.
        Problem::error(Code::MissingField, message)
            .with_place(self.document.nearest_place_of(&own))
            .with_expected(format!("the field `{property}`"), "nothing")
            .with_object(self.object.clone())
    }

    fn wrong_type(&self, pointer: &str, kind: &TypeKind, value: &Value) -> Problem {
        let expected = match kind {
            TypeKind::Single(one) => one.to_string(),
            TypeKind::Multiple(several) => {
                several.iter().map(|one| words::type_name(&one.to_string()).to_owned()).collect::<Vec<_>>().join(" or ")
            }
        };
        let path = path_in_words(pointer);
        let problem = Problem::error(Code::WrongType, format!("{path} has the wrong type"));
        if self.is_sensitive(pointer) {
            let problem = problem.with_expected(words::type_name(&expected), "something else");
            return self.at_value(problem.with_help("this is a text: put quotes around it"), pointer);
        }
        if hints::is_sensitive_entry(value) {
            let problem = problem.with_expected(words::type_name(&expected), "something else");
            return self.at_value(problem.with_help("write the name and the value on their own"), pointer);
        }
        let problem = problem.with_expected(words::type_name(&expected), words::found(value));
        let source = match self.document.alias_target_of(pointer) {
            Some(target) => &self.document.file().text()[target.bytes],
            None => self.document.source_of(pointer).unwrap_or("").trim_end(),
        };
        self.at_value(hints::for_type(problem, &expected, value, source, pointer), pointer)
    }

    /// Whether a value is that of a variable or an option whose name says that nobody else should read it, or one that stands where only
    /// the place of a secret should.
    fn is_sensitive(&self, pointer: &str) -> bool {
        if pointer.ends_with("/valueFrom") {
            return true;
        }
        let mut tokens = pointer.rsplit('/');
        if let (Some(name), Some("options" | "driverOpts" | "labels" | "dockerLabels")) = (tokens.next(), tokens.next())
        {
            return is_sensitive(name, "");
        }
        let name = pointer.strip_suffix("/value").and_then(|item| self.document.source_of(&format!("{item}/name")));
        name.is_some_and(|name| is_sensitive(name.trim().trim_matches(['"', '\'']), ""))
    }

    fn not_allowed(&self, pointer: &str, options: &[Value], value: &Value) -> Problem {
        let path = path_in_words(pointer);
        let text = value.as_str().unwrap_or("");
        let names: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
        let problem = Problem::error(Code::NotAllowed, format!("{path} has a value that is not allowed"));
        let mut problem = problem.with_expected(names.join(" or "), words::found(value));
        if pointer.starts_with(ALLOW) {
            problem =
                problem.with_help("`reconcile explain` says what each code means; what is an error cannot be allowed");
        } else if let Some(meant) = closest(text, names.iter().copied()) {
            let suggestion = self.like_source(&self.document.nearest_place_of(pointer), meant);
            problem = problem.with_help(format!("did you mean `{meant}`?")).with_suggestion(suggestion);
            problem.fixable = plain(meant) == plain(text);
        }
        self.at_value(problem, pointer)
    }

    /// A keyword beside the one that was broken, such as the maximum beside the minimum.
    fn keyword(&self, error: &ValidationError<'_>, keyword: &str) -> Option<u64> {
        let path = error.schema_path().as_str();
        let parent = path.rsplit_once('/')?.0;
        self.compiled.schema.pointer(parent)?.get(keyword)?.as_u64()
    }

    fn out_of_range(&self, error: &ValidationError<'_>, pointer: &str, value: &Value) -> Problem {
        let expected = match (self.keyword(error, "minimum"), self.keyword(error, "maximum")) {
            (Some(minimum), Some(maximum)) => format!("an integer from {minimum} to {maximum}"),
            (Some(minimum), None) => format!("an integer of at least {minimum}"),
            (None, Some(maximum)) => format!("an integer of at most {maximum}"),
            (None, None) => "another number".to_owned(),
        };
        let problem = Problem::error(Code::OutOfRange, format!("{} is out of range", path_in_words(pointer)))
            .with_expected(expected, value.to_string());
        self.at_value(problem, pointer)
    }

    fn wrong_length(&self, error: &ValidationError<'_>, pointer: &str, value: &Value) -> Problem {
        let path = path_in_words(pointer);
        let (expected, found) = if let Value::Array(items) = value {
            let expected = match (self.keyword(error, "minItems"), self.keyword(error, "maxItems")) {
                (_, Some(maximum)) => format!("a list of at most {maximum}"),
                (minimum, None) => format!("a list of at least {}", minimum.unwrap_or(0)),
            };
            (expected, format!("a list of {}", items.len()))
        } else {
            let length = value.as_str().unwrap_or("").chars().count();
            let found = if length == 0 { "an empty text".to_owned() } else { format!("{length} characters") };
            match self.keyword(error, "maxLength") {
                Some(maximum) => (format!("a text of 1 to {maximum} characters"), found),
                None => ("a text of at least 1 character".to_owned(), found),
            }
        };
        let problem =
            Problem::error(Code::OutOfRange, format!("{path} has the wrong length")).with_expected(expected, found);
        self.at_value(problem, pointer)
    }

    fn malformed(&self, pointer: &str, pattern: &str, value: &Value) -> Problem {
        let text = value.as_str().unwrap_or("");
        if pointer == "/spec/taskDefinition"
            && let Some(problem) = task_definition_reference(text)
        {
            return self.at_value(problem, pointer);
        }
        let expected =
            pattern::in_words(pattern).map_or_else(|| format!("a text that matches {pattern}"), str::to_owned);
        let problem =
            Problem::error(Code::Malformed, format!("{} does not have the right form", path_in_words(pointer)))
                .with_expected(expected, quoted(text));
        self.at_value(problem, pointer)
    }
}

/// A revision or an ARN where only a family can be named.
fn task_definition_reference(text: &str) -> Option<Problem> {
    let family = match text.strip_prefix("arn:") {
        Some(arn) => arn.rsplit('/').next()?.split(':').next()?,
        None => text.split_once(':')?.0,
    };
    let message = "a task definition is named by its family alone";
    Some(
        Problem::error(Code::Malformed, message)
            .with_expected("a family", quoted(text))
            .with_help("revisions are named by their content here: a service runs what the manifests say now")
            .with_suggestion(family),
    )
}

/// A key that is short enough for a sentence.
fn clip(key: &str) -> &str {
    key.char_indices().nth(60).map_or(key, |(end, _)| &key[..end])
}
