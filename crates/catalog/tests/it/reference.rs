//! Random acts through the API, against a reference that knows no epochs: it keeps a flag for everything that was switched on, and
//! clears it when the module is switched for the whole installation.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kernel::{OrganizationId, Timestamp};
use serde_json::{Value, json};
use testkit::TestApp;

use crate::{module, modules_of, package, put_on, start};

const MODULES: [&str; 3] = ["FINANCE", "SALES", "CRM"];
const PACKAGES: [&str; 2] = ["starter", "business"];

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn some(&mut self) -> Vec<&'static str> {
        MODULES.into_iter().filter(|_| self.roll(2) == 0).collect()
    }
}

#[derive(Default)]
struct Package {
    modules: BTreeSet<&'static str>,
    /// Modules of it that nobody switched for the installation since it got them.
    live: BTreeSet<&'static str>,
}

#[derive(Default)]
struct Organization {
    package: Option<&'static str>,
    /// Modules that nobody switched for the installation since it was put on its package.
    live: BTreeSet<&'static str>,
    manual: BTreeMap<&'static str, bool>,
    stale_manual: BTreeSet<&'static str>,
    overrides: BTreeMap<&'static str, (bool, Option<Timestamp>)>,
    stale_overrides: BTreeSet<&'static str>,
}

#[derive(Default)]
struct World {
    off: BTreeSet<&'static str>,
    packages: BTreeMap<&'static str, Package>,
    organizations: Vec<Organization>,
}

impl World {
    /// A module was switched for the installation: whatever had switched it on says nothing any more.
    fn kill(&mut self, code: &'static str) {
        for package in self.packages.values_mut() {
            package.live.remove(code);
        }
        for organization in &mut self.organizations {
            organization.live.remove(code);
            organization.stale_manual.insert(code);
            organization.stale_overrides.insert(code);
        }
    }

    fn is_live(&self, organization: &Organization, code: &'static str) -> bool {
        let package = organization.package.and_then(|package| self.packages.get(package));
        package.is_some_and(|package| {
            package.modules.contains(code) && (package.live.contains(code) || organization.live.contains(code))
        })
    }

    fn assign(&mut self, number: usize, code: &'static str) {
        let organization = &self.organizations[number];
        let misses = self.packages[code]
            .modules
            .iter()
            .any(|module| !self.off.contains(module) && !self.is_live(organization, module));
        if organization.package != Some(code) || misses {
            let organization = &mut self.organizations[number];
            organization.package = Some(code);
            organization.live = MODULES.into_iter().collect();
        }
    }

    fn edit(&mut self, code: &'static str, modules: &[&'static str]) {
        let off = self.off.clone();
        let package = self.packages.get_mut(code).unwrap();
        let before = std::mem::replace(&mut package.modules, modules.iter().copied().collect());
        for module in modules {
            if !before.contains(module) || !off.contains(module) {
                package.live.insert(module);
            }
        }
        package.live.retain(|module| modules.contains(module));
    }

    fn expected(&self, number: usize, code: &'static str, now: Timestamp) -> (bool, &'static str) {
        let organization = &self.organizations[number];
        if self.off.contains(code) {
            return (false, "global");
        }
        match organization.overrides.get(code) {
            Some((_, Some(end))) if *end <= now => {}
            Some((false, _)) => return (false, "override"),
            Some((true, _)) if !organization.stale_overrides.contains(code) => return (true, "override"),
            _ => {}
        }
        match organization.manual.get(code) {
            Some(false) => return (false, "manual"),
            Some(true) if !organization.stale_manual.contains(code) => return (true, "manual"),
            _ => {}
        }
        if self.is_live(organization, code) {
            (true, "package")
        } else {
            (false, "default")
        }
    }
}

/// The installation and its reference, side by side.
struct Both<'a> {
    app: &'a TestApp,
    world: World,
    modules: BTreeMap<&'static str, String>,
    packages: BTreeMap<&'static str, String>,
    organizations: Vec<OrganizationId>,
    now: Timestamp,
}

