use super::*;

#[test]
fn long_values_show_where_they_differ() {
    let long = |end: &str| format!("[{}, \"{end}\"]", "\"--an-option\", ".repeat(8));
    let (from, to) = shorten_pair(&long("a"), &long("b"), VALUE_WIDTH_MAX);
    assert_eq!((&*from, &*to), ("...option\", , \"a\"]", "...option\", , \"b\"]"));
}
