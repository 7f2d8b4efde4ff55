//! Whatever a name or a value holds, it stays text: no form is left by it.

use super::*;

/// A world in which `text` stands wherever text from outside can stand.
fn hostile(text: &str) -> World {
    let mut world = World::mixed();
    let owned = || text.to_owned();
    let file: Arc<str> = format!("deploy/{text}.yaml").into();
    let place = Place { bytes: 5..8, ..Place::start_of(file.clone()) };
    let rows = &mut world.overview.as_mut().expect("it has a plan").rows;
    for row in rows.iter_mut() {
        row.place = Some(place.clone());
        row.detail = Some(format!("{text}; {text}"));
        row.impact = vec![owned()];
        row.images.iter_mut().for_each(|image| *image = text.to_owned());
        row.warnings = vec![Warning { message: owned(), place: Some(place.clone()) }];
        for field in &mut row.fields {
            field.path = format!("dockerLabels.{text}");
            field.place = Some(place.clone());
            (field.from, field.to) =
                (field.from.as_ref().map(|_| owned()), field.to.as_ref().map(|_| format!("{text} ")));
        }
    }
    world.forecast[0].text = owned();
    world.blocked[0] = Blocked { message: owned(), help: vec![owned()] };
    let problem = |problem: Problem| {
        let problem = problem.with_expected(text, text).with_help(text).with_suggestion(text).with_object(text);
        problem.with_related(text, place.clone()).with_place(place.clone())
    };
    world.problems =
        vec![problem(Problem::error(Code::UnknownField, text)), problem(Problem::warning(Code::Unused, text))];
    world.files.push(Arc::new(File::new(file, format!("key: {text}\n{text}\n"))));
    (world.desired.source, world.observed.engine, world.command) = (owned(), owned(), owned());
    world
}

/// The same without a plan.
fn hostile_manifests(text: &str) -> World {
    World { overview: None, outcome: (Outcome::Invalid, 3), ..hostile(text) }
}

fn lines_in(text: &str, start: &str) -> usize {
    text.lines().filter(|line| line.starts_with(start)).count()
}

#[test]
fn no_form_steers_a_terminal_or_begins_a_line_of_its_own() {
    for make in [hostile, hostile_manifests] {
        let benign = make("benign");
        for text in HOSTILE {
            let world = make(text);
            for (format, _) in FILES {
                let (shown, usual) = (world.render(format), benign.render(format));
                assert!(!shown.chars().any(|c| c != '\n' && is_steering(c)), "{format}, {text:?}:\n{shown}");
                // Only this one quotes the file, which may have more lines.
                if format != Format::Text || world.overview.is_some() {
                    assert_eq!(shown.lines().count(), usual.lines().count(), "{format}, {text:?}:\n{shown}");
                }
            }
        }
    }
}

#[test]
fn no_line_of_a_log_is_a_command() {
    for make in [hostile, hostile_manifests] {
        for text in HOSTILE {
            for (format, _) in FILES.into_iter().filter(|(format, _)| *format != Format::Github) {
                let shown = make(text).render(format);
                let is_command =
                    |line: &str| line.trim_start().starts_with("::") && !line.trim_start().starts_with(":::");
                assert!(!shown.lines().any(is_command), "{format}, {text:?}:\n{shown}");
                let escapes = matches!(format, Format::Markdown | Format::Junit);
                assert!(escapes || !shown.contains("##["), "{format}, {text:?}:\n{shown}");
            }
        }
    }
}

#[test]
fn annotations_are_those_that_were_meant() {
    let known = ["::error ", "::warning ", "::notice "];
    for text in HOSTILE {
        let shown = hostile(text).render(Format::Github);
        for line in shown.lines() {
            assert!(known.iter().any(|start| line.starts_with(start)), "{text:?}:\n{shown}");
            let properties = line[2..].split("::").next().unwrap_or_default();
            let (_, properties) = properties.split_once(' ').expect("a command has properties");
            for property in properties.split(',') {
                let key = property.split('=').next().unwrap_or_default();
                assert!(["file", "line", "endLine", "col", "endColumn", "title"].contains(&key), "{line}");
            }
        }
    }
}

#[test]
fn json_holds_what_was_said() {
    for text in HOSTILE {
        let world = hostile(text);
        let plan = world.json(Format::Json);
        assert_eq!(plan["blocked"][0]["message"], text);
        assert_eq!(plan["diagnostics"][0]["message"], text);
        for format in [Format::Gitlab, Format::Sarif, Format::Rdjson] {
            world.json(format);
        }
        for line in world.render(Format::Ndjson).lines() {
            let line: Value = serde_json::from_str(line).expect("each line is JSON");
            assert!(line["type"].is_string(), "{line}");
        }
    }
}

#[test]
fn xml_has_no_more_elements_than_meant() {
    let elements = |world: &World| {
        let text = world.render(Format::Junit);
        let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        document.descendants().filter(roxmltree::Node::is_element).count()
    };
    let benign = elements(&hostile("benign"));
    for text in HOSTILE {
        assert_eq!(elements(&hostile(text)), benign, "{text:?}");
    }
}

#[test]
fn markdown_keeps_its_tables_and_blocks() {
    let benign = hostile("benign").render(Format::Markdown);
    let fences = |text: &str| text.lines().filter(|line| line.starts_with("```")).count();
    for text in HOSTILE {
        let shown = hostile(text).render(Format::Markdown);
        for start in ["| ", "> ", "<details>", "</details>", "### ", "<!-- ", "**"] {
            assert_eq!(lines_in(&shown, start), lines_in(&benign, start), "{start} {text:?}:\n{shown}");
        }
        assert_eq!(fences(&shown), fences(&benign), "{text:?}:\n{shown}");
        for line in shown.lines().filter(|line| line.starts_with('|')) {
            assert!([3, 5].contains(&line.matches('|').count()), "{text:?}: {line}");
        }
        // Outside of the blocks no element is opened but ours.
        let (outside, _) = shown.split_once("<details>").expect("it has details");
        for tag in outside.split('<').skip(1) {
            let ours = ["br>", "code>", "/code>", "!-- reconcile:"];
            assert!(ours.iter().any(|known| tag.starts_with(known)), "{text:?}: <{tag}");
        }
    }
}
