//! The plots.

use std::collections::BTreeMap;

use anyhow::anyhow;
use plotters::prelude::*;

use super::view::{Ratio, Setting, View};
use crate::engine::Engine;
use crate::results::{Finding, Results};
use crate::scenario::Scenario;
use crate::workload::{Along, Course};

/// A finished plot.
#[derive(Debug)]
pub(super) struct Plot {
    /// What it shows.
    pub(super) title: String,
    /// The name of its file.
    pub(super) file: String,
    /// The workload whose tables it stands below; none above everything.
    pub(super) workload: Option<String>,
    /// The file.
    pub(super) svg: String,
}

const WIDTH: u32 = 900;
/// The height of a group of bars, in pixels.
const GROUP: u32 = 44;
/// Pixels above and below the bars: title, axis, legend.
const FRAME: u32 = 130;
/// Colours that most colour-blind people can tell apart (Okabe and Ito, 2008).
const COLORS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(120, 94, 20),
    RGBColor(90, 90, 90),
];
/// The height of one of several plots below each other, in pixels.
const PANEL: u32 = 240;
const GOAL: RGBColor = RGBColor(0, 0, 0);
const FONT: &str = "sans-serif";

/// Everything that there is enough for.
pub(super) fn all(results: &Results, view: &View<'_>) -> anyhow::Result<Vec<Plot>> {
    let settings = view.settings();
    let mut plots: Vec<Plot> = ratios(view, &settings)?.into_iter().collect();
    for (workload, findings) in &results.workloads {
        plots.extend(courses(workload, findings)?);
    }
    Ok(plots)
}

/// A value, along what it went on, and how on each engine.
type Panel<'r> = (&'r str, Along, Vec<Line<'r>>);
type Line<'r> = (Engine, &'r [(f64, f64)]);

/// How the values of a workload went on: one below the other, both engines in each.
fn courses(workload: &str, findings: &BTreeMap<Engine, Finding>) -> anyhow::Result<Option<Plot>> {
    let mut panels: Vec<Panel<'_>> = Vec::new();
    for (engine, finding) in findings {
        for Course { what, along, points } in &finding.table.courses {
            match panels.iter_mut().find(|(of, _, _)| of == what) {
                Some((_, _, lines)) => lines.push((*engine, points)),
                None => panels.push((what, *along, vec![(*engine, points)])),
            }
        }
    }
    let Some(title) = findings.values().next().map(|finding| &finding.table.title) else {
        return Ok(None);
    };
    if panels.is_empty() {
        return Ok(None);
    }
    let mut svg = String::new();
    draw_courses(&mut svg, &panels).map_err(|error| anyhow!("a plot of {workload}: {error}"))?;
    Ok(Some(Plot {
        title: title.clone(),
        file: format!("{workload}.svg"),
        workload: Some(workload.to_owned()),
        svg,
    }))
}

fn draw_courses(svg: &mut String, panels: &[Panel<'_>]) -> Drawn {
    let area = SVGBackend::with_string(svg, (WIDTH, PANEL * u32::try_from(panels.len())?)).into_drawing_area();
    area.fill(&WHITE)?;
    for (part, (what, along, lines)) in area.split_evenly((panels.len(), 1)).iter().zip(panels) {
        let (at, back, unit) = scale(*along);
        let points = || {
            lines
                .iter()
                .flat_map(|(_, points)| points.iter())
                .map(|(x, y)| (at(*x), *y))
        };
        let last = points().map(|(x, _)| x).fold(1.0, f64::max);
        let first = match along {
            Along::Seconds => 0.0,
            Along::Organizations => points().map(|(x, _)| x).fold(last, f64::min),
        };
        let most = points().map(|(_, y)| y).fold(0.1, f64::max);
        let mut chart = ChartBuilder::on(part)
            .caption(what, (FONT, 16))
            .margin(8)
            .margin_right(24)
            .x_label_area_size(30)
            .y_label_area_size(60)
            // From zero: a small growth is not to look like a large one.
            .build_cartesian_2d(first..last, 0.0..most * 1.1)?;
        chart
            .configure_mesh()
            .x_desc(unit)
            .x_label_formatter(&|x| format!("{:.0}", back(*x)))
            .label_style((FONT, 12))
            .draw()?;
        for (engine, points) in lines {
            let place = Engine::ALL.iter().position(|of| of == engine).unwrap_or_default();
            let style = color(place).stroke_width(2);
            chart
                .draw_series(LineSeries::new(points.iter().map(|(x, y)| (at(*x), *y)), style))?
                .label(engine.title())
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], style));
        }
        legend(&mut chart, SeriesLabelPosition::LowerRight)?;
    }
    area.present()?;
    Ok(())
}

type Scale = fn(f64) -> f64;

/// Where on the axis a value is, which value is there, and what the axis counts. Organizations are ten times as many from one size to the next.
fn scale(along: Along) -> (Scale, Scale, &'static str) {
    match along {
        Along::Seconds => (|x| x, |x| x, "seconds"),
        Along::Organizations => (f64::log10, |x| 10_f64.powf(x), "organizations"),
    }
}

