//! The settings file: TOML, keys as the flags are named.

use std::path::Path;

use super::error::SettingsError;

/// Reads the settings file into `key`, `value` pairs, values as a flag would have them. The keys are the
/// flags of `command`.
pub(super) fn settings(
    path: &Path,
    command: &clap::Command,
) -> Result<Vec<(String, String)>, SettingsError> {
    let problem = |problem: String| SettingsError::File {
        path: path.to_owned(),
        problem,
    };
    let text = std::fs::read_to_string(path).map_err(|error| SettingsError::FileUnreadable {
        path: path.to_owned(),
        error,
    })?;
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| problem(error.to_string()))?;
    let known: Vec<&str> = command
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .filter(|key| *key != "config")
        .collect();
    table
        .into_iter()
        .map(|(key, value)| {
            if !known.contains(&key.as_str()) {
                return Err(problem(format!(
                    "there is no setting `{key}`; there are: {}",
                    known.join(", ")
                )));
            }
            let value = scalar(&value).ok_or_else(|| {
                problem(format!(
                    "`{key}` must be a string, a number, or a list of them"
                ))
            })?;
            Ok((key, value))
        })
        .collect()
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(scalar).collect();
            items.map(|items| items.join(","))
        }
        _ => None,
    }
}
