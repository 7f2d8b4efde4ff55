use super::*;

const TIME: &str = "2026-11-21T08:42:21.227503827Z";

fn frame(stream: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![stream, 0, 0, 0];
    frame.extend(u32::try_from(payload.len()).expect("it is small").to_be_bytes());
    frame.extend(payload);
    frame
}

/// The entries of an answer that arrives in pieces of so many bytes.
fn read(is_raw: bool, answer: &[u8], piece: usize) -> Vec<LogChunk> {
    let mut reader = Reader { is_raw, ..Reader::default() };
    for piece in answer.chunks(piece) {
        reader.read(piece).expect("it can be read");
    }
    reader.finish();
    reader.entries.into()
}

fn entry(stream: LogStream, bytes: &[u8]) -> LogChunk {
    LogChunk { stream, at: LogTime::parse(TIME), bytes: bytes.to_vec() }
}

#[test]
fn frames_are_put_together() {
    let lines: [(u8, &[u8]); 4] = [(1, b"one\n"), (2, b"two\n"), (1, b"\x00\x01\xff binary \x1b[0m\n"), (1, b"no end")];
    let timed = |line: &[u8]| [TIME.as_bytes(), b" ", line].concat();
    let answer: Vec<u8> = lines.iter().flat_map(|(stream, line)| frame(*stream, &timed(line))).collect();
    let stream = |stream: u8| if stream == 2 { LogStream::Stderr } else { LogStream::Stdout };
    let expected: Vec<_> = lines.iter().map(|(number, line)| entry(stream(*number), line)).collect();
    for piece in [1, 7, 8, 9, 4096] {
        assert_eq!(read(false, &answer, piece), expected, "in pieces of {piece}");
    }
    // Half a frame at the end of an answer is read again another time.
    assert_eq!(read(false, &answer[..answer.len() - 1], 4096), expected[..3]);
}

#[test]
fn what_is_not_a_frame_is_an_error() {
    for answer in [&b"hello, world"[..], &frame(9, b"x"), &[1, 0, 0, 0, 255, 255, 255, 255]] {
        let mut reader = Reader::default();
        assert!(matches!(reader.read(answer), Err(CallError::Unreadable(_))));
    }
    let failed = Reader::default().read(&frame(3, b"the disk is gone\n"));
    assert_eq!(failed, Err(CallError::Broken("the disk is gone".to_owned())));
}

#[test]
fn an_entry_without_a_time_is_taken_as_it_is() {
    let untimed = |line: &[u8]| LogChunk { at: None, ..entry(LogStream::Stdout, line) };
    for line in [&b"no time at all\n"[..], b"nospace", b"", b" leading"] {
        assert_eq!(read(false, &frame(1, line), 4096), [untimed(line)]);
    }
}

#[test]
fn a_terminal_has_lines_and_no_frames() {
    // It begins like a frame: bollard would take it for one.
    let line = b"\x01\x02\x00 first\r\n";
    let answer = [TIME.as_bytes(), b" ", line, TIME.as_bytes(), b" rest"].concat();
    for piece in [1, 5, 4096] {
        let expected = [entry(LogStream::Stdout, line), entry(LogStream::Stdout, b"rest")];
        assert_eq!(read(true, &answer, piece), expected);
    }
}

#[test]
fn a_long_line_of_a_terminal_is_several_entries() {
    let (long, time) = (vec![b'x'; PIECE_BYTES], [TIME.as_bytes(), b" "].concat());
    let answer = [&time[..], &long, &time, &long, &time, b"end\n"].concat();
    let entries = read(true, &answer, 1000);
    let lengths: Vec<_> = entries.iter().map(|entry| entry.bytes.len()).collect();
    assert_eq!(lengths, [PIECE_BYTES, PIECE_BYTES, 4]);
    assert!(entries.iter().all(|entry| entry.at == LogTime::parse(TIME)));
}

#[test]
fn the_question_tells_what_is_wanted() {
    let id = ContainerId::new("0123");
    let path = |query| logs_path(&id, query);
    assert_eq!(path(LogQuery::default()), "/containers/0123/logs?stdout=1&stderr=1&timestamps=1");
    let all = LogQuery { since: Some(LogTime(1_500_000_007)), tail: Some(3), follow: true };
    assert!(path(all).ends_with("&timestamps=1&follow=1&tail=3&since=1.500000007"), "{}", path(all));
}
