//! What nobody else should read: how a variable of the environment shows that its value is sensitive.

/// Whether a variable of the environment holds something that nobody else should read.
///
/// By its name (`PASSWORD`, `PASSWD`, `SECRET`, `TOKEN`, `CREDENTIAL`, `APIKEY`, or an end of `_KEY`, `_PASS` or `_PWD`), or because
/// the value is an address with a password in it.
pub fn is_sensitive(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let parts = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "CREDENTIAL", "APIKEY"];
    let ends = ["_KEY", "_PASS", "_PWD"];
    parts.iter().any(|part| name.contains(part)) || ends.iter().any(|end| name.ends_with(end)) || has_password(value)
}

/// Whether `value` looks like `scheme://user:password@host`.
fn has_password(value: &str) -> bool {
    let authority = value.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    authority.and_then(|authority| authority.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'))
}
