use super::*;

#[test]
fn a_page_reads_well_in_a_terminal() {
    insta::assert_snapshot!(render_page(Code::Unused), @r#"
    RC132: Nothing refers to the object.

    No Service names this task definition, so nothing of it runs. It may be a leftover, or the reference is misspelt. One that is only meant for
    `reconcile run` says so with `reconcile/allow`.

    Wrong:

        apiVersion: reconcile/v1
        kind: TaskDefinition
        metadata: { name: migrate }
        spec:
          containerDefinitions:
            - name: web
              image: shop/web:1.4
              healthCheck: { httpGet: { port: 8080 } }

    Right:

        apiVersion: reconcile/v1
        kind: TaskDefinition
        metadata:
          name: migrate
          annotations:
            reconcile/allow: [RC132]
        spec:
          containerDefinitions:
            - name: web
              image: shop/web:1.4
              healthCheck: { httpGet: { port: 8080 } }

    Where it is meant, allow it in the manifest:

        metadata:
          annotations:
            reconcile/allow: [RC132]
    "#);
}

#[test]
fn every_code_is_listed() {
    let list = render_codes();
    for code in Code::ALL {
        assert!(list.contains(&format!("{code}")), "{code}");
    }
    assert!(list.contains("RC160* Nothing shows whether"));
    assert!(list.contains("RC101  A field is not known"));
}
