//! The table of error codes in `docs/spec/http-api.md` is the table in the code.

#![allow(clippy::unwrap_used)]

use tauline_protocol::auth::AuthCode;
use tauline_protocol::error::Code;

#[test]
fn every_error_code_is_documented_with_its_status_and_meaning() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/spec/http-api.md");
    let page = std::fs::read_to_string(page).unwrap();
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
            "docs/spec/http-api.md lacks this row:\n{row}"
        );
    }
    for code in AuthCode::ALL {
        let (code, status, error) = (code.as_str(), code.status(), code.error());
        let row = format!("| `{code}` | {status} | `{error}` |");
        assert!(
            documented.iter().any(|line| line.starts_with(&row)),
            "docs/spec/http-api.md lacks this row:\n{row}"
        );
    }
    let rows = documented
        .iter()
        .filter(|line| line.starts_with("| `"))
        .count();
    assert_eq!(
        rows,
        Code::ALL.len() + AuthCode::ALL.len(),
        "docs/spec/http-api.md has rows for codes that do not exist"
    );
}
