//! What a document in Markdown holds: links, pictures, what can be linked to, and code.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use tauline_checks::citations::rules;

/// A document, read.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Where its links and pictures lead, with their lines.
    pub(crate) links: Vec<(usize, String)>,
    /// The lines of pictures that have no text for whoever cannot see them.
    pub(crate) mute: Vec<usize>,
    /// What a link may name after `#`: the headings, as code hosts and mdbook call them, and anchors that
    /// are written out.
    pub(crate) anchors: Vec<String>,
    /// Its code, in lines and in blocks, with the line where it begins.
    pub(crate) code: Vec<(usize, String)>,
}

/// What is being read, until its end comes.
#[derive(Default)]
struct Open {
    heading: Option<String>,
    picture: Option<(usize, String)>,
    block: Option<(usize, String)>,
}

impl Page {
    pub(crate) fn parse(text: &str) -> Self {
        let options =
            Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
        let mut page = Self {
            anchors: rules(text),
            ..Self::default()
        };
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let line_at = |place: usize| ends.partition_point(|end| *end < place) + 1;
        let (mut open, mut seen) = (Open::default(), BTreeMap::new());
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            match event {
                Event::Start(tag) => page.begin(tag, line_at(range.start), &mut open),
                Event::End(end) => page.end(end, &mut open, &mut seen),
                Event::Text(words) => open.take(&words),
                Event::Code(code) => {
                    open.take(&code);
                    page.code.push((line_at(range.start), code.into_string()));
                }
                _ => {}
            }
        }
        page
    }

    fn begin(&mut self, tag: Tag<'_>, line: usize, open: &mut Open) {
        match tag {
            Tag::Heading { .. } => open.heading = Some(String::new()),
            Tag::CodeBlock(_) => open.block = Some((line, String::new())),
            Tag::Link { dest_url, .. } => self.links.push((line, dest_url.into_string())),
            Tag::Image { dest_url, .. } => {
                self.links.push((line, dest_url.into_string()));
                open.picture = Some((line, String::new()));
            }
            _ => {}
        }
    }

    fn end(&mut self, end: TagEnd, open: &mut Open, seen: &mut BTreeMap<String, usize>) {
        match end {
            TagEnd::Heading(_) => {
                let slug = slug(&open.heading.take().unwrap_or_default());
                let before = seen.entry(slug.clone()).or_default();
                self.anchors.push(match *before {
                    0 => slug,
                    n => format!("{slug}-{n}"),
                });
                *before += 1;
            }
            TagEnd::CodeBlock => self.code.extend(open.block.take()),
            TagEnd::Image => {
                let mute = open
                    .picture
                    .take()
                    .filter(|(_, text)| text.trim().is_empty());
                self.mute.extend(mute.map(|(line, _)| line));
            }
            _ => {}
        }
    }
}

impl Open {
    /// Takes a text that is within something.
    fn take(&mut self, text: &str) {
        let texts = [
            self.heading.as_mut(),
            self.picture.as_mut().map(|(_, text)| text),
            self.block.as_mut().map(|(_, text)| text),
        ];
        for within in texts.into_iter().flatten() {
            within.push_str(text);
        }
    }
}

/// The name by which a heading is linked to: small letters, digits, `-` and `_`, spaces as `-`.
fn slug(heading: &str) -> String {
    let letters = heading.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    });
    letters.flat_map(char::to_lowercase).collect()
}

#[test]
fn links_are_found_wherever_they_stand() {
    let text = "# A\n\n[one](a.md#b), `[no](x.md)`\n\n| a |\n|---|\n| [two](b.md) \\| ![a\npicture](c.svg) |\n\n\
                ```sh\n[no](y.md)\n```\n";
    let page = Page::parse(text);
    assert_eq!(page.links[0], (3, "a.md#b".to_owned()));
    assert_eq!(page.links[1], (7, "b.md".to_owned()));
    assert_eq!(page.links.len(), 2, "a cell ends with its line: {page:?}");
    let picture = Page::parse("![a\npicture](c.svg), ![ ](d.svg)");
    assert_eq!(picture.links.len(), 2);
    assert_eq!(picture.mute, [2]);
}

#[test]
fn headings_are_named_as_code_hosts_do() {
    let text = "# Who can *cheat* whom?\n\n## `--signin`, and \"more\"\n\n## Same\n\n## Same\n\n<a id=\"rule\"></a>x\n\n\
                ```\n# none\n```\n";
    let mut anchors = Page::parse(text).anchors;
    anchors.sort();
    assert_eq!(
        anchors,
        [
            "--signin-and-more",
            "rule",
            "same",
            "same-1",
            "who-can-cheat-whom"
        ]
    );
}

#[test]
fn code_is_found_with_its_line() {
    let page = Page::parse("a `tauline\nverify` b\n\n```sh\ntauline audit\n```\n");
    assert_eq!(
        page.code,
        [
            (1, "tauline verify".to_owned()),
            (4, "tauline audit\n".to_owned())
        ]
    );
}
