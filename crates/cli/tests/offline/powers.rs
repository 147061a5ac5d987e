//! `export` and `verify-powers`.

use std::fs;

use crate::common::{export, run, shared_data, tauline, with_transcript};

#[test]
fn exported_powers_verify_in_both_formats() {
    let dir = with_transcript(2);
    for (format, name) in [("c-kzg", "setup.txt"), ("consensus", "setup.json")] {
        let export = export("64", format);
        let to_file = [&export[..], &["-o", name]].concat();
        let (exit, _, error) = run(dir.path(), &to_file);
        assert_eq!(exit, 0, "{error}");
        let (exit, output, error) = run(dir.path(), &["verify-powers", name]);
        assert_eq!(exit, 0, "{error}");
        assert!(output.contains("64 powers in G1, 4 in G2"), "{output}");
        assert!(
            output.contains("the Lagrange points match the G1 powers"),
            "{output}"
        );
        // To standard output, the same.
        let (exit, output, _) = run(dir.path(), &export);
        assert_eq!(exit, 0);
        assert_eq!(output.as_bytes(), fs::read(dir.path().join(name)).unwrap());
    }
    let (exit, _, error) = run(dir.path(), &export("4096", "c-kzg"));
    assert_eq!(exit, 1);
    assert!(
        error.contains("t.json has no sub-ceremony of 4096 powers"),
        "{error}"
    );
}

#[test]
fn powers_that_are_wrong_are_refused() {
    let dir = with_transcript(1);
    let export = [&export("16", "c-kzg")[..], &["-o", "good"]].concat();
    assert_eq!(run(dir.path(), &export).0, 0);
    let good = fs::read_to_string(dir.path().join("good")).unwrap();
    let swapped = |a: usize, b: usize| {
        let mut lines: Vec<&str> = good.lines().collect();
        lines.swap(a, b);
        lines.join("\n") + "\n"
    };
    // Lines: 2 counts, 16 Lagrange, 4 in G2, 16 in G1.
    for (text, words) in [
        (swapped(2 + 3, 2 + 9), "Lagrange"),
        (swapped(18 + 2, 18 + 3), "G2 power 2"),
        (swapped(22 + 5, 22 + 9), "G1 power 5"),
        (good.replacen("16", "15", 1), "15 points in G1"),
        ("powers".to_owned(), "not a file of powers"),
        (String::new(), "not a file of powers"),
    ] {
        fs::write(dir.path().join("bad"), text).unwrap();
        let (exit, output, error) = run(dir.path(), &["verify-powers", "bad"]);
        assert_eq!(exit, 1, "{words}: {error}");
        assert!(error.contains(words), "{words}: {error}");
        assert!(!output.contains("is valid"), "{output}");
        let (exit, output, _) = run(dir.path(), &["verify-powers", "bad", "--json"]);
        assert_eq!(exit, 1);
        let report: serde_json::Value = serde_json::from_str(&output).unwrap();
        assert_eq!(report["valid"], false, "{words}");
    }
    let (exit, _, error) = run(dir.path(), &["verify-powers", "t.json"]);
    assert_eq!(exit, 1);
    assert!(error.contains("tauline verify t.json"), "{error}");
}

#[test]
fn ethereums_powers_verify() {
    for name in [
        "ckzg_trusted_setup_4096.txt",
        "trusted_setup_4096.json",
        "powers_32768.bin",
    ] {
        let Some(file) = shared_data(&format!("srs/{name}")) else {
            return;
        };
        tauline()
            .arg("verify-powers")
            .arg(file)
            .assert()
            .code(0)
            .stdout(predicates::str::contains("powers in G1, 65 in G2"));
    }
}
