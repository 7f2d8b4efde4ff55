use super::*;

/// An entry of so many milliseconds.
fn entry(at: i64, stream: LogStream) -> LogChunk {
    LogChunk { stream, at: Some(LogTime(at * 1_000_000)), bytes: Vec::new() }
}

fn out(at: i64) -> LogChunk {
    entry(at, LogStream::Stdout)
}

/// How many of `entries` are handed out.
fn count(seen: &mut Seen, entries: &[LogChunk]) -> usize {
    entries.iter().filter(|entry| seen.is_new(entry)).count()
}

#[test]
fn what_was_handed_out_is_not_handed_out_again() {
    let mut seen = Seen::default();
    assert_eq!(seen.since(), None);
    let first = [out(10), out(10), entry(10, LogStream::Stderr), out(20)];
    assert_eq!(count(&mut seen, &first), 4);
    assert_eq!(seen.since(), Some(LogTime(10_000_000)));
    seen.begin_again();
    assert_eq!(count(&mut seen, &first), 0);
    // A third line of the same time is a line of its own, and so is one of the other stream.
    assert_eq!(count(&mut seen, &[out(20), entry(20, LogStream::Stderr), out(30)]), 3);
    seen.begin_again();
    let all = [&first[..], &[out(20), entry(20, LogStream::Stderr), out(30)]].concat();
    assert_eq!(count(&mut seen, &all), 0);
}

#[test]
fn an_entry_that_was_kept_late_is_not_lost() {
    let mut seen = Seen::default();
    assert_eq!(count(&mut seen, &[out(1000), out(1500)]), 2);
    seen.begin_again();
    assert_eq!(count(&mut seen, &[out(1000), entry(1400, LogStream::Stderr), out(1500)]), 1);
    // Only the last second is read again.
    assert_eq!(count(&mut seen, &[out(2200)]), 1);
    assert_eq!(seen.since(), Some(LogTime(1_400_000_000)));
}

#[test]
fn what_was_left_out_at_first_is_left_out_ever_after() {
    let mut seen = Seen::new(true);
    // Of three pieces of one line the last one was asked for.
    assert_eq!(count(&mut seen, &[out(10)]), 1);
    seen.begin_again();
    assert_eq!(count(&mut seen, &[out(10), out(10), out(10), out(11)]), 1);
}

#[test]
fn it_stays_small() {
    let mut seen = Seen::default();
    for at in 0..3 * i64::try_from(TIMES_MAX).expect("it is small") {
        assert!(seen.is_new(&LogChunk { stream: LogStream::Stdout, at: Some(LogTime(at)), bytes: Vec::new() }));
    }
    assert_eq!(seen.counts.len(), TIMES_MAX);
}

#[test]
fn without_times_nothing_is_known() {
    let mut seen = Seen::default();
    let entry = LogChunk { at: None, ..out(0) };
    assert!(seen.is_new(&entry));
    seen.begin_again();
    assert!(seen.is_new(&entry));
}
