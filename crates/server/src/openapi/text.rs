//! Comments of the sources as texts of the document.

/// A comment without its citations of the specification, which only the sources' readers can follow.
pub(super) fn without_citations(comment: &str) -> String {
    const BEGIN: &str = "(`docs/spec/";
    let mut text = String::with_capacity(comment.len());
    let mut rest = comment;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        text.push_str(before.trim_end());
        // What is cited has no parentheses.
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citations_go_and_the_rest_stays() {
        for (comment, text) in [
            ("", ""),
            ("The queue (of people).", "The queue (of people)."),
            (
                "A place\n(`docs/spec/queue.md#grace`,\n`docs/spec/queue.md#passing`). Kept (until then).",
                "A place. Kept (until then).",
            ),
            (
                "One (`docs/spec/queue.md#grace`), two (`docs/spec/queue.md#stall`)",
                "One, two",
            ),
        ] {
            assert_eq!(without_citations(comment), text, "{comment}");
        }
    }
}
