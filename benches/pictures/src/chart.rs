//! A chart of pairs of bars that lie, with their names at the left and their values at their ends.
//!
//! ```text
//! title                                    ■ redis-server ■ evenkeel
//!   row  ████████████████ 960
//!        ██ 1.3
//!        └── axis, linear or logarithmic ──
//! the run it comes from
//! ```
//!
//! Not here: which figures are drawn (`main.rs`).

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::run::Bars;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Colours of a picture.
#[derive(Clone, Copy)]
pub(crate) struct Theme {
    ground: RGBColor,
    text: RGBColor,
    grid: RGBColor,
    bars: [RGBColor; 2],
}

/// On a light page.
pub(crate) const LIGHT: Theme = Theme {
    ground: RGBColor(255, 255, 255),
    text: RGBColor(31, 35, 40),
    grid: RGBColor(216, 222, 228),
    bars: [RGBColor(207, 87, 60), RGBColor(9, 105, 218)],
};
/// On a dark page.
pub(crate) const DARK: Theme = Theme {
    ground: RGBColor(13, 17, 23),
    text: RGBColor(230, 237, 243),
    grid: RGBColor(48, 54, 61),
    bars: [RGBColor(240, 136, 62), RGBColor(88, 166, 255)],
};

const WIDTH: u32 = 900;
const NAMES_WIDTH: u32 = 330;
const ROW_HEIGHT: u32 = 34;
/// Above and below the bars: title, axis, source.
const FRAME_HEIGHT: u32 = 110;
/// What a bar on a logarithmic axis begins at.
const LOGARITHM_START: f64 = 0.01;

/// What one picture shows.
pub(crate) struct Chart<'a> {
    /// Heading with the unit.
    pub(crate) title: &'a str,
    /// Which run it comes from.
    pub(crate) source: &'a str,
    /// Columns of the two bars.
    pub(crate) sides: [&'a str; 2],
    /// The rows, from top to bottom.
    pub(crate) bars: &'a [Bars],
    /// Whether the axis is logarithmic.
    pub(crate) is_logarithmic: bool,
}

impl Chart<'_> {
    /// Writes the picture.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub(crate) fn draw(&self, path: &Path, theme: Theme) -> Result<(), Box<dyn Error>> {
        let height = FRAME_HEIGHT + ROW_HEIGHT * u32::try_from(self.bars.len())?;
        let area = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
        area.fill(&theme.ground)?;
        self.draw_frame(&area, theme, i32::try_from(height)?)?;
        let values = self.bars.iter().flat_map(|bars| bars.values).flatten();
        // Room for the value that stands after the longest bar.
        let most = values.fold(0.0, f64::max);
        if self.is_logarithmic {
            let axis = (LOGARITHM_START..most * 4.0).log_scale();
            self.draw_bars(&area, theme, axis, LOGARITHM_START)?;
        } else {
            self.draw_bars(&area, theme, 0.0..most * 1.15, 0.0)?;
        }
        area.present()?;
        Ok(())
    }

    fn draw_frame(&self, area: &Area, theme: Theme, height: i32) -> Result<(), Box<dyn Error>> {
        let font = |size: u32| ("sans-serif", size).into_font().color(&theme.text);
        area.draw(&Text::new(self.title, (16, 14), font(20)))?;
        area.draw(&Text::new(self.source, (16, height - 22), font(12)))?;
        for (side, left) in [(0, 630), (1, 780)] {
            let square = [(left, 18), (left + 12, 30)];
            area.draw(&Rectangle::new(square, theme.bars[side].filled()))?;
            let name = match self.sides[side] {
                "redis" => "redis-server",
                other => other,
            };
            area.draw(&Text::new(name, (left + 18, 17), font(14)))?;
        }
        Ok(())
    }

    fn draw_bars<X>(
        &self,
        area: &Area,
        theme: Theme,
        axis: X,
        start: f64,
    ) -> Result<(), Box<dyn Error>>
    where
        X: AsRangedCoord<Value = f64>,
        X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let rows: Range<f64> = self.bars.len() as f64..0.0;
        let mut chart = ChartBuilder::on(area)
            .margin_top(48)
            .margin_bottom(28)
            .margin_right(16)
            .margin_left(NAMES_WIDTH)
            .x_label_area_size(28)
            .build_cartesian_2d(axis, rows)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(8)
            .light_line_style(TRANSPARENT)
            .bold_line_style(theme.grid)
            .axis_style(theme.grid)
            .label_style(("sans-serif", 12).into_font().color(&theme.text))
            .draw()?;
        let small = ("sans-serif", 12).into_font().color(&theme.text);
        let after = small.pos(Pos::new(HPos::Left, VPos::Center));
        let before = ("sans-serif", 13)
            .into_font()
            .color(&theme.text)
            .pos(Pos::new(HPos::Right, VPos::Center));
        for (index, bars) in self.bars.iter().enumerate() {
            let top = index as f64;
            let (left, middle) = chart.backend_coord(&(start, top + 0.5));
            area.draw(&Text::new(
                bars.row.as_str(),
                (left - 8, middle),
                before.clone(),
            ))?;
            for (side, value) in bars.values.iter().enumerate() {
                let Some(value) = *value else { continue };
                let upper = top + 0.12 + 0.38 * side as f64;
                let corners = [(start, upper), (value.max(start), upper + 0.36)];
                chart.draw_series([Rectangle::new(corners, theme.bars[side].filled())])?;
                let (right, middle) = chart.backend_coord(&(value.max(start), upper + 0.18));
                area.draw(&Text::new(
                    number(value),
                    (right + 5, middle),
                    after.clone(),
                ))?;
            }
        }
        Ok(())
    }
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
