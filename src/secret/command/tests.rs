use super::*;

fn command(text: &str) -> Command {
    text.parse().unwrap()
}

fn script(text: &str) -> Command {
    Command { program: "/bin/sh".to_owned(), arguments: vec!["-c".to_owned(), text.to_owned()] }
}

#[test]
fn the_key_is_one_argument_and_no_shell_takes_part() {
    let printf = command("printf,%s|");
    assert_eq!(printf.run("p", "a b; $(id) *").unwrap(), b"a b; $(id) *|");
    assert_eq!(printf.line("a 'b'"), r"printf '%s|' 'a '\''b'\'''");
    assert!(",x".parse::<Command>().is_err());
}

#[test]
fn a_failure_says_what_to_do_and_nothing_that_was_printed() {
    let failed = script("echo hunter2; echo hunter2 >&2; exit 3").run("vault", "k").unwrap_err();
    assert_eq!(
        failed.to_string().replace(&script("").line("k")[..0], ""),
        "the command `vault` failed for the key `k`: exit status: 3; run it by hand to see why: /bin/sh -c 'echo hunter2; echo hunter2 >&2; exit 3' k"
    );
    let absent = command("/nowhere/vault").run("vault", "k").unwrap_err();
    assert!(matches!(absent, CommandError::Start { .. }), "{absent}");
}

#[test]
fn a_command_is_bounded_in_time_and_output() {
    let endless = script("exec yes").run("vault", "k");
    assert!(matches!(endless, Err(CommandError::TooLong { .. })), "{endless:?}");
    let limit = Duration::from_millis(300);
    // A child of it that holds the pipe goes with it.
    let slow = script("sleep 60 & echo x; wait").run_within("vault", "k", limit);
    assert!(matches!(slow, Err(CommandError::TimedOut { .. })), "{slow:?}");
    let silent = script("exec >&-; sleep 60").run_within("vault", "k", limit);
    assert!(matches!(silent, Err(CommandError::TimedOut { .. })), "{silent:?}");
}
