//! Citations of the specification, `docs/spec/PAGE.md#RULE`.
//!
//! `docs/spec/README.md` says what a rule is and how it is cited.

/// Where the pages are, as citations have it.
const FOLDER: &str = "docs/spec/";

/// Names that pages had, or that are not pages of this repository.
const OLD_NAMES: [&str; 3] = [
    "queue-protocol.md",
    "http-queue-api.md",
    "sequencer-http.md",
];

/// A page of the specification.
#[derive(Clone, Debug)]
pub struct Page {
    /// The file's name, `queue.md`.
    pub name: String,
    /// Its rules, `grace`, in their order.
    pub rules: Vec<String>,
}

impl Page {
    /// A page and the rules that its text holds.
    pub fn new(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            rules: rules(text),
        }
    }
}

/// A place where a text names a page of the specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// The line, from 1.
    pub line: usize,
    /// The page's name.
    pub page: String,
    /// The rule, if one is named.
    pub rule: Option<String>,
}

/// What is wrong with the citations of a text of code: a line for each.
pub fn faults(text: &str, pages: &[Page]) -> Vec<String> {
    let mut faults: Vec<(usize, String)> = Vec::new();
    for Citation { line, page, rule } in citations(text) {
        let known = pages.iter().find(|known| known.name == page);
        let fault = match (known, rule) {
            (None, _) => format!("there is no page {FOLDER}{page}"),
            (Some(_), None) => format!("{FOLDER}{page} is cited without a rule"),
            (Some(known), Some(rule)) if !known.rules.contains(&rule) => {
                format!("{FOLDER}{page} has no rule {rule}")
            }
            (Some(_), Some(_)) => continue,
        };
        faults.push((line, fault));
    }
    for (line, name) in bare_names(text, pages) {
        faults.push((
            line,
            format!("write {FOLDER}PAGE.md#RULE instead of {name}"),
        ));
    }
    faults.sort();
    let shown = faults.into_iter();
    shown
        .map(|(line, fault)| format!("{line}: {fault}"))
        .collect()
}

/// All places where a text names a page below `docs/spec/`.
pub fn citations(text: &str) -> Vec<Citation> {
    let mut found = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        for (at, _) in content.match_indices(FOLDER) {
            let rest = &content[at + FOLDER.len()..];
            let Some((stem, rest)) = rest.split_once(".md") else {
                continue;
            };
            if !is_name(stem) {
                continue;
            }
            let rule = rest.strip_prefix('#').map(|rest| {
                let end = rest.find(|c| !is_name_char(c)).unwrap_or(rest.len());
                rest[..end].to_owned()
            });
            found.push(Citation {
                line,
                page: format!("{stem}.md"),
                rule,
            });
        }
    }
    found
}

/// Names of pages that stand by themselves, without their folder, with their lines.
fn bare_names(text: &str, pages: &[Page]) -> Vec<(usize, String)> {
    let names = || {
        let pages = pages.iter().map(|page| page.name.as_str());
        pages.chain(OLD_NAMES)
    };
    let mut found = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        for name in names() {
            for (at, _) in content.match_indices(name) {
                if content[..at].ends_with(['`', ' ', '(']) {
                    found.push((line, name.to_owned()));
                }
            }
        }
    }
    found
}

/// The anchors of a document that are written out, `<a id="grace"></a>`.
pub fn rules(text: &str) -> Vec<String> {
    let openings = text.split("<a id=\"").skip(1);
    let ids = openings.filter_map(|rest| rest.split_once('"'));
    ids.map(|(id, _)| id.to_owned()).collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_name_char)
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}
