use super::*;
use crate::cli::render::problems::render_short;
use crate::load::{load_texts, validate_loaded};

/// A service and its task definition with one container of these fields, each as YAML on one line.
fn manifests(metadata: &str, container: &str) -> String {
    format!(
        "apiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: {{ name: web{metadata} }}\nspec:\n  \
         containerDefinitions: [{{ name: web, {container} }}]\n---\n\
         apiVersion: reconcile/v1\nkind: Service\nmetadata: {{ name: web }}\nspec: {{ cluster: shop, taskDefinition: web }}\n"
    )
}

fn advice_on(text: &str) -> Vec<Problem> {
    let loaded = load_texts(vec![("m.yaml".to_owned(), text.to_owned())]);
    let validated = validate_loaded(&loaded);
    assert!(!validated.problems.iter().any(Problem::is_error), "{text}\n{}", render_short(&validated.problems));
    lint(&validated)
}

const CHECK: &str = "healthCheck: { httpGet: { port: 80 } }";

#[test]
fn what_will_be_regretted_is_told_at_its_place() {
    let environment = |variable: &str| format!("image: 'web:1', {CHECK}, environment: [{variable}]");
    for (container, code, at) in [
        ("image: 'web:1'".to_owned(), Code::NoHealthCheck, "web"),
        (format!("image: web, {CHECK}"), Code::FloatingImage, "web"),
        (format!("image: 'registry:5000/web', {CHECK}"), Code::FloatingImage, "'registry:5000/web'"),
        (format!("image: 'web:latest', {CHECK}"), Code::FloatingImage, "'web:latest'"),
        (environment("{ name: DB_PASSWORD, value: hunter2 }"), Code::PlainSecret, "DB_PASSWORD"),
        (environment("{ name: DB, value: 'postgres://a:b@db/shop' }"), Code::PlainSecret, "DB"),
    ] {
        let text = manifests("", &container);
        let problems = advice_on(&text);
        let found: Vec<_> = problems.iter().map(|problem| (problem.code, problem.is_error())).collect();
        assert_eq!(found, [(code, false)], "{text}\n{}", render_short(&problems));
        let place = problems[0].place.clone().expect("advice has a place");
        assert_eq!(&text[place.bytes], at, "{text}");
        assert!(!render_short(&problems).contains("hunter2"));
        let allowed = manifests(&format!(", annotations: {{ reconcile/allow: [{code}] }}"), &container);
        assert!(advice_on(&allowed).is_empty(), "{allowed}");
    }
}

#[test]
fn what_is_well_is_not_talked_about() {
    let digest = format!("image: 'web@sha256:{}', {CHECK}", "a".repeat(64));
    let environment = |variable: &str| format!("image: 'web:1', {CHECK}, environment: [{variable}]");
    for container in [
        format!("image: 'web:1', {CHECK}"),
        "image: 'web:1', readinessCheck: { tcpSocket: { port: 80 } }".to_owned(),
        digest,
        environment("{ name: DB_PASSWORD, value: '' }"),
        environment("{ name: DB_PASSWORD_FILE, value: /run/secrets/db }"),
        environment("{ name: TOKEN_LIFETIME, value: '3600' }"),
        environment("{ name: USE_TOKENS, value: 'true' }"),
        environment("{ name: URL, value: 'http://db:8080/a@b' }"),
    ] {
        let problems = advice_on(&manifests("", &container));
        assert!(problems.is_empty(), "{container}\n{}", render_short(&problems));
    }
}

#[test]
fn a_container_that_is_not_essential_or_serves_nobody_needs_no_check() {
    let alone = "apiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: { name: job }\nspec: { containerDefinitions: [{ name: job, image: 'job:1' }] }\n";
    assert!(advice_on(alone).is_empty());
    let text = manifests("", &format!("image: 'web:1', {CHECK} }}, {{ name: side, image: 'side:1', essential: false"));
    assert!(advice_on(&text).is_empty());
    let text = manifests("", "image: 'web:1'")
        .replace("name: web }\nspec: { cl", "name: web, annotations: { reconcile/allow: [RC160] } }\nspec: { cl");
    assert!(advice_on(&text).is_empty(), "the service may allow it as well:\n{text}");
}

#[test]
fn both_ends_of_it_are_shown() {
    let problems = advice_on(&manifests("", "image: 'web:1'"));
    assert_eq!(problems[0].related.len(), 1);
    assert_eq!(problems[0].related[0].place.to_string(), "m.yaml:10:40");
}
