use super::*;

#[test]
fn a_line_is_read_as_by_the_agent_of_ecs() {
    for (line, expected) in [
        ("A=b", Some(("A", "b"))),
        ("A=", Some(("A", ""))),
        ("A=b=c", Some(("A", "b=c"))),
        ("A==", Some(("A", "="))),
        ("A=\"b c\"", Some(("A", "\"b c\""))),
        ("A='b'", Some(("A", "'b'"))),
        ("A= b ", Some(("A", " b "))),
        (" A =b", Some((" A ", "b"))),
        ("A=$B${C}", Some(("A", "$B${C}"))),
        ("A=b # no comment", Some(("A", "b # no comment"))),
        ("A=b\\n", Some(("A", "b\\n"))),
        ("export A=b", Some(("export A", "b"))),
        (" # A=b", Some((" # A", "b"))),
        ("A=b\r", Some(("A", "b"))),
        ("#A=b", None),
        ("A", None),
        ("=b", None),
        ("", None),
    ] {
        for text in [line.to_owned(), format!("{line}\n"), format!("X=1\n{line}\nY=2")] {
            let found: Vec<_> = variables_of(&text).filter(|found| !["X", "Y"].contains(&found.name)).collect();
            let pairs: Vec<_> = found.iter().map(|found| (found.name, found.value)).collect();
            assert_eq!(pairs, expected.into_iter().collect::<Vec<_>>(), "{text:?}");
            for variable in found {
                assert_eq!(text[variable.bytes], *line.trim_end_matches('\r'));
            }
        }
    }
}

#[test]
fn of_several_files_the_first_counts_and_within_a_file_the_last_line() {
    let file = |name: &str, text: &str| Arc::new(File::new(name.to_owned(), text.to_owned()));
    let files = [file("a.env", "A=1\nA=2\n"), file("b.env", "A=3\nB=4\n")];
    let merged = merge_variables(&files);
    let pairs: Vec<_> = merged.iter().map(|(name, (file, of))| (*name, of.value, &**file.name())).collect();
    assert_eq!(pairs, [("A", "2", "a.env"), ("B", "4", "b.env")]);
}

#[test]
fn paths_are_beside_the_manifest() {
    for (manifest, path, expected) in [
        ("deploy/web.yaml", "web.env", "deploy/web.env"),
        ("deploy/sub/web.yaml", "../web.env", "deploy/web.env"),
        ("deploy/web.yaml", "../web.env", "web.env"),
        ("deploy/web.yaml", "../../web.env", "../web.env"),
        ("web.yaml", "./web.env", "web.env"),
        ("../web.yaml", "../web.env", "../../web.env"),
        ("deploy/web.yaml", "/etc/web.env", "/etc/web.env"),
        ("/web.yaml", "../web.env", "/web.env"),
    ] {
        assert_eq!(path_beside(manifest, path), Path::new(expected), "{manifest} {path}");
    }
}
