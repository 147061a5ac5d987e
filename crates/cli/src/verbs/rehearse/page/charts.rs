//! The charts, as SVG: lines and bars, without fonts and scripts of their own.
//!
//! Their colours are those of the light page. In the dark one, `style.css` has others in their place.

use std::time::Duration;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::super::series::Point;

/// The size that the numbers in a chart are made for. The page makes it as wide as there is room.
const SIZE: (u32, u32) = (640, 260);

const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
const QUIET: RGBColor = RGBColor(0x59, 0x63, 0x6e);
const GRID: RGBColor = RGBColor(0xd8, 0xde, 0xe4);
pub(super) const FIRST: RGBColor = RGBColor(0x0b, 0x62, 0xa3);
pub(super) const SECOND: RGBColor = RGBColor(0xb3, 0x59, 0x00);
pub(super) const BAD: RGBColor = RGBColor(0xb4, 0x23, 0x18);

/// Height of the letters.
const LETTERS: u32 = 14;

/// Bars of a histogram.
const BARS: u64 = 24;

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Draws on an empty chart. Nothing if that fails: the page says so instead.
fn svg(
    size: (u32, u32),
    draw: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Drawn,
) -> Option<String> {
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    let drawn = draw(&root).is_ok() && root.present().is_ok();
    drop(root);
    drawn.then_some(svg)
}

/// A unit in which the times of an axis are told: what it is called, and how long it is.
struct Unit {
    name: &'static str,
    seconds: f64,
}

impl Unit {
    /// One in which this time is a number that is easily read.
    fn of(longest: Duration) -> Self {
        let (name, seconds) = match longest.as_secs() {
            0..180 => ("seconds", 1.0),
            180..10_800 => ("minutes", 60.0),
            _ => ("hours", 3600.0),
        };
        Self { name, seconds }
    }

    fn tell(&self, time: Duration) -> f64 {
        time.as_secs_f64() / self.seconds
    }
}

/// What stands at the axes.
struct Axes<'a> {
    below: &'a str,
    beside: &'a str,
    right: f64,
    top: f64,
}

/// A chart with axes, and what is drawn in it.
fn with_axes(axes: &Axes<'_>, draw: impl FnOnce(&mut Chart<'_, '_>) -> Drawn) -> Option<String> {
    svg(SIZE, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(6)
            .margin_right(18)
            .x_label_area_size(42)
            .y_label_area_size(62)
            .build_cartesian_2d(0.0..axes.right, 0.0..axes.top)?;
        let letters = ("sans-serif", LETTERS).into_font();
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(QUIET)
            .label_style(letters.clone().color(&QUIET))
            .axis_desc_style(letters.color(&INK))
            .x_desc(axes.below)
            .y_desc(axes.beside)
            .x_labels(9)
            .y_labels(5)
            .x_label_formatter(&|x| number(*x))
            .y_label_formatter(&|y| number(*y))
            .draw()?;
        draw(&mut chart)
    })
}

type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

/// A number at an axis, without digits that it does not need.
fn number(number: f64) -> String {
    match number {
        _ if number.fract().abs() < 1e-9 => crate::numbers::with_commas(number.abs() as u64),
        _ => {
            let digits = format!("{number:.2}");
            digits
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned()
        }
    }
}

