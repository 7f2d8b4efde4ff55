//! Schemas, and what is said about invalid documents.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::known::{Field, SHAPES, Shape, document_shape, shape_at};
use super::*;
use crate::cli::render::problems::{render_problems, render_short};
use crate::load::{load_texts, validate_loaded};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares a file with what it should hold, or writes it when `RECONCILE_BLESS` is set.
fn assert_file(path: &Path, expected: &str) {
    if std::env::var_os("RECONCILE_BLESS").is_some() {
        fs::write(path, expected).expect("the repository is writable when blessing");
        return;
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, expected, "{} is stale: run the tests once with RECONCILE_BLESS=1", path.display());
}

fn problems_of(text: &str) -> Vec<Problem> {
    problems_of_file("m.yaml", text)
}

fn problems_of_file(name: &str, text: &str) -> Vec<Problem> {
    let loaded = load_texts(vec![(name.to_owned(), text.to_owned())]);
    let mut problems = loaded.problems.clone();
    problems.extend(validate_loaded(&loaded).problems);
    sort_problems(&mut problems);
    problems
}

fn service(spec: &str) -> String {
    format!("apiVersion: reconcile/v1\nkind: Service\nmetadata: {{ name: web }}\nspec:\n{spec}")
}

fn container(fields: &str) -> String {
    format!(
        "apiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: {{ name: web }}\nspec:\n  containerDefinitions:\n  \
         - name: web\n    image: web:1\n{fields}"
    )
}

/// The only problem of a text, with the text at its place.
fn only(text: &str) -> (Problem, String) {
    let mut problems = problems_of(text);
    assert_eq!(problems.len(), 1, "{text}\n{}", render_short(&problems));
    let problem = problems.remove(0);
    let place = problem.place.clone().expect("every problem of a document has a place");
    let cut = text[place.bytes.clone()].to_owned();
    let before = &text[..place.bytes.start];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").trim_start_matches('\u{feff}').chars().count() + 1;
    assert_eq!((place.line as usize, place.column as usize), (line, column), "{text}");
    (problem, cut)
}

#[test]
fn generated_schemas_are_committed() {
    for kind in Kind::ALL {
        assert_file(&repository(&format!("schemas/{kind}.json")), &schema_text(kind));
    }
}

#[test]
fn the_schema_for_all_kinds_is_committed() {
    assert_file(&repository("schemas/reconcile.schema.json"), &combined_schema_text());
}

/// Every document of the repository that can be read, each as it is written.
fn documents_of_the_repository() -> Vec<Arc<Document>> {
    let directories = ["manifests", "tests/invalid", "tests/ecs", "tests/samples/aws-task-definitions", "src/cli/init"];
    let of = |directory: &&str| crate::load::load_directory(&repository(directory)).documents;
    directories.iter().flat_map(of).collect()
}

/// An editor with the schema for all kinds says the same as one with the schema of the kind.
#[test]
fn the_schema_for_all_kinds_accepts_what_that_of_the_kind_accepts() {
    let combined = combined::combined_schema();
    assert!(jsonschema::meta::is_valid(&combined));
    let combined = jsonschema::options().build(&combined).expect("it is a schema");
    let of_kind = |kind| jsonschema::options().build(&editor::editor_schema(kind)).expect("it is a schema");
    let of_kind = Kind::ALL.map(|kind| (kind, of_kind(kind)));
    let (mut accepted, mut refused) = (0, 0);
    for document in documents_of_the_repository() {
        let text = document.source_of("").filter(|_| document.is_plain_task_definition());
        let value = document.to_value();
        let kind = of_kind.iter().find(|(kind, _)| value["kind"] == kind.as_str());
        // Without a known kind nothing is right.
        let expected = kind.is_some_and(|(_, validator)| validator.is_valid(&value));
        // A plain task definition is checked as it is written, not as it is read.
        let written = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| value.clone());
        let found = combined.is_valid(&written);
        assert_eq!(found, expected, "{}: {written}", document.nearest_place_of("/-"));
        *(if found { &mut accepted } else { &mut refused }) += 1;
    }
    assert!(accepted > 20 && refused > 10, "{accepted} {refused}");
}

