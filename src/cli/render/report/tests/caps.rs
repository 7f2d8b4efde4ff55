//! What a platform takes is never exceeded, and what was left out is counted.

use super::*;

const MANY: usize = 5000;

/// The mixed changes again and again, each time of another service.
fn many() -> World {
    let mut world = World::mixed();
    let overview = world.overview.as_mut().expect("it has a plan");
    let rows: Vec<Row> = overview.rows.iter().cycle().take(MANY).cloned().collect();
    overview.rows = rows;
    for (index, row) in overview.rows.iter_mut().enumerate() {
        row.service = Some(ServiceName::new(&format!("service-{index}")).expect("it is a name"));
    }
    world.problems = (1..=u32::try_from(MANY).expect("it is not so many"))
        .map(|index| {
            let place = Place { line: index, end_line: index, ..Place::start_of("deploy/a.yaml".into()) };
            Problem::error(Code::UnknownField, format!("unknown field `field{index}`")).with_place(place)
        })
        .collect();
    world
}

#[test]
fn annotations_are_ten_of_each_level() {
    let text = many().render(Format::Github);
    for level in ["error", "warning", "notice"] {
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with(&format!("::{level} "))).collect();
        assert_eq!(lines.len(), github::ANNOTATIONS_MAX, "{text}");
        assert!(lines[9].contains(&format!("more {level}s; a step shows 10, the log has them all")), "{}", lines[9]);
    }
    // One refusal and so many problems.
    assert!(text.contains(&format!("::error title={0} more errors::and {0} more errors;", MANY + 1 - 9)), "{text}");
    assert_eq!(text.lines().count(), 30);
}

#[test]
fn ten_annotations_are_all_shown() {
    let mut world = many();
    world.overview = None;
    world.problems.truncate(github::ANNOTATIONS_MAX);
    let text = world.render(Format::Github);
    assert_eq!(text.lines().count(), 10, "{text}");
    assert!(!text.contains("more error"), "{text}");
}

#[test]
fn markdown_is_cut_at_whole_services() {
    let changes = World { problems: Vec::new(), ..many() };
    let problems = World { overview: None, outcome: (Outcome::Invalid, 3), ..many() };
    for (world, row, noun) in [(changes, "| `", "change"), (problems, "| [", "error")] {
        for (bytes_max, limit) in [(COMMENT_BYTES_MAX, 65_536), (SUMMARY_BYTES_MAX, 1 << 20)] {
            let text = world.tell(|report| render_markdown(report, bytes_max));
            assert!(text.len() <= bytes_max && bytes_max < limit, "{} bytes", text.len());
            let shown = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
            let last = text.lines().last().expect("it has lines");
            let before = last.split(&format!(" {noun}s")).next().filter(|before| before.len() < last.len());
            let left_out = before.and_then(|before| before.rsplit(' ').next()?.parse().ok()).unwrap_or(0);
            assert_eq!(shown(row) + left_out, MANY, "{last}");
            // The room is used.
            assert!(left_out == 0 || text.len() > bytes_max - 4000, "{} bytes of {bytes_max}", text.len());
            assert!(text.starts_with("<!-- reconcile:deploy -->\n### reconcile: "), "the head is always there");
            assert!(text.lines().filter(|line| line.starts_with('|')).all(|line| line.ends_with('|')), "a row is torn");
            assert_eq!(shown("<details>"), shown("</details>"));
        }
    }
}

#[test]
fn one_huge_service_does_not_hide_the_others() {
    let mut world = World::mixed();
    let rows = &mut world.overview.as_mut().expect("it has a plan").rows;
    rows[0].impact = vec!["x".repeat(COMMENT_BYTES_MAX)];
    let text = world.render(Format::Markdown);
    assert!(text.len() <= COMMENT_BYTES_MAX && text.contains("shop/web"), "{text}");
    assert!(text.contains("Left out, because there is room for 60000 bytes here: 1 change."), "{text}");
}

#[test]
fn a_summary_with_no_room_left_is_no_longer_than_its_head() {
    let text = many().tell(|report| render_markdown(report, 0));
    assert!(text.len() < 2000, "{text}");
}

#[test]
fn a_run_of_sarif_has_a_limit() {
    let mut world = many();
    world.problems = world.problems.iter().cycle().take(sarif::RESULTS_MAX + 10).cloned().collect();
    world.overview = None;
    let document = world.json(Format::Sarif);
    let run = &document["runs"][0];
    assert_eq!(run["results"].as_array().map(Vec::len), Some(sarif::RESULTS_MAX));
    let note = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap_or_default();
    assert!(note.starts_with("10 more results are not in this report"), "{note}");
    let prints: BTreeSet<_> =
        run["results"].as_array().into_iter().flatten().map(|it| it["partialFingerprints"].to_string()).collect();
    assert_eq!(prints.len(), sarif::RESULTS_MAX, "a fingerprint is there twice");
}
