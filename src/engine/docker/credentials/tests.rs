use std::os::unix::fs::PermissionsExt;

use super::*;

fn basic(username: &str, password: &str) -> Credentials {
    Credentials::Basic { username: username.to_owned(), password: password.to_owned() }
}

fn config(text: &str) -> Config {
    Config::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn what_docker_login_has_stored() {
    // `printf me:pass:word | base64`, and the same with zeros at its end.
    let auths = r#"{"auths": {
        "h:5000": {"auth": "bWU6cGFzczp3b3Jk"},
        "https://zeros.example/v1/": {"auth": "bWU6cGFzczp3b3JkAAA="},
        "token.example": {"auth": "eA==", "identitytoken": "tok"},
        "plain.example": {"username": "me", "password": "pw"},
        "empty.example": {},
        "bad.example": {"auth": "%%%"},
        "odd.example": {"auth": "bm9jb2xvbg=="}
    }}"#;
    let table = [
        ("h:5000", Entry::Stored(basic("me", "pass:word"))),
        ("zeros.example", Entry::Stored(basic("me", "pass:word"))),
        ("https://zeros.example/v1/", Entry::Stored(basic("me", "pass:word"))),
        ("token.example", Entry::Stored(Credentials::IdentityToken("tok".to_owned()))),
        ("plain.example", Entry::Stored(basic("me", "pw"))),
        ("empty.example", Entry::None),
        ("bad.example", Entry::Unreadable),
        ("odd.example", Entry::Unreadable),
        ("h:5001", Entry::None),
        ("elsewhere.example", Entry::None),
    ];
    for (server, expected) in table {
        assert_eq!(config(auths).find(server), expected, "{server}");
    }
}

#[test]
fn helpers_come_before_the_file_and_one_of_its_own_before_that_for_all() {
    let text =
        r#"{"auths": {"a.example": {"auth": "bWU6cHc="}}, "credsStore": "store", "credHelpers": {"b.example": "own"}}"#;
    assert_eq!(config(text).find("a.example"), Entry::Helper("store".to_owned()));
    assert_eq!(config(text).find("b.example"), Entry::Helper("own".to_owned()));
    assert!(config(r#"{"HttpHeaders": {"a": "b"}, "auths": {}}"#).is_empty(), "other settings do not matter");
    assert!(config("{}").is_empty());
    let error = Config::read(br#"{"auths": {"h": {"auth": "c2VjcmV0" }"#).err().expect("it is not whole");
    assert_eq!(error, "line 1, column 37", "the file is never quoted");
}

/// A directory with a helper that does as the script says.
fn helper(script: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("docker-credential-fake");
    std::fs::write(&path, format!("#!/bin/sh\n[ \"$1\" = get ] || exit 9\nread -r server\n{script}\n"))
        .expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a program");
    directory
}

async fn ask_helper(script: &str) -> Result<Option<Credentials>, String> {
    let directory = helper(script);
    helper::ask("fake", "h:5000", Some(directory.path())).await
}

#[tokio::test]
async fn helpers_are_asked_by_agreement() {
    let answer = r#"printf '{"ServerURL":"%s","Username":"me","Secret":"pw of %s"}' "$server" "$server""#;
    assert_eq!(ask_helper(answer).await, Ok(Some(basic("me", "pw of h:5000"))));
    let token = r#"printf '{"Username":"<token>","Secret":"tok"}'"#;
    assert_eq!(ask_helper(token).await, Ok(Some(Credentials::IdentityToken("tok".to_owned()))));
    assert_eq!(ask_helper("echo 'credentials not found in native keychain'; exit 1").await, Ok(None));
}

#[tokio::test]
async fn what_a_helper_says_is_never_passed_on() {
    for script in
        ["echo hunter2; exit 1", "echo hunter2", "echo hunter2 >&2; exit 3", "while :; do echo hunter2hunter2; done"]
    {
        let error = ask_helper(script).await.expect_err(script);
        assert!(error.contains("`fake`") && !error.contains("hunter2"), "{script}: {error}");
    }
    let error = helper::ask("nowhere", "h", Some(Path::new("/nowhere"))).await.expect_err("there is none");
    assert!(error.contains("docker-credential-nowhere"), "{error}");
    for name in ["", "../x", "a b", "x;y", "$(x)"] {
        let error = helper::ask(name, "h", None).await.expect_err(name);
        assert!(error.contains("cannot be the name of a program"), "{error}");
    }
}

#[derive(Debug)]
struct Secret(&'static str);

impl RepositorySecrets for Secret {
    fn read<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async { Ok(self.0.to_owned()) })
    }
}

#[tokio::test]
async fn the_secret_that_a_manifest_names() {
    let named = |parameter: &str| RepositoryCredentials { credentials_parameter: parameter.to_owned() };
    let good = read_named(&Secret(r#"{"username":"me","password":"pw","more":1}"#), &named("file:x")).await;
    assert_eq!(good.expect("a secret").credentials, Some(basic("me", "pw")));
    let error = read_named(&Secret("hunter2"), &named("file:x")).await.expect_err("it is no JSON");
    assert!(error.contains("`file:x`") && !error.contains("hunter2"), "{error}");
    let arn = "arn:aws:secretsmanager:eu-west-1:1:secret:registry";
    let error = read_named(&NoSecrets, &named(arn)).await.expect_err("there is no provider");
    assert!(error.contains(arn) && error.contains("docker login"), "{error}");
}

#[test]
fn credentials_are_never_printed() {
    let printed = format!("{:?} {:?}", basic("me", "hunter2"), Credentials::IdentityToken("hunter2".to_owned()));
    assert!(!printed.contains("hunter2") && !printed.contains("me"), "{printed}");
}
