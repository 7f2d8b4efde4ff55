use super::*;
use crate::testing;

#[test]
fn what_is_asked_is_read() {
    let seconds = Duration::from_secs;
    let asked = |fault, service: Option<&str>| Ok(Asked { fault, service: service.map(str::to_owned) });
    for (text, expected) in [
        ("never-healthy", asked(Fault::NeverHealthy, None)),
        ("never-healthy:web", asked(Fault::NeverHealthy, Some("web"))),
        ("crash", asked(Fault::Crash { after: seconds(1) }, None)),
        ("crash=30", asked(Fault::Crash { after: seconds(30) }, None)),
        ("crash=2m:shop/web", asked(Fault::Crash { after: seconds(120) }, Some("shop/web"))),
        ("slow=30s:web", asked(Fault::Slow { by: seconds(30) }, Some("web"))),
    ] {
        assert_eq!(parse_asked(text), expected, "{text}");
    }
    for (text, part) in [
        ("never-helthy", "did you mean `never-healthy`?"),
        ("crsh:web", "did you mean `crash`?"),
        ("", "there is `never-healthy`, `crash`, `slow`"),
        ("slow", "such as slow=30s"),
        ("slow=", "expected a time"),
        ("crash=soon", "such as 90s"),
        ("never-healthy=3s", "takes no time"),
        ("crash:", "expected a service"),
    ] {
        let error = parse_asked(text).expect_err(text);
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn a_service_is_found_by_its_name() {
    let task = testing::task("web", &[r#"{"name":"web","image":"web:1"}"#]);
    let desired =
        testing::desired(&[("shop/web", testing::service(1, &task)), ("shop/api", testing::service(1, &task))]);
    let found =
        |name: &str| find_service(name, &desired).map(|key| name_of(&key)).map_err(|exit| (exit.code, exit.message()));
    assert_eq!(found("web"), Ok("shop/web".to_owned()));
    assert_eq!(found("shop/api"), Ok("shop/api".to_owned()));
    for (name, hint) in [
        ("wbe", "did you mean `web`?"),
        ("shop/wep", "did you mean `shop/web`?"),
        ("zzz", "there is `shop/api`, `shop/web`"),
    ] {
        let (code, message) = found(name).expect_err(name);
        assert_eq!(code, exit::USAGE);
        assert!(message.contains(hint), "{message}");
    }
}
