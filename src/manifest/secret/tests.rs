use super::*;

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf";

#[test]
fn references_are_understood() {
    let file = |path: &str| SecretProvider::File { path: path.to_owned() };
    let env = |name: &str| SecretProvider::Environment { name: name.to_owned() };
    let command = |name: &str, key: &str| SecretProvider::Command { name: name.to_owned(), key: key.to_owned() };
    let aws = |id: &str| SecretProvider::Aws { id: id.to_owned() };
    for (text, provider, json_key) in [
        ("file:db", file("db"), None),
        ("file:/run/db:x", file("/run/db:x"), None),
        ("file:db.json:user::", file("db.json"), Some("user")),
        ("file:db:::", file("db"), None),
        ("env:DB", env("DB"), None),
        ("env:DB:user::", env("DB"), Some("user")),
        ("exec:vault:kv/db", command("vault", "kv/db"), None),
        ("exec:vault:kv:db:user::", command("vault", "kv:db"), Some("user")),
        (ARN, aws(ARN), None),
        (&format!("{ARN}:user::"), aws(ARN), Some("user")),
        (&format!("{ARN}:::"), aws(ARN), None),
        (
            "arn:aws:ssm:eu-west-1:123456789012:parameter/db",
            aws("arn:aws:ssm:eu-west-1:123456789012:parameter/db"),
            None,
        ),
        ("/shop/db", aws("/shop/db"), None),
    ] {
        let expected = SecretReference { provider, json_key: json_key.map(str::to_owned) };
        assert_eq!(SecretReference::parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_reference_is_refused_and_not_repeated() {
    for text in [
        "",
        "file:",
        "env:",
        "env:A=B",
        "exec:",
        "exec:vault",
        "exec:vault:",
        "exec::key",
        "exec:vault:--output=/etc/passwd",
        "-v",
        "flie:db",
        "hunter 2",
        "hunter2!",
        "arn:aws:s3:::bucket",
        "arn:aws:secretsmanager:eu-west-1:1:secret",
        "arn:aws:secretsmanager:r:1:secret:db:user:AWSPREVIOUS:",
        "arn:aws:secretsmanager:r:1:secret:db:::9f",
        "arn:aws:secretsmanager:r:1:secret:db::::x",
    ] {
        let error = SecretReference::parse(text).expect_err(text);
        assert!(!error.to_string().contains("hunter"), "{error}");
    }
}
