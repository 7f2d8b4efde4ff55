//! Each form is what its readers expect: required fields, right numbers, one thing told once.

use super::*;

#[test]
fn sarif_has_what_code_scanning_needs() {
    for world in [World::mixed(), World::invalid()] {
        let document = world.json(Format::Sarif);
        assert_eq!(document["version"], "2.1.0");
        let run = &document["runs"][0];
        let driver = &run["tool"]["driver"];
        assert_eq!(driver["name"], "reconcile");
        let rules = driver["rules"].as_array().expect("rules are a list");
        let results = run["results"].as_array().expect("results are a list");
        assert!(!results.is_empty());
        for result in results {
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("it is small")];
            assert_eq!(rule["id"], result["ruleId"], "{result:#}");
            assert!(rule["shortDescription"]["text"].as_str().is_some_and(|text| !text.is_empty()), "{rule:#}");
            assert!(
                ["error", "warning", "note", "none"].contains(&result["level"].as_str().unwrap_or("")),
                "{result:#}"
            );
            assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()), "{result:#}");
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().expect("a uri");
            assert!(!uri.starts_with(['/', '.']) && !uri.contains([' ', '\\']), "{uri}");
            if let Some(region) = place["region"].as_object() {
                let number = |key: &str| region[key].as_u64().expect("a number");
                assert!(number("startLine") >= 1 && number("startColumn") >= 1, "{result:#}");
                assert!((number("endLine"), number("endColumn")) >= (number("startLine"), number("startColumn")));
            }
        }
        let prints: BTreeSet<_> = results.iter().map(|it| it["partialFingerprints"].to_string()).collect();
        assert_eq!(prints.len(), results.len(), "a fingerprint is there twice");
    }
}

