use super::*;

#[test]
fn every_command_has_a_page_that_is_complete() {
    let pages = pages();
    let names: Vec<String> = pages.iter().map(Man::get_filename).collect();
    for name in ["reconcile.1", "reconcile-validate.1", "reconcile-explain.1", "reconcile-man.1"] {
        assert!(names.iter().any(|known| known == name), "{names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("pause") || name.contains("help")), "{names:?}");
    for page in pages {
        let text = String::from_utf8(render(&page).expect("a Vec takes everything")).expect("pages are text");
        for section in [".TH ", ".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS"] {
            assert!(text.contains(section), "{} has no {section}", page.get_filename());
        }
    }
}
