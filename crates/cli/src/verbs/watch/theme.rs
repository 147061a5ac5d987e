//! How things look: with colours, or without them.

use ratatui::style::{Color, Modifier, Style};

use super::told::Became;

/// How things look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Theme {
    /// Whether there are colours: those of the terminal's own palette, which suit its background.
    pub(super) colours: bool,
}

impl Theme {
    /// As the user wants it: without colours if `NO_COLOR` is set to anything.
    pub(super) fn of_environment() -> Self {
        let without = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colours: !without }
    }

    fn in_colour(self, colour: Color) -> Style {
        match self.colours {
            true => Style::new().fg(colour),
            false => Style::new(),
        }
    }

    pub(super) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn good(self) -> Style {
        self.in_colour(Color::Green)
    }

    /// What a person should look at.
    pub(super) fn warning(self) -> Style {
        self.in_colour(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    pub(super) fn bad(self) -> Style {
        self.in_colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(super) fn reversed(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub(super) fn of(self, became: Became) -> Style {
        match became {
            Became::Accepted => self.in_colour(Color::Green),
            Became::Gone => self.in_colour(Color::Yellow),
            Became::Refused => self.in_colour(Color::Red),
            Became::Fault => self.in_colour(Color::Magenta),
        }
    }
}
