use std::collections::BTreeMap;

use super::*;

/// SHA-256 of `far`.
const FAR: &str = "512eea46ceb3921dff4363c7069d89d4964d1d9fccaa0f411851a7aa60a5c868";

/// Finds an engine among `variables` and `files`; a file with no content is a socket.
fn find(host: Option<&str>, variables: &[(&str, &str)], files: &[(&str, &str)]) -> String {
    let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
    let files: BTreeMap<String, &str> = files.iter().map(|(path, text)| (path.replace("{far}", FAR), *text)).collect();
    let surroundings = Surroundings {
        variable: &|name| variables.get(name).map(|value| (*value).to_owned()),
        read: &|path| match files.get(&path.display().to_string()) {
            Some(text) => Ok(text.as_bytes().to_vec()),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        },
        exists: &|path| files.contains_key(&path.display().to_string()),
    };
    match Endpoint::find_in(host, surroundings) {
        Ok(endpoint) => endpoint.to_string(),
        Err(error) => format!("error: {error}"),
    }
}

const META: &str = "/home/ada/.docker/contexts/meta/{far}/meta.json";
const CONFIG: &str = "/home/ada/.docker/config.json";

#[test]
fn who_speaks_first_is_believed() {
    let home = ("HOME", "/home/ada");
    let config = (CONFIG, r#"{"auths":{},"currentContext":"far"}"#);
    let meta = (META, r#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far:1234","SkipTLSVerify":false}}}"#);
    let variable = ("DOCKER_HOST", "tcp://variable:1");
    let context = ("DOCKER_CONTEXT", "far");

    assert_eq!(
        find(Some("unix:///flag.sock"), &[home, variable, context], &[config, meta]),
        "unix:///flag.sock (--host)"
    );
    assert_eq!(find(None, &[home, variable, context], &[config, meta]), "tcp://variable:1 (DOCKER_HOST)");
    assert_eq!(find(None, &[home, context], &[meta]), "tcp://far:1234 (DOCKER_CONTEXT=far)");
    assert_eq!(find(None, &[home], &[config, meta]), "tcp://far:1234 (current Docker context far)");
    assert_eq!(find(None, &[home], &[]), "unix:///var/run/docker.sock (default)");
    assert_eq!(
        find(None, &[home, ("DOCKER_HOST", ""), ("DOCKER_CONTEXT", "default")], &[config, meta]),
        "unix:///var/run/docker.sock (default)"
    );
    assert_eq!(find(None, &[], &[]), "unix:///var/run/docker.sock (default)", "no home at all");
}

#[test]
fn a_rootless_socket_stands_in_for_a_default_one_that_does_not_exist() {
    let runtime = ("XDG_RUNTIME_DIR", "/run/user/1000");
    let (rootless, default) = (("/run/user/1000/docker.sock", ""), ("/var/run/docker.sock", ""));
    assert_eq!(find(None, &[runtime], &[rootless, default]), "unix:///var/run/docker.sock (default)");
    assert_eq!(find(None, &[runtime], &[rootless]), "unix:///run/user/1000/docker.sock (default of a rootless engine)");
    assert_eq!(find(None, &[runtime], &[]), "unix:///var/run/docker.sock (default)");
}

#[test]
fn docker_config_moves_the_configuration() {
    let files = [
        ("/etc/mine/config.json", r#"{"currentContext":"far"}"#),
        ("/etc/mine/contexts/meta/{far}/meta.json", r#"{"Endpoints":{"docker":{"Host":"unix:///far.sock"}}}"#),
    ];
    assert_eq!(
        find(None, &[("HOME", "/home/ada"), ("DOCKER_CONFIG", "/etc/mine")], &files),
        "unix:///far.sock (current Docker context far)"
    );
}

#[test]
fn addresses() {
    for (given, expected) in [
        ("unix:///run/docker.sock", "unix:///run/docker.sock (--host)"),
        ("/run/docker.sock", "unix:///run/docker.sock (--host)"),
        ("unix://", "unix:///var/run/docker.sock (--host)"),
        ("tcp://host", "tcp://host:2375 (--host)"),
        ("tcp://host:99/", "tcp://host:99 (--host)"),
        ("tcp://[::1]:99", "tcp://[::1]:99 (--host)"),
        ("tcp://[::1]", "tcp://[::1]:2375 (--host)"),
        ("http://host:99", "tcp://host:99 (--host)"),
        ("host:99", "tcp://host:99 (--host)"),
    ] {
        assert_eq!(find(Some(given), &[], &[]), expected, "{given}");
    }
    for malformed in [
        "",
        "unix://relative",
        "tcp://",
        "tcp://:99",
        "tcp://host:port",
        "tcp://a:b:1",
        "tcp://host/path",
        "ftp://host",
    ] {
        assert!(find(Some(malformed), &[], &[]).contains("is not the address of an engine"), "{malformed}");
    }
    for unsupported in ["ssh://ada@host", "npipe:////./pipe/docker_engine", "https://host"] {
        assert!(find(Some(unsupported), &[], &[]).contains("not supported yet"), "{unsupported}");
    }
}

#[test]
fn tls() {
    let verify = [("HOME", "/home/ada"), ("DOCKER_TLS_VERIFY", "1")];
    assert_eq!(find(Some("tcp://host"), &verify, &[]), "tcp://host:2376 with TLS (--host)");
    assert_eq!(find(Some("https://host:1"), &verify, &[]), "tcp://host:1 with TLS (--host)");
    let files = [
        (CONFIG, r#"{"currentContext":"far"}"#),
        (META, r#"{"Endpoints":{"docker":{"Host":"tcp://far:2376"}}}"#),
        ("/home/ada/.docker/contexts/tls/{far}/docker/ca.pem", "x"),
    ];
    assert_eq!(find(None, &verify[..1], &files), "tcp://far:2376 with TLS (current Docker context far)");

    let surroundings = Surroundings {
        variable: &|name| match name {
            "DOCKER_TLS_VERIFY" => Some("1".to_owned()),
            "DOCKER_CERT_PATH" => Some("/certificates".to_owned()),
            _ => None,
        },
        read: &|_| Err(io::Error::from(io::ErrorKind::NotFound)),
        exists: &|_| false,
    };
    let endpoint = Endpoint::find_in(Some("tcp://host:1"), surroundings).expect("an endpoint");
    assert_eq!(endpoint.address, Address::Tls("host:1".to_owned(), Certificates::below(Path::new("/certificates"))));
}

#[test]
fn a_broken_configuration_is_named() {
    let home = [("HOME", "/home/ada")];
    assert!(find(None, &home, &[(CONFIG, "{")]).starts_with("error: cannot read /home/ada/.docker/config.json:"));
    assert_eq!(
        find(None, &home, &[(CONFIG, r#"{"currentContext":"gone"}"#)]),
        "error: the Docker context `gone` (current Docker context gone) cannot be used: there is no such context; `docker context ls` lists them"
    );
    let context = [("HOME", "/home/ada"), ("DOCKER_CONTEXT", "far")];
    assert!(find(None, &context, &[(META, r#"{"Endpoints":{}}"#)]).contains("names no Docker engine"));
    assert!(
        find(None, &context, &[(META, r#"{"Endpoints":{"docker":{"Host":"tcp://x","SkipTLSVerify":true}}}"#)])
            .contains("without verification")
    );
    assert!(
        find(None, &context, &[(META, r#"{"Endpoints":{"docker":{"Host":"ssh://x"}}}"#)]).contains("not supported yet")
    );
}

#[test]
fn one_engine_is_one_however_it_was_found() {
    let directory = tempfile::tempdir().expect("a directory");
    let (socket, link) = (directory.path().join("socket"), directory.path().join("link"));
    std::fs::write(&socket, "").expect("a file");
    std::os::unix::fs::symlink(&socket, &link).expect("a link");
    let endpoint = |path: &Path, origin| Endpoint { address: Address::Unix(path.to_owned()), origin };
    let flag = endpoint(&socket, Origin::Flag);
    assert_eq!(flag.identity(), endpoint(&socket, Origin::Default).identity());
    assert_eq!(flag.identity(), endpoint(&link, Origin::HostVariable).identity());
    assert_ne!(flag.identity(), endpoint(Path::new("/nowhere"), Origin::Flag).identity());
}