#[test]
fn gitlab_finds_its_fields() {
    for world in [World::mixed(), World::invalid()] {
        let document = world.json(Format::Gitlab);
        let issues = document.as_array().expect("a list");
        assert!(!issues.is_empty());
        for issue in issues {
            for key in ["description", "check_name", "fingerprint"] {
                assert!(issue[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {issue:#}");
            }
            let severity = issue["severity"].as_str().unwrap_or_default();
            assert!(["info", "minor", "major", "critical", "blocker"].contains(&severity), "{issue:#}");
            assert!(issue["location"]["path"].as_str().is_some_and(|path| !path.starts_with(['/', '.'])), "{issue:#}");
            assert!(issue["location"]["lines"]["begin"].as_u64().is_some_and(|line| line >= 1), "{issue:#}");
        }
        let prints: BTreeSet<_> = issues.iter().map(|it| it["fingerprint"].to_string()).collect();
        assert_eq!(prints.len(), issues.len(), "a fingerprint is there twice");
    }
}

/// A fingerprint is the name of a finding: it stays when lines are put in above it.
#[test]
fn fingerprints_outlive_moved_lines() {
    let prints = |world: &World| {
        let document = world.json(Format::Gitlab);
        let issues = document.as_array().into_iter().flatten();
        issues.map(|issue| issue["fingerprint"].to_string()).collect::<BTreeSet<_>>()
    };
    let mut world = World::mixed();
    let before = prints(&world);
    for row in &mut world.overview.as_mut().expect("it has a plan").rows {
        row.fields.iter_mut().filter_map(|field| field.place.as_mut()).for_each(|place| place.line += 7);
        row.warnings.iter_mut().filter_map(|warning| warning.place.as_mut()).for_each(|place| place.line += 7);
    }
    assert_eq!(prints(&world), before);
}

#[test]
fn junit_counts_its_tests() {
    for (world, tests, failures) in [(World::mixed(), 13, 1), (World::invalid(), 4, 3)] {
        let text = world.render(Format::Junit);
        let document = roxmltree::Document::parse(&text).expect("it is XML");
        let root = document.root_element();
        assert_eq!((root.tag_name().name(), root.attribute("name")), ("testsuites", Some("reconcile")));
        let count = |node: roxmltree::Node<'_, '_>, name: &str| {
            node.descendants().filter(|node| node.has_tag_name(name)).count()
        };
        let suites: Vec<_> = root.children().filter(roxmltree::Node::is_element).collect();
        for node in std::iter::once(root).chain(suites) {
            let number = |name: &str| node.attribute(name).and_then(|text| text.parse().ok());
            assert_eq!(number("tests"), Some(count(node, "testcase")), "{text}");
            assert_eq!(number("failures"), Some(count(node, "failure")), "{text}");
        }
        assert_eq!((count(root, "testcase"), count(root, "failure")), (tests, failures), "{text}");
        for case in root.descendants().filter(|node| node.has_tag_name("testcase")) {
            assert!(case.attribute("name").is_some() && case.attribute("classname").is_some(), "{text}");
        }
    }
}

/// Columns count bytes there.
#[test]
fn rdjson_counts_bytes() {
    let text = "\u{feff}a: \u{e4}\u{e4} bad\n";
    let file = Arc::new(File::new("deploy/a.yaml", text.to_owned()));
    let start = text.find("bad").expect("it is there");
    let problem =
        Problem::error(Code::UnknownField, "bad").with_place(file.place(start..start + 3)).with_suggestion("good");
    let world = World { overview: None, problems: vec![problem], files: vec![file], ..World::mixed() };
    let document = world.json(Format::Rdjson);
    let found = &document["diagnostics"][0];
    let range = json!({ "start": { "line": 1, "column": 9 }, "end": { "line": 1, "column": 12 } });
    assert_eq!(found["location"], json!({ "path": "deploy/a.yaml", "range": range }));
    assert_eq!(found["suggestions"], json!([{ "range": range, "text": "good" }]));
    assert_eq!((&found["severity"], &found["code"]["value"]), (&json!("ERROR"), &json!("RC101")));
}

#[test]
fn pieces_hold_all_of_the_document() {
    let world = World::mixed();
    let document = world.json(Format::Json);
    let text = world.render(Format::Ndjson);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    let of = |name: &str| lines.iter().filter(|line| line["type"] == name).count();
    for (list, name) in [("changes", "plan.change"), ("diagnostics", "diagnostic"), ("blocked", "plan.blocked")] {
        assert_eq!(Some(of(name)), document[list].as_array().map(Vec::len), "{name}");
    }
    assert_eq!((of("version"), of("summary")), (1, 1));
    let (first, last) = (&lines[0], &lines[lines.len() - 1]);
    assert_eq!((&first["type"], &first["formatVersion"]), (&json!("version"), &document["formatVersion"]));
    assert_eq!((&last["outcome"], &last["exitCode"]), (&json!("refused"), &json!(5)));
    assert_eq!(last["summary"], document["summary"]);
    // Whatever the document has, some line has.
    for key in document.as_object().expect("an object").keys() {
        let is_list = document[key].is_array();
        assert!(is_list || first.get(key).is_some() || last.get(key).is_some(), "{key}");
    }
}

/// Forbids what a schema does not name, so that nothing can be printed that it does not describe.
fn close(schema: &mut Value) {
    if schema.get("properties").is_some() {
        schema["additionalProperties"] = json!(false);
    }
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(close),
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_schemas_describe_what_is_printed() {
    let outcome = (Outcome::Unreachable, 6);
    let failed = World { overview: None, problems: Vec::new(), outcome, ..World::mixed() };
    let failed = failed.tell(|report| document(&Report { failure: Some("error: no engine"), ..*report }));
    let documents = [
        (Printed::Plan, World::mixed().json(Format::Json)),
        (Printed::Validation, World::invalid().json(Format::Json)),
        (Printed::Plan, failed),
    ];
    for (printed, document) in documents {
        let mut schema: Value = serde_json::from_str(&printed.schema_text()).expect("a schema is JSON");
        for _ in 0..2 {
            let validator = jsonschema::validator_for(&schema).expect("it is a schema");
            let errors: Vec<_> =
                validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", printed.as_str());
            close(&mut schema);
        }
        assert_eq!(document["kind"], printed.as_str());
        assert!(document["outcome"].is_string() && document["exitCode"].is_u64(), "{document:#}");
        let kept = fs::read_to_string(repository(&format!("schemas/{}.json", printed.as_str()))).unwrap_or_default();
        assert!(kept == printed.schema_text(), "schemas/{}.json is stale: run `reconcile schema`", printed.as_str());
    }
}

#[test]
fn what_replaces_and_what_goes_is_a_warning() {
    let text = World::mixed().render(Format::Github);
    let line = |part: &str| text.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}: {text}"));
    let web = line("title=replaces 3 tasks");
    assert!(web.starts_with("::warning file=deploy/web-task.yaml,line=7,endLine=7,col=14,"), "{web}");
    assert!(web.contains("::deploy/web-task.yaml:7:14: shop/web: image "), "{web}");
    let cron = line("shop/legacy-cron goes");
    assert!(cron.starts_with("::warning title="), "what goes has no line: {cron}");
    assert!(line("shop/worker").starts_with("::notice file=deploy/worker.yaml,line=5,"), "{text}");
    assert!(line("would be deleted").starts_with("::error title=refused::"), "{text}");
}
