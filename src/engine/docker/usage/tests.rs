use std::time::Duration;

use super::{Sample, read, used};

#[test]
fn a_sample_is_read_with_either_version_of_control_groups() {
    let sample = |cpu_nanos, memory_bytes| Some(Sample { cpu_nanos, memory_bytes });
    for (answer, expected) in [
        (
            r#"{"cpu_stats":{"cpu_usage":{"total_usage":7}},"memory_stats":{"usage":100,"stats":{"total_inactive_file":30,"inactive_file":1}}}"#,
            sample(7, 70),
        ),
        (
            r#"{"cpu_stats":{"cpu_usage":{"total_usage":7}},"memory_stats":{"usage":100,"stats":{"inactive_file":20}}}"#,
            sample(7, 80),
        ),
        (r#"{"cpu_stats":{"cpu_usage":{"total_usage":7}},"memory_stats":{"usage":100}}"#, sample(7, 100)),
        // One that does not run.
        (r#"{"cpu_stats":{"cpu_usage":{"total_usage":0}},"memory_stats":{}}"#, None),
        ("", None),
    ] {
        assert_eq!(read(answer.as_bytes()), expected, "{answer}");
    }
}

#[test]
fn processor_time_is_told_in_units_of_a_processor() {
    let sample = |cpu_nanos| Sample { cpu_nanos, memory_bytes: 0 };
    for (over_millis, from, to, expected) in [
        (1000, 0, 1_000_000_000, 1024),
        (2000, 0, 1_000_000_000, 512),
        (1000, 500, 500, 0),
        // A counter that went back: it was started again.
        (1000, 500, 0, 0),
        (0, 0, 0, 0),
    ] {
        assert_eq!(used(Duration::from_millis(over_millis), sample(from), sample(to)), expected);
    }
}
