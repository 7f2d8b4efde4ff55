use super::*;

#[test]
fn sizes_are_read_as_ecs_writes_them() {
    let cpu = |json: &str| serde_json::from_str::<TaskCpu>(json).map(|cpu| cpu.0).ok();
    for (json, units) in [
        ("256", Some(256)),
        (r#""256""#, Some(256)),
        (r#""1 vCPU""#, Some(1024)),
        (r#""1vcpu""#, Some(1024)),
        (r#"".5 vcpu""#, Some(512)),
        (r#""0.25 VCPU ""#, Some(256)),
        (r#""2.5 vCPU""#, Some(2560)),
        (r#""1 GB""#, None),
        (r#""vCPU""#, None),
        (r#""1.5""#, None),
        (r#""-1""#, None),
        (r#""""#, None),
    ] {
        assert_eq!(cpu(json), units, "{json}");
    }
    let memory = |json: &str| serde_json::from_str::<TaskMemory>(json).map(|memory| memory.0).ok();
    for (json, mebibytes) in [
        ("512", Some(512)),
        (r#""512""#, Some(512)),
        (r#""1GB""#, Some(1024)),
        (r#""1 GB""#, Some(1024)),
        (r#""0.5 gb""#, Some(512)),
        (r#""30 GB""#, Some(30720)),
        (r#""512MB""#, None),
        (r#""1 vCPU""#, None),
    ] {
        assert_eq!(memory(json), mebibytes, "{json}");
    }
}