/// The ratio of every scenario on both engines, in the smallest database that it was measured in, with the goals.
fn ratios(view: &View<'_>, settings: &[Setting]) -> anyhow::Result<Option<Plot>> {
    let smallest = |engine: Engine, scenario: Scenario| {
        let mut of_engine = settings.iter().filter(|(of, _)| *of == engine);
        of_engine.find_map(|setting| view.ratio(*setting, scenario))
    };
    let bars_of = |scenario: Scenario| -> Vec<Bar> {
        Engine::ALL
            .into_iter()
            .filter_map(|engine| {
                let ratio = smallest(engine, scenario)?;
                Some((engine, ratio, scenario.goal(engine).filter(|_| view.has_goals())))
            })
            .collect()
    };
    let groups: Vec<Group> = Scenario::ALL
        .into_iter()
        .map(|scenario| (scenario, bars_of(scenario)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    if groups.is_empty() {
        return Ok(None);
    }
    let count = u32::try_from(groups.len())?;
    let most = groups
        .iter()
        .flat_map(|(_, bars)| bars)
        .map(|(_, ratio, _)| ratio.high)
        .fold(1.05, f64::max);
    let mut svg = String::new();
    draw_ratios(&mut svg, &groups, count, most).map_err(|error| anyhow!("a plot of the ratios: {error}"))?;
    Ok(Some(Plot {
        title: "Ratios by request".to_owned(),
        file: "ratios.svg".to_owned(),
        workload: None,
        svg,
    }))
}

/// An engine's ratio in a scenario, with the goal.
type Bar = (Engine, Ratio, Option<f64>);
type Group = (Scenario, Vec<Bar>);
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw_ratios(svg: &mut String, groups: &[Group], count: u32, most: f64) -> Drawn {
    let area = SVGBackend::with_string(svg, (WIDTH, FRAME + GROUP * count)).into_drawing_area();
    area.fill(&WHITE)?;
    let rows = f64::from(count);
    let mut chart = ChartBuilder::on(&area)
        .caption("Requests a second: Lastro / its bound", (FONT, 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(230)
        // The first group on top.
        .build_cartesian_2d(0.0..most, rows..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .y_labels(0)
        .x_desc("ratio (bar: median; line: smallest to largest; black: goal)")
        .label_style((FONT, 13))
        .draw()?;
    for engine in Engine::ALL {
        let color = color(usize::from(engine == Engine::Sqlite));
        let mut bars = Vec::new();
        for (place, (_, of_scenario)) in (0_u32..).zip(groups) {
            for (_, ratio, _) in of_scenario.iter().filter(|(of, _, _)| *of == engine) {
                let (top, bottom) = lane(place, engine);
                bars.push(Rectangle::new([(0.0, top), (ratio.median, bottom)], color.filled()));
            }
        }
        chart
            .draw_series(bars)?
            .label(engine.title())
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 14, y + 5)], color.filled()));
    }
    for (place, (scenario, bars)) in (0_u32..).zip(groups) {
        for (engine, ratio, goal) in bars {
            let (top, bottom) = lane(place, *engine);
            let middle = f64::midpoint(top, bottom);
            chart.draw_series([PathElement::new(
                vec![(ratio.low, middle), (ratio.high, middle)],
                BLACK.mix(0.5),
            )])?;
            if let Some(goal) = goal {
                chart.draw_series([PathElement::new(
                    vec![(*goal, top), (*goal, bottom)],
                    GOAL.stroke_width(3),
                )])?;
            }
        }
        let (x, y) = chart.backend_coord(&(0.0, f64::from(place) + 0.5));
        let label = scenario.request().replace('`', "");
        let style = TextStyle::from((FONT, 13).into_font()).pos(plotters::style::text_anchor::Pos::new(
            plotters::style::text_anchor::HPos::Right,
            plotters::style::text_anchor::VPos::Center,
        ));
        area.draw(&Text::new(label, (x - 8, y), style))?;
    }
    legend(&mut chart, SeriesLabelPosition::LowerRight)?;
    area.present()?;
    Ok(())
}

/// Where the bar of an engine lies within its group.
fn lane(place: u32, engine: Engine) -> (f64, f64) {
    let top = f64::from(place) + if engine == Engine::Postgres { 0.12 } else { 0.50 };
    (top, top + 0.36)
}

fn legend<'a, C>(chart: &mut ChartContext<'a, SVGBackend<'a>, C>, position: SeriesLabelPosition) -> Drawn
where
    C: CoordTranslate,
{
    chart
        .configure_series_labels()
        .position(position)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font((FONT, 12))
        .draw()?;
    Ok(())
}

fn color(place: usize) -> RGBColor {
    let place = place % COLORS.len();
    COLORS.get(place).copied().unwrap_or(BLACK)
}