#[test]
fn the_defaults_in_schemas_are_those_of_the_descriptions() {
    for (kind, path, field, default) in editor::DEFAULTS {
        let schema = editor::editor_schema(*kind);
        let pointer = editor::pointer_of(path, field);
        let property = schema.pointer(&pointer).unwrap_or_else(|| panic!("{kind} has no {path} {field}"));
        assert_eq!(property["default"], default(), "{field}");
        assert!(jsonschema::is_valid(property, &default()), "{field}");
        let description = property["description"].as_str().unwrap_or_default().replace('\n', " ");
        let word = default().as_str().map_or_else(|| default().to_string(), str::to_owned);
        let says = |form: &str| description.contains(form);
        assert!(
            says("efault") && [format!("`{word}`"), format!("{word} by default")].iter().any(|form| says(form)),
            "{field} is {word} by default: {description}"
        );
    }
}

#[test]
fn schemas_have_no_blurring_keywords() {
    for kind in Kind::ALL {
        let text = schema_text(kind);
        for keyword in ["anyOf", "oneOf", "$ref", "\"null\"", "uint"] {
            assert!(!text.contains(keyword), "{kind} holds {keyword}");
        }
        assert!(jsonschema::meta::is_valid(&generate::validation_schema(kind)));
    }
}

/// Documents are validated by an older draft than the schemas name, because that one is ready sooner.
#[test]
fn the_draft_that_validates_says_what_the_draft_of_the_schemas_says() {
    let named = Kind::ALL.map(|kind| (kind, jsonschema::options().build(&generate::validation_schema(kind))));
    let (mut accepted, mut refused) = (0, 0);
    for document in documents_of_the_repository() {
        let mut value = document.to_value();
        let Some((kind, named)) = named.iter().find(|(kind, _)| value["kind"] == kind.as_str()) else { continue };
        normalise(&mut value, known::document_shape(*kind), &document, &mut String::new());
        let errors = |validator: &Validator| validator.iter_errors(&value).map(|e| e.to_string()).collect::<Vec<_>>();
        let found = errors(&compiled(*kind).validator);
        assert_eq!(found, errors(named.as_ref().expect("it is a schema")), "{value}");
        *(if found.is_empty() { &mut accepted } else { &mut refused }) += 1;
    }
    assert!(accepted > 20 && refused > 10, "{accepted} {refused}");
}

