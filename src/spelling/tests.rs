use super::*;

#[test]
fn a_slip_is_recognised_and_another_word_is_not() {
    let known = ["web", "worker", "desiredCount", "catalog"];
    for (word, meant) in [
        ("wep", Some("web")),
        ("wbe", Some("web")),
        ("workr", Some("worker")),
        ("desired_count", Some("desiredCount")),
        ("DESIREDCOUNT", Some("desiredCount")),
        ("catalogue", Some("catalog")),
        ("payments", None),
        ("", None),
    ] {
        assert_eq!(closest(word, known.into_iter()), meant, "{word}");
    }
    let long = "catalog".repeat(20);
    assert_eq!(closest(&long, known.into_iter()), None);
    assert_eq!(closest("web", std::iter::empty()), None);
}