/// How many of these lengths, in milliseconds, are about as long. Nothing of none.
pub(super) fn histogram(lengths: &[u64], below: &str, beside: &str) -> Option<String> {
    let longest = *lengths.iter().max()?;
    let width = round_up(longest.div_ceil(BARS).max(1));
    let mut counts = vec![0_u64; (longest / width + 1) as usize];
    for length in lengths {
        counts[(length / width) as usize] += 1;
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    let end = Duration::from_millis(width * counts.len() as u64);
    let unit = Unit::of(end);
    let at = |bar: usize| unit.tell(Duration::from_millis(width * bar as u64));
    let axes = Axes {
        below: &format!("{below}, {}", unit.name),
        beside,
        right: unit.tell(end),
        top: top(most as f64),
    };
    with_axes(&axes, |chart| {
        let gap = at(1) * 0.06;
        let bars = counts.iter().enumerate().map(|(i, count)| {
            let corners = [(at(i) + gap, 0.0), (at(i + 1) - gap, *count as f64)];
            Rectangle::new(corners, FIRST.filled())
        });
        chart.draw_series(bars)?;
        Ok(())
    })
}

/// The next 1, 2 or 5 with zeros.
fn round_up(number: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for digit in [1, 2, 5] {
            let round = power.saturating_mul(digit);
            if round >= number {
                return round;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// The upper end of an axis for numbers up to this one.
fn top(most: f64) -> f64 {
    (most * 1.08).max(1.0)
}

/// A line through points in the course of the rehearsal, filled below.
pub(super) fn course(points: &[Point], length: Duration, beside: &str) -> Option<String> {
    let most = points.iter().map(|it| it.value).max()?;
    let unit = Unit::of(length);
    let axes = course_axes(&unit, length, beside, most as f64);
    let points: Vec<(f64, f64)> = points
        .iter()
        .map(|it| (unit.tell(it.at), it.value as f64))
        .collect();
    with_axes(&axes, |chart| {
        let area = AreaSeries::new(points, 0.0, FIRST.mix(0.15));
        chart.draw_series(area.border_style(FIRST.stroke_width(2)))?;
        Ok(())
    })
}

/// Two lines in the course of the rehearsal, the first below the second.
pub(super) fn two_courses(
    points: &[(Duration, u64, u64)],
    length: Duration,
    beside: &str,
) -> Option<String> {
    let most = points
        .iter()
        .map(|(_, first, second)| *first.max(second))
        .max()?;
    let unit = Unit::of(length);
    let axes = course_axes(&unit, length, beside, most as f64);
    with_axes(&axes, |chart| {
        for (colour, is_first) in [(SECOND, false), (FIRST, true)] {
            let line: Vec<(f64, f64)> = points
                .iter()
                .map(|(at, first, second)| {
                    let value = if is_first { first } else { second };
                    (unit.tell(*at), *value as f64)
                })
                .collect();
            let dots = line.iter().map(|at| Circle::new(*at, 3, colour.filled()));
            chart.draw_series(dots)?;
            chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
        }
        Ok(())
    })
}

/// How often something happened in each stretch of the rehearsal.
pub(super) fn happenings(times: &[Duration], length: Duration, beside: &str) -> Option<String> {
    let stretches = BARS as usize * 2;
    let longest = length
        .max(*times.iter().max()?)
        .max(Duration::from_millis(1));
    let stretch = longest.as_secs_f64() / stretches as f64;
    let mut counts = vec![0_u64; stretches];
    for time in times {
        let at = (time.as_secs_f64() / stretch) as usize;
        counts[at.min(stretches - 1)] += 1;
    }
    let unit = Unit::of(longest);
    let most = counts.iter().max().copied().unwrap_or(0);
    let axes = course_axes(&unit, longest, beside, most as f64);
    with_axes(&axes, |chart| {
        let at = |bar: usize| bar as f64 * stretch / unit.seconds;
        let bars = counts.iter().enumerate().map(|(i, count)| {
            let corners = [(at(i), 0.0), (at(i + 1), *count as f64)];
            Rectangle::new(corners, BAD.filled())
        });
        chart.draw_series(bars)?;
        Ok(())
    })
}

fn course_axes<'a>(unit: &'a Unit, length: Duration, beside: &'a str, most: f64) -> Axes<'a> {
    Axes {
        below: match unit.name {
            "seconds" => "seconds since the beginning",
            "minutes" => "minutes since the beginning",
            _ => "hours since the beginning",
        },
        beside,
        right: unit.tell(length).max(1e-3),
        top: top(most),
    }
}

/// A bar for each thing, with its name before and its number after it.
pub(super) fn bars(things: &[(&str, u64, RGBColor)]) -> Option<String> {
    const ROW: i32 = 28;
    const NAMES: i32 = 190;
    const NUMBERS: i32 = 70;
    let most = things.iter().map(|(_, count, _)| *count).max()?.max(1);
    let size = (SIZE.0, (things.len() as u32) * ROW as u32 + 8);
    svg(size, |root| {
        let letters = ("sans-serif", LETTERS).into_font();
        for ((name, count, colour), y) in things.iter().zip((4..).step_by(ROW as usize)) {
            let room = SIZE.0 as i32 - NAMES - NUMBERS;
            let width = (room as u64 * count / most).max(u64::from(*count > 0)) as i32;
            let end = NAMES + width;
            let corners = [(NAMES, y + 4), (end, y + ROW - 4)];
            root.draw(&Rectangle::new(corners, colour.filled()))?;
            let label = letters.clone().color(&INK);
            root.draw(&Text::new(
                crate::numbers::with_commas(*count),
                (end + 8, y + 7),
                &label,
            ))?;
            root.draw(&Text::new((*name).to_owned(), (0, y + 7), &label))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let second = Duration::from_secs(1);
        assert_eq!(histogram(&[], "", ""), None);
        assert_eq!(course(&[], second, ""), None);
        assert_eq!(two_courses(&[], second, ""), None);
        assert_eq!(happenings(&[], second, ""), None);
        assert_eq!(bars(&[]), None);
    }

    #[test]
    fn the_smallest_and_the_largest_are_drawn() {
        for ms in [0, 1, 999, 86_400_000, 1 << 40] {
            let at = Duration::from_millis(ms);
            let point = Point { at, value: ms };
            for drawn in [
                histogram(&[ms], "a", "b"),
                course(&[point], at, "b"),
                two_courses(&[(at, ms, ms)], at, "b"),
                happenings(&[at], at, "b"),
                bars(&[("a", ms, FIRST)]),
            ] {
                let drawn = drawn.unwrap();
                assert!(drawn.starts_with("<svg") && drawn.trim_end().ends_with("</svg>"));
                assert!(
                    !drawn.contains("NaN") && !drawn.contains("inf"),
                    "{ms}: {drawn}"
                );
            }
        }
    }

    #[test]
    fn names_are_escaped() {
        let drawn = bars(&[("<script>&\"", 1, FIRST)]).unwrap();
        assert!(!drawn.contains("<script>"), "{drawn}");
        assert!(drawn.contains("&lt;script&gt;"), "{drawn}");
    }

    #[test]
    fn bars_have_round_widths() {
        for (number, round) in [(1, 1), (2, 2), (3, 5), (6, 10), (101, 200), (2_001, 5_000)] {
            assert_eq!(round_up(number), round);
        }
    }
}
