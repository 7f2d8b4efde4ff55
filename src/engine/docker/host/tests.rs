use super::read;
use crate::desired::Resources;

#[test]
fn the_size_of_the_host_is_read_leniently() {
    let host = |cpu, memory| Some(Resources { cpu, memory });
    for (answer, expected) in [
        (r#"{"NCPU":4,"MemTotal":25276481536,"Name":"host"}"#, host(4096, 24_105)),
        (r#"{"NCPU":1,"MemTotal":1048576}"#, host(1024, 1)),
        (r#"{"NCPU":0,"MemTotal":1048576}"#, None),
        (r#"{"NCPU":4,"MemTotal":0}"#, None),
        (r#"{"NCPU":4}"#, None),
        (r#"{"NCPU":-1,"MemTotal":1048576}"#, None),
        ("not JSON", None),
    ] {
        assert_eq!(read(answer.as_bytes()).unwrap_or_default(), expected, "{answer}");
    }
}
