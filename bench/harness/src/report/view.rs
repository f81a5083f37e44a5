//! The measurements of all runs as one, and what follows from them.

use crate::engine::Engine;
use crate::results::{Ceiling, Results, Run, Sample, Start, Storm};
use crate::scenario::Scenario;
use crate::stats::{median, range, ratios};

/// An engine with a number of organizations.
pub(super) type Setting = (Engine, usize);

/// All measurements of the servers.
#[derive(Debug)]
pub(super) struct View<'r> {
    runs: &'r [Run],
    /// The names of the servers, as the newest run has them.
    pub(super) servers: Vec<&'r str>,
}

/// The median over the rounds of ratios within a round, with the smallest and the largest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ratio {
    pub(super) median: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Ratio {
    /// None where nothing was measured on both sides.
    pub(super) fn of(first: &[f64], second: &[f64]) -> Option<Self> {
        let all = ratios(first, second);
        let (low, high) = range(&all);
        (!all.is_empty()).then(|| Self {
            median: median(&all),
            low,
            high,
        })
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { median, low, high } = self;
        write!(formatter, "**{median:.2}** ({low:.2} to {high:.2})")
    }
}

impl<'r> View<'r> {
    pub(super) fn new(results: &'r Results) -> Self {
        let newest = results.servers.last();
        Self {
            runs: &results.servers,
            servers: newest
                .map(|run| run.servers.iter().map(String::as_str).collect())
                .unwrap_or_default(),
        }
    }

    fn samples(&self) -> impl Iterator<Item = &'r Sample> {
        self.runs.iter().flat_map(|run| &run.samples)
    }

    pub(super) fn starts(&self, setting: Setting, server: &str) -> Vec<&'r Start> {
        let starts = self.runs.iter().flat_map(|run| &run.starts);
        starts
            .filter(|start| (start.engine, start.organizations) == setting && start.server == server)
            .collect()
    }

    pub(super) fn ceilings(&self, setting: Setting, scenario: Scenario) -> Vec<&'r Ceiling> {
        let ceilings = self.runs.iter().flat_map(|run| &run.ceilings);
        ceilings
            .filter(|ceiling| (ceiling.engine, ceiling.organizations) == setting && ceiling.scenario == scenario)
            .collect()
    }

    pub(super) fn storms(&self, setting: Setting) -> Vec<&'r Storm> {
        let storms = self.runs.iter().flat_map(|run| &run.storms);
        storms
            .filter(|storm| (storm.engine, storm.organizations) == setting)
            .collect()
    }

    /// How long filling took, in seconds, and how many users there were.
    pub(super) fn filling(&self, setting: Setting) -> Option<(f64, usize)> {
        let mut fillings = self.runs.iter().flat_map(|run| &run.fillings);
        fillings
            .find(|filling| (filling.engine, filling.organizations) == setting)
            .map(|filling| (filling.seconds, filling.users))
    }

    /// Every setting that something was measured in, in order.
    pub(super) fn settings(&self) -> Vec<Setting> {
        let samples = self.samples().map(|sample| (sample.engine, sample.organizations));
        let storms = self.runs.iter().flat_map(|run| &run.storms);
        let mut settings: Vec<Setting> = samples
            .chain(storms.map(|storm| (storm.engine, storm.organizations)))
            .collect();
        settings.sort_unstable();
        settings.dedup();
        settings
    }

    /// The values of one server in one scenario, in the order of the rounds.
    pub(super) fn values(
        &self,
        setting: Setting,
        scenario: Scenario,
        server: &str,
        value: impl Fn(&Sample) -> f64,
    ) -> Vec<f64> {
        self.samples()
            .filter(|sample| {
                (sample.engine, sample.organizations) == setting
                    && sample.scenario == scenario
                    && sample.server == server
            })
            .map(value)
            .collect()
    }

    /// What a scenario's rate comes to beside its bound: the other server's, or what the cores can do.
    pub(super) fn ratio(&self, setting: Setting, scenario: Scenario) -> Option<Ratio> {
        let rates = |server: &str| self.values(setting, scenario, server, |sample| sample.requests_per_second);
        let ceilings = self.ceilings(setting, scenario);
        let first = rates(self.servers.first()?);
        if ceilings.is_empty() {
            return Ratio::of(&first, &rates(self.servers.get(1)?));
        }
        let bounds: Vec<f64> = ceilings.iter().map(|ceiling| ceiling.per_second).collect();
        Ratio::of(&first, &bounds)
    }

    /// Whether the goals apply: they are of Lastro against the limit server.
    pub(super) fn has_goals(&self) -> bool {
        self.servers == ["lastro", "limit"]
    }
}
