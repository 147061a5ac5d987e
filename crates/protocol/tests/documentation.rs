//! The tables of error codes in the specification are those in the code
//! (`docs/spec/http-api.md#error-codes`, `docs/spec/http-api.md#auth-codes`).

#![allow(clippy::unwrap_used)]

use std::path::Path;

use tauline_protocol::auth::AuthCode;
use tauline_protocol::error::Code;

#[test]
fn every_error_code_is_documented_with_its_status_and_meaning() {
    let specification = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec");
    let page = std::fs::read_to_string(specification.join("http-api.md")).unwrap();
    let documented: Vec<&str> = page.lines().filter(|line| line.contains("::")).collect();
    for code in Code::ALL {
        let row = format!(
            "| `{}` | {} | {} |",
            code.as_str(),
            code.status(),
            code.meaning()
        );
        assert!(
            documented.contains(&row.as_str()),
            "the specification lacks this row:\n{row}"
        );
    }
    for code in AuthCode::ALL {
        let (code, status, error) = (code.as_str(), code.status(), code.error());
        let row = format!("| `{code}` | {status} | `{error}` |");
        assert!(
            documented.iter().any(|line| line.starts_with(&row)),
            "the specification lacks this row:\n{row}"
        );
    }
    let rows = documented
        .iter()
        .filter(|line| line.starts_with("| `"))
        .count();
    assert_eq!(
        rows,
        Code::ALL.len() + AuthCode::ALL.len(),
        "the specification has rows for codes that do not exist"
    );
}