/// Nobody should have to read a pattern to learn what is expected.
#[test]
fn every_pattern_is_told_in_words() {
    fn patterns_of(schema: &Value, found: &mut BTreeSet<String>) {
        match schema {
            Value::Object(map) => {
                found.extend(map.get("pattern").and_then(Value::as_str).map(str::to_owned));
                map.values().for_each(|value| patterns_of(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| patterns_of(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = BTreeSet::new();
    for kind in Kind::ALL {
        patterns_of(&generate::validation_schema(kind), &mut found);
    }
    assert!(found.len() > 15, "{found:?}");
    for pattern in found {
        assert!(crate::manifest::pattern::in_words(&pattern).is_some(), "{pattern}");
    }
}

/// Walks schema and table side by side: the supported fields are exactly the properties.
fn assert_same_fields(shape: &Shape, schema: &Value) {
    let properties = schema["properties"].as_object().expect("an object has properties");
    let mut from_schema: Vec<&str> = properties.keys().map(String::as_str).collect();
    let mut from_table: Vec<&str> = shape.supported().collect();
    from_schema.sort_unstable();
    from_table.sort_unstable();
    assert_eq!(from_schema, from_table, "{}", shape.name);
    for (name, field) in shape.fields {
        match field {
            Field::Object(inner) => assert_same_fields(inner, &properties[*name]),
            Field::List(inner) => assert_same_fields(inner, &properties[*name]["items"]),
            Field::Map => assert!(properties[*name].get("additionalProperties").is_some(), "{name}"),
            Field::Plain => assert!(properties[*name].get("properties").is_none(), "{name}"),
            Field::Ignored(..) => {
                let description = properties[*name]["description"].as_str().unwrap_or_default();
                assert!(description.starts_with("No effect"), "{name} is not a field of the types: {description}");
            }
            Field::Refused(_) | Field::NotYet => assert!(!properties.contains_key(*name), "{name}"),
        }
    }
}

#[test]
fn the_table_of_known_fields_agrees_with_the_types() {
    for kind in Kind::ALL {
        assert_same_fields(document_shape(kind), &generate::validation_schema(kind));
    }
    for shape in SHAPES {
        let mut names: Vec<&str> = shape.fields.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), shape.fields.len(), "{} names a field twice", shape.name);
    }
    assert!(shape_at(Kind::TaskDefinition, "/spec/containerDefinitions/0/dockerLabels").is_none());
}

#[test]
fn words_of_other_tools_lead_to_fields_that_exist() {
    for foreign::Foreign { word, ours, .. } in foreign::FOREIGN_WORDS {
        let is_known = SHAPES.iter().any(|shape| shape.field(ours).is_some_and(Field::is_accepted));
        assert!(is_known, "{word} leads to {ours}, which is no field");
    }
    for (word, ours, place) in
        [("replicas", "desiredCount", Kind::Service), ("containers", "containerDefinitions", Kind::TaskDefinition)]
    {
        let advice = words::advise(word, shape_at(place, "/spec").expect("every kind has a spec"));
        assert!(matches!(advice, words::Advice::Called(foreign) if foreign.ours == ours), "{word}");
    }
}

#[test]
fn what_a_manifest_allows_is_not_told() {
    let allowed = |codes: &str| {
        let text = container("    portMappings: [{ containerPort: 22, hostPort: 22 }]\n");
        text.replace(
            "{ name: web }",
            &format!("{{ name: web, annotations: {{ reconcile/allow: {codes}, team: shop }} }}"),
        )
    };
    assert_eq!(only(&allowed("[]")).0.code, Code::EcsWouldRefuse);
    assert!(problems_of(&allowed("[RC130]")).is_empty());
    for (codes, code, cut) in [
        ("[RC131, RC101]", Code::NotAllowed, "RC101"),
        ("RC130", Code::WrongType, "RC130"),
        ("[], reconcile/alow: RC130", Code::Reserved, "reconcile/alow"),
        ("[], weight: 3", Code::WrongType, "3"),
    ] {
        let text = allowed(codes);
        let problems: Vec<_> = problems_of(&text).into_iter().filter(Problem::is_error).collect();
        assert_eq!(problems.len(), 1, "{text}\n{}", render_short(&problems));
        let place = problems[0].place.clone().expect("a problem of a document has a place");
        assert_eq!((problems[0].code, &text[place.bytes]), (code, cut), "{text}");
    }
}

#[test]
fn every_field_is_described() {
    fn walk(value: &Value, path: &str) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                assert!(property.get("description").is_some(), "{path}.{name} has no description");
                walk(property, &format!("{path}.{name}"));
                walk(&property["items"], &format!("{path}.{name}[]"));
            }
        }
    }
    for kind in Kind::ALL {
        walk(&generate::validation_schema(kind), kind.as_str());
    }
}

/// Every file in `tests/invalid` with the short and the long form of its problems beside it.
#[test]
fn invalid_files_are_explained() {
    let directory = repository("tests/invalid");
    let mut paths: Vec<PathBuf> = fs::read_dir(&directory)
        .expect("the directory is part of the repository")
        .map(|entry| entry.expect("the directory is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "json"))
        .collect();
    paths.sort();
    assert!(paths.len() > 10);
    for path in paths {
        let name = path.file_name().expect("it was listed").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("it was listed");
        let loaded = load_texts(vec![(format!("invalid/{name}"), text)]);
        let mut problems = loaded.problems.clone();
        problems.extend(validate_loaded(&loaded).problems);
        sort_problems(&mut problems);
        assert!(!problems.is_empty(), "{name} has no problem");
        let shown = format!("{}\n{}", render_short(&problems), render_problems(&problems, &loaded.files, false));
        assert_file(&path.with_extension("txt"), &shown);
    }
}

#[test]
fn places_are_exact() {
    let cases: &[(String, Code, &str)] = &[
        (service("  cluster: shop\n  taskDefinition: web\n  desireCount: 4\n"), Code::UnknownField, "desireCount"),
        (service("  cluster: shop\r\n  taskDefinition: web\r\n  desiredCount: many\r\n"), Code::WrongType, "many"),
        (service("  cluster: shop\n  taskDefinition: web:3\n"), Code::Malformed, "web:3"),
        (service("  cluster: shop\n  taskDefinition: web\n  desiredCount: -1\n"), Code::OutOfRange, "-1"),
        (service("  taskDefinition: web\n"), Code::MissingField, "spec"),
        (service("  cluster: shop\n  taskDefinition:\n"), Code::MissingField, "taskDefinition"),
        (
            service("  cluster: shop\n  taskDefinition: web\n  schedulingStrategy: DAEMON\n  desiredCount: 1\n"),
            Code::Conflict,
            "desiredCount",
        ),
        (service("  cluster: shop\n  taskDefinition: web\n  launchType: EC2\n"), Code::NotSupported, "launchType"),
        (container("    essential: on\n"), Code::WrongType, "on"),
        (container("    environment: [{ name: \"\u{1f600}\", value: 8080 }]\n"), Code::WrongType, "8080"),
        (container("    environment: [{ name: \"a\tb\", value: 1 }]\n"), Code::WrongType, "1"),
        (container("    memory: 64\n    memoryReservation: 64\n"), Code::Conflict, "64"),
        (container("    essential: false\n"), Code::NoEssentialContainer, "containerDefinitions"),
        (container("    dockerLabels: { reconcile.cluster: x }\n"), Code::Reserved, "reconcile.cluster"),
        (container("    healthCheck: { command: [curl, x] }\n"), Code::Malformed, "curl"),
        (container("    mountPoints: [{ sourceVolume: data, containerPath: /d }]\n"), Code::UndefinedReference, "data"),
        (container("    command: npm start\n"), Code::WrongType, "npm start"),
        (container("    user: \"\"\n"), Code::OutOfRange, "\"\""),
    ];
    for (text, code, cut) in cases {
        for prefix in ["", "\u{feff}", "# \u{1f600}\n---\n"] {
            let (problem, found) = only(&format!("{prefix}{text}"));
            assert_eq!((problem.code, found.as_str()), (*code, *cut), "{text}");
        }
    }
}

#[test]
fn a_value_behind_an_alias_shows_both_places() {
    let text =
        container("    environment:\n    - { name: &x PORT, value: a }\n    x-port: &port 8080\n    stopTimeout: 3\n")
            .replace("- name: web\n", "- name: web\n    workingDirectory: *nothing\n");
    assert_eq!(only(&text).0.code, Code::Alias);
    let text = container("    x-port: &port 8080\n    environment: [{ name: PORT, value: *port }]\n");
    let (problem, cut) = only(&text);
    assert_eq!(cut, "*port");
    assert_eq!(&text[problem.related[0].place.bytes.clone()], "8080");
    assert_eq!(problem.suggestion, None);
}

#[test]
fn own_keys_nulls_and_empty_lists_of_unsupported_fields_count_as_absent() {
    let text = container(
        "    x-note: { anything: [1] }\n    links: []\n    logConfiguration: null\n    cpu: null\n    \
         dockerLabels: { x-team: shop }\n",
    );
    let loaded = load_texts(vec![("m.yaml".to_owned(), text)]);
    let validated = validate_loaded(&loaded);
    assert!(validated.problems.is_empty(), "{}", render_short(&validated.problems));
    let container = &validated.task_definitions[0].manifest.spec.container_definitions[0];
    assert_eq!(container.docker_labels["x-team"], "shop", "labels are the user's own already");
    assert_eq!(container.cpu, None);
}

#[test]
fn suggestions_repair_the_text() {
    let cases = [
        service("  cluster: shop\n  taskDefinition: web\n  desireCount: 4\n"),
        service("  cluster: shop\n  taskDefinition: web\n  replicas: 4\n"),
        service("  cluster: shop\n  taskDefinition: web\n  desired_count: 4\n"),
        service("  cluster: shop\n  taskDefinition: web\n  \"desireCount\": 4\n"),
        service("  cluster: shop\n  taskDefinition: web\n  desiredCount: \"4\"\n"),
        service("  cluster: shop\n  taskDefinition: web:12\n"),
        service("  cluster: shop\n  taskDefinition: arn:aws:ecs:eu-west-1:1234:task-definition/web:12\n"),
        service("  cluster: shop\n  taskDefinition: web\n").replace("kind: Service", "kind: service"),
        service("  cluster: shop\n  taskDefinition: web\n").replace("reconcile/v1", "v1"),
        container("    essential: yes\n"),
        container("    environment: [{ name: PORT, value: 8080 }]\n"),
        container("    environment: [{ name: PORT, value: 012 }]\n"),
        container("    environment: [DEBUG=1]\n"),
        container("    env: [{ name: PORT, value: a }]\n"),
        container("    portMappings: [{ containerPort: 80, protocol: TCP }]\n"),
    ];
    for text in cases {
        let problems = problems_of(&text);
        let problem = problems.iter().find(|problem| problem.is_error()).expect("the text is wrong");
        let (place, repair) = (problem.place.as_ref().expect("a place"), problem.suggestion.as_ref());
        let repair = repair.unwrap_or_else(|| panic!("no suggestion: {}", render_short(&problems)));
        let repaired = format!("{}{repair}{}", &text[..place.bytes.start], &text[place.bytes.end..]);
        let left = problems_of(&repaired);
        assert!(left.is_empty(), "{repaired}\n{}", render_short(&left));
    }
}

#[test]
fn plain_task_definitions_of_aws_are_task_definitions() {
    let plain = r#"{ "family": "web", "containerDefinitions": [{ "name": "web", "image": "web" }] }"#;
    let exported =
        format!("{{ \"taskDefinition\": {plain}, \"tags\": [{{ \"key\": \"team\", \"value\": \"shop\" }}] }}");
    for (text, tags) in [(plain, 0), (exported.as_str(), 1)] {
        let loaded = load_texts(vec![("web.json".to_owned(), text.to_owned())]);
        let validated = validate_loaded(&loaded);
        assert!(validated.problems.is_empty(), "{}", render_short(&validated.problems));
        let located = &validated.task_definitions[0];
        assert_eq!((located.manifest.metadata.name.as_str(), located.manifest.spec.tags.len()), ("web", tags));
        let place = located.place_of("/metadata/name");
        assert_eq!(&text[place.bytes], "\"web\"");
        let place = located.place_of("/spec/containerDefinitions/0/image");
        assert_eq!(&text[place.bytes], "\"web\"");
    }
}

#[test]
fn places_in_plain_task_definitions_are_exact() {
    let containers = r#""containerDefinitions": [{ "name": "web", "image": "web" }]"#;
    for (text, code, cut) in [
        (format!("{{ {containers} }}"), Code::PlainTaskDefinition, format!("{{ {containers} }}")),
        (
            format!(r#"{{ "taskDefinition": {{ {containers} }} }}"#),
            Code::PlainTaskDefinition,
            r#""taskDefinition""#.to_owned(),
        ),
        (format!(r#"{{ "family": "a b", {containers} }}"#), Code::Malformed, r#""a b""#.to_owned()),
        (format!(r#"{{ "family": "a", "memry": 1, {containers} }}"#), Code::UnknownField, r#""memry""#.to_owned()),
        (
            format!(r#"{{ "taskDefinition": {{ "family": "a", "cpu": 5, {containers} }} }}"#),
            Code::OutOfRange,
            "5".to_owned(),
        ),
        (
            format!(r#"{{ "taskDefinition": {{ "family": "a", {containers} }}, "tags": [{{ "colour": "b" }}] }}"#),
            Code::MissingField,
            r#"{ "colour": "b" }"#.to_owned(),
        ),
        (
            format!(r#"{{ "taskDefinition": {{ "family": "a", {containers} }}, "services": [] }}"#),
            Code::UnknownField,
            r#""services""#.to_owned(),
        ),
    ] {
        let problems = problems_of(&text);
        let found = problems.iter().find(|problem| problem.code == code);
        let place = found.and_then(|problem| problem.place.clone());
        assert_eq!(place.map(|place| &text[place.bytes]), Some(cut.as_str()), "{text}\n{}", render_short(&problems));
    }
}

/// A task definition with a service is something that can be begun.
fn expect_plan(definition: &str) {
    let family = problems_free_family(definition);
    let rest = format!(
        "apiVersion: reconcile/v1\nkind: Cluster\nmetadata: {{ name: shop }}\n---\napiVersion: reconcile/v1\nkind: Service\n\
         metadata: {{ name: web }}\nspec: {{ cluster: shop, taskDefinition: {family} }}\n"
    );
    let loaded = load_texts(vec![("a.json".to_owned(), definition.to_owned()), ("b.yaml".to_owned(), rest)]);
    let resolved = crate::desired::resolve::resolve(
        crate::ownership::Source::new("test"),
        &validate_loaded(&loaded),
        &crate::desired::Inputs::default(),
    );
    assert!(!resolved.problems.iter().any(Problem::is_error), "{}", render_short(&resolved.problems));
    let mut observed = crate::observed::ObservedState::default();
    crate::testing::add_network(&mut observed, "shop");
    let network = observed.networks.values_mut().next().expect("it was added");
    network.source = crate::ownership::Source::new("test");
    let observed = crate::testing::with_images(&resolved.desired, observed);
    let plan = crate::plan::plan(&resolved.desired, &observed);
    assert!(!plan.steps.is_empty(), "{family}: {plan:?}");
}

fn problems_free_family(definition: &str) -> String {
    let loaded = load_texts(vec![("a.json".to_owned(), definition.to_owned())]);
    validate_loaded(&loaded).task_definitions[0].manifest.metadata.name.to_string()
}

/// The samples of AWS are valid, but for what is not there yet.
#[test]
fn samples_of_aws_are_valid() {
    let directory = repository("tests/samples/aws-task-definitions");
    let mut count = 0;
    for entry in fs::read_dir(&directory).expect("the directory is part of the repository") {
        let path = entry.expect("the directory is readable").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        count += 1;
        let text = fs::read_to_string(&path).expect("it was listed");
        let problems = problems_of_file("sample.json", &text);
        assert!(!problems.iter().any(Problem::is_error), "{}\n{}", path.display(), render_short(&problems));
        expect_plan(&text);
    }
    assert_eq!(count, 14);
}

#[test]
fn a_document_with_very_many_problems_ends_in_a_summary() {
    let fields: String = (0..5000).fold(String::new(), |text, number| text + &format!("  field{number}: 1\n"));
    let problems = problems_of(&service(&format!("  cluster: a\n  taskDefinition: b\n{fields}")));
    assert!(problems.len() <= DOCUMENT_PROBLEMS_MAX + 1);
}

#[test]
fn the_kinds_of_manifests_are_told_apart() {
    let cluster = "apiVersion: reconcile/v1\nkind: Cluster\nmetadata: { name: shop }\n";
    let loaded =
        load_texts(vec![("m.yaml".to_owned(), format!("{cluster}---\n{cluster}spec: {{}}\n---\n{cluster}spec:\n"))]);
    let validated = validate_loaded(&loaded);
    assert!(validated.problems.is_empty(), "{}", render_short(&validated.problems));
    assert_eq!(validated.clusters.len(), 3);
    let manifest = validate_document(&loaded.documents[0]).expect("it is valid");
    assert_eq!((manifest.kind(), manifest.name()), (Kind::Cluster, "shop"));
    assert_eq!(validated.clusters[1].place_of("/metadata/name").to_string(), "m.yaml:7:19");
    assert_eq!(validated.clusters[1].place_of("/spec/clusterName").to_string(), "m.yaml:8:1");
}
