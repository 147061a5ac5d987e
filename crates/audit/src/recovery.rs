//! A log that goes on from another one, whose coordinator is gone
//! (`docs/spec/public-log.md#recovery`).

use tauline_protocol::public_log::Notice;

use crate::finding::Place;

/// From where the ceremony goes on and what is lost, in sentences. Why it cannot be said at this place,
/// if it cannot: the log was `opened_by` that entry.
pub(crate) fn recovered(
    place: Place,
    opened_by: Option<u64>,
    notice: &Notice,
) -> Result<String, String> {
    if (opened_by, place.entry) != (Some(0), 1) {
        let text = "It is said that the log goes on from another one, and not in its second entry: whoever \
                    read the beginning could not know.";
        return Err(text.to_owned());
    }
    let Notice::Recovered {
        origin,
        entries,
        root,
        coordinator,
        contributions,
        in_line,
        used_up,
        reason,
    } = notice
    else {
        return Ok(String::new());
    };
    let reason = reason.trim_end_matches('.');
    Ok(format!(
        "The ceremony goes on from the log of {origin}, which had {entries} entries and the root {root}, \
         without the help of its coordinator {coordinator}. The reason given: {reason}. Contributions \
         carried over: {contributions}. Places in line that were lost: {in_line}. People who were used up \
         without contributing, and can join again: {used_up}."
    ))
}
