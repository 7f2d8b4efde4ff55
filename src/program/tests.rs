use super::*;

#[test]
fn the_files_of_this_program_start_it() {
    let files = read_own_files().unwrap();
    let program = &files[Path::new("reconcile")];
    assert!(program.starts_with(b"\x7fELF"), "the program is its own first file");
    // Tests are linked dynamically, and a program without its interpreter does not start.
    let interpreter = interpreter_of(program).expect("the test program is dynamic");
    assert!(files.contains_key(&relative(&interpreter)));
    assert!(files.keys().any(|path| path.to_string_lossy().contains("libc.so")), "{:?}", files.keys());
}

#[test]
fn a_static_program_has_no_interpreter() {
    let mut header = vec![0; 64];
    header[..4].copy_from_slice(b"\x7fELF");
    assert_eq!(interpreter_of(&header), None);
    assert_eq!(interpreter_of(b"\x7fELF"), None, "too short to tell");
    // A table of headers that points beyond the end of the file.
    header[0x20] = 0xff;
    header[0x38] = 1;
    assert_eq!(interpreter_of(&header), None);
}

#[test]
fn only_libraries_are_taken_from_the_maps() {
    let maps = "\
55d0 r-xp 00000000 fe:00 1 /usr/bin/reconcile
7f00 r--p 00000000 fe:00 2                    /usr/lib/x86_64-linux-gnu/libc.so.6
7f01 rw-p 00000000 00:00 0
7f02 r--s 00000000 fe:00 3                    /usr/share/zoneinfo/UTC
7ffd rw-p 00000000 00:00 0                    [stack]
";
    let found: Vec<_> = mapped_libraries(maps).collect();
    assert_eq!(found, [Path::new("/usr/lib/x86_64-linux-gnu/libc.so.6")]);
}
