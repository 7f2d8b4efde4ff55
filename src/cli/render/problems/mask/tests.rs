use super::*;

#[test]
fn values_near_a_sensitive_name_are_covered() {
    for (text, expected) in [
        ("  - name: DB_PASSWORD\n    valeu: hunter2\n", "  - name: DB_PASSWORD\n    valeu: *******\n"),
        ("- { name: API_TOKEN, valeu: hunter2 }", "- { name: API_TOKEN, valeu: ******* }"),
        ("env: { API_KEY: hunter2 }", "env: { API_KEY: ******* }"),
        ("url: postgres://u:hunter2@db/x", "url: *************************"),
        ("- { name: DB, valueFrom: hunter2 }", "- { name: DB, valueFrom: ******* }"),
        ("image: shop:1\nport: 80", "image: shop:1\nport: 80"),
        ("- name: PORT\n  value: 80", "- name: PORT\n  value: 80"),
    ] {
        assert_eq!(mask(text), expected);
        assert_eq!(mask(text).len(), text.len());
    }
}