impl Both<'_> {
    async fn act(&mut self, dice: &mut Dice) -> String {
        let operator = self.app.operator();
        let code = MODULES[dice.roll(MODULES.len())];
        let number = dice.roll(self.organizations.len());
        let organization = self.organizations[number];
        let path = format!("/organizations/{organization}/modules/{}", self.modules[code]);
        match dice.roll(12) {
            0 => {
                let on = self.world.off.contains(code);
                let act = if on { "activate" } else { "deactivate" };
                let path = format!("/modules/{}/{act}", self.modules[code]);
                operator.post(&path).send().await.expect(200);
                if on {
                    self.world.off.remove(code)
                } else {
                    self.world.off.insert(code)
                };
                self.world.kill(code);
                format!("{act} {code} for all")
            }
            1..=3 => {
                let package = PACKAGES[dice.roll(PACKAGES.len())];
                put_on(self.app, organization, package).await.expect(200);
                self.world.assign(number, package);
                format!("put {number} on {package}")
            }
            4 | 5 => {
                let (package, modules) = (PACKAGES[dice.roll(PACKAGES.len())], dice.some());
                let path = format!("/packages/{}", self.packages[package]);
                operator
                    .patch(&path)
                    .json(&json!({ "modules": modules }))
                    .send()
                    .await
                    .expect(200);
                self.world.edit(package, &modules);
                format!("{package} holds {modules:?}")
            }
            6 | 7 => {
                let reply = operator.post(&format!("{path}/activate")).send().await;
                if self.world.off.contains(code) {
                    reply.refused(409, "CONFLICT_STATE");
                } else {
                    reply.expect(200);
                    self.world.organizations[number].manual.insert(code, true);
                    self.world.organizations[number].stale_manual.remove(code);
                }
                format!("activate {code} for {number}")
            }
            8 => {
                operator.post(&format!("{path}/deactivate")).send().await.expect(200);
                self.world.organizations[number].manual.insert(code, false);
                format!("deactivate {code} for {number}")
            }
            9 => {
                operator.delete(&format!("{path}/manual")).send().await.expect(204);
                self.world.organizations[number].manual.remove(code);
                format!("release {code} of {number}")
            }
            10 => {
                self.app.clock().advance(Duration::from_secs(600));
                self.now = self.now.plus(Duration::from_secs(600));
                "time passes".to_owned()
            }
            _ => self.except(dice, number).await,
        }
    }

    async fn except(&mut self, dice: &mut Dice, number: usize) -> String {
        let mut wanted = BTreeMap::new();
        for code in dice.some() {
            let grants = dice.roll(2) == 0 && !self.world.off.contains(code);
            let end = (dice.roll(2) == 0).then(|| self.now.plus(Duration::from_secs(900)));
            wanted.insert(code, (grants, end));
        }
        let body: Vec<Value> = wanted
            .iter()
            .map(|(code, (grants, end))| {
                let effect = if *grants { "grant" } else { "withhold" };
                json!({ "code": code, "effect": effect, "expiresAt": end })
            })
            .collect();
        let path = format!("/organizations/{}/overrides", self.organizations[number]);
        self.app
            .operator()
            .put(&path)
            .json(&json!({ "modules": body }))
            .send()
            .await
            .expect(200);
        let text = format!("{number} is excepted: {body:?}");
        self.world.organizations[number].overrides = wanted;
        self.world.organizations[number].stale_overrides.clear();
        text
    }

    async fn agree(&self, history: &[String]) {
        for (number, organization) in self.organizations.iter().enumerate() {
            let told = modules_of(self.app, *organization).await;
            for code in MODULES {
                let (_, active, source) = told.iter().find(|(known, ..)| known == code).unwrap();
                let expected = self.world.expected(number, code, self.now);
                assert_eq!(
                    (*active, source.as_str()),
                    expected,
                    "{code} of {number} after {history:#?}"
                );
            }
        }
    }
}

async fn agree_with_the_reference(app: &TestApp, seed: u64) {
    let mut dice = Dice(seed);
    let mut both = Both {
        app,
        world: World::default(),
        modules: BTreeMap::new(),
        packages: BTreeMap::new(),
        organizations: Vec::new(),
        now: testkit::BEGINNING,
    };
    for code in MODULES {
        both.modules.insert(code, module(app, code).await);
    }
    for code in PACKAGES {
        both.packages.insert(code, package(app, code, &[]).await);
        both.world.packages.insert(code, Package::default());
    }
    for number in 0..2 {
        both.organizations
            .push(app.organization(&format!("org-{number}")).await);
        both.world.organizations.push(Organization::default());
    }
    let mut history = Vec::new();
    for _ in 0..70 {
        history.push(both.act(&mut dice).await);
        both.agree(&history).await;
    }
}

testkit::behaviours! {
    with start;

    async fn what_is_effective_is_what_a_naive_reference_says_one(app: TestApp) {
        agree_with_the_reference(&app, 1).await;
    }

    async fn what_is_effective_is_what_a_naive_reference_says_two(app: TestApp) {
        agree_with_the_reference(&app, 20_261_122).await;
    }

    async fn what_is_effective_is_what_a_naive_reference_says_three(app: TestApp) {
        agree_with_the_reference(&app, 4_242).await;
    }
}
