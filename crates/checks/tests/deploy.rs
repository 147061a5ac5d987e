//! What operators copy from `deploy` goes with the rest: each alarm has a paragraph that says what to do,
//! every metric that is asked for exists, and Prometheus's own program finds that alarms are raised when they
//! should be, and not otherwise.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::process::Command;

use tauline_checks::citations::rules;
use tauline_checks::root;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The words of a text that can be names of metrics.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c: char| !is_part(c))
        .filter(|word| word.starts_with("tauline_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

/// The name of a metric without what a histogram's series append to it.
fn plain(name: &str) -> &str {
    let appended = ["_bucket", "_sum", "_count"];
    let mut plain = appended.iter().filter_map(|it| name.strip_suffix(it));
    plain.next().unwrap_or(name)
}

#[test]
fn every_alarm_has_a_paragraph_and_a_drill() {
    let anchors = rules(&read("docs/operating.md"));
    let alerts = read("deploy/prometheus/alerts.yml");
    let after = |mark: &str| -> Vec<String> {
        let lines = alerts.lines().map(str::trim);
        let found = lines.filter_map(|line| line.strip_prefix(mark));
        found.map(str::to_owned).collect()
    };
    let (names, runbooks) = (after("- alert: "), after("runbook: "));
    assert!(names.len() >= 10, "{names:?}");
    assert_eq!(names.len(), runbooks.len());
    for (name, runbook) in names.iter().zip(&runbooks) {
        let anchor = name.to_lowercase();
        assert_eq!(*runbook, format!("docs/operating.md#{anchor}"), "{name}");
        assert!(anchors.contains(&anchor), "docs/operating.md lacks {name}");
    }
    let told: Vec<_> = anchors
        .iter()
        .filter(|anchor| anchor.starts_with("tauline"))
        .filter(|anchor| !names.iter().any(|name| name.to_lowercase() == **anchor))
        .collect();
    assert!(told.is_empty(), "no such alarm: {told:?}");
    let drills = read("docs/drills.md");
    let untried: Vec<_> = names
        .iter()
        .filter(|name| !drills.lines().any(|line| line == format!("### {name}")))
        .collect();
    assert!(untried.is_empty(), "docs/drills.md lacks {untried:?}");
}

#[test]
fn every_metric_that_is_asked_for_exists() {
    let book = read("docs/operating.md");
    let rows = book.lines().filter_map(|line| line.strip_prefix("| `"));
    let known: BTreeSet<&str> = rows
        .filter_map(|row| Some(row.split_once('`')?.0))
        .collect();
    for path in [
        "deploy/prometheus/alerts.yml",
        "deploy/prometheus/alerts_test.yml",
        "deploy/grafana/tauline.json",
    ] {
        let asked = metrics_in(&read(path));
        assert!(asked.len() >= 10, "{path}: {asked:?}");
        let unknown: Vec<_> = asked
            .iter()
            .filter(|name| !known.contains(plain(name)))
            .collect();
        assert!(unknown.is_empty(), "{path}: {unknown:?}");
    }
}

#[test]
fn every_alarm_is_shown_to_be_raised_and_not_to_be() {
    let (alerts, cases) = (
        read("deploy/prometheus/alerts.yml"),
        read("deploy/prometheus/alerts_test.yml"),
    );
    let names = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    for name in names {
        let raised = format!("  - name: {name}");
        let not = format!("  - name: no {name}, ");
        assert!(
            cases.lines().any(|line| line == raised),
            "{name} is never raised"
        );
        assert!(
            cases.lines().any(|line| line.starts_with(&not)),
            "{name} is always raised"
        );
    }
}

#[test]
fn prometheus_takes_the_settings_and_raises_the_alarms_when_it_should() {
    let folder = root().join("deploy/prometheus");
    let asked = [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ];
    for arguments in asked {
        let mut promtool = Command::new("promtool");
        let output = promtool.args(arguments).current_dir(&folder).output();
        let Ok(output) = output else {
            assert!(
                std::env::var_os("TAULINE_REQUIRE_PROMTOOL").is_none(),
                "TAULINE_REQUIRE_PROMTOOL is set, and there is no promtool"
            );
            eprintln!("SKIPPED: there is no promtool: apt-get install prometheus");
            return;
        };
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success(), "promtool {arguments:?}: {said}");
    }
}

#[test]
fn names_are_found_within_queries() {
    let text =
        "sum by (le) (rate(tauline_commit_seconds_bucket{job=\"tauline\"}[5m])) > tauline_ready";
    let found: Vec<String> = metrics_in(text).into_iter().collect();
    assert_eq!(found, ["tauline_commit_seconds_bucket", "tauline_ready"]);
    assert_eq!(plain(&found[0]), "tauline_commit_seconds");
    assert_eq!(plain(&found[1]), "tauline_ready");
}
