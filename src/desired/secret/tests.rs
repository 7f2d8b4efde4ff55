use super::*;

#[test]
fn the_label_holds_a_flat_list_of_texts() {
    let version = SecretVersion { key: 0x1f, digest: 7 };
    let variable =
        SecretSpec { name: "A".to_owned(), value_from: "env:A".to_owned(), version: Some(version), file: None };
    let file = SecretFile { path: "/run/a".to_owned(), mode: FileMode::DEFAULT, owner: FileOwner::ROOT };
    for (spec, expected) in [
        (variable.clone(), r#"{"name":"A","valueFrom":"env:A","version":"0000001f:00000000000000000000000000000007"}"#),
        (
            SecretSpec { version: None, file: Some(file), ..variable },
            r#"{"name":"A","valueFrom":"env:A","path":"/run/a","mode":"0400","owner":"0:0"}"#,
        ),
    ] {
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<SecretSpec>(&text).unwrap(), spec);
    }
}

#[test]
fn a_file_belongs_to_the_user_of_the_container_where_that_is_a_number() {
    for (user, owner) in [
        ("1000:1001", Some("1000:1001")),
        ("1000", Some("1000:0")),
        ("1000:staff", Some("1000:0")),
        ("nobody", None),
        ("nobody:1000", None),
    ] {
        assert_eq!(FileOwner::of_user(user).map(|owner| owner.to_string()).as_deref(), owner, "{user}");
    }
}
