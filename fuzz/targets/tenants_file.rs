//! A file of customers, CSV or NDJSON, as `lastro tenant onboard` takes it.
#![no_main]

use kernel::secret::ExposeSecret as _;
use lastro::onboarding::{self, Coming, Line};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// The line as NDJSON.
fn written(line: &Line) -> Value {
    let (organization, administrator) = (&line.customer.organization, &line.customer.administrator);
    json!({
        "name": organization.name,
        "slug": organization.slug,
        "document": organization.document,
        "packageCode": line.customer.package_code,
        "adminName": administrator.name,
        "adminEmail": administrator.email,
        "adminPasswordHash": match &administrator.coming {
            Coming::Hash(hash) => Some(hash.expose_secret()),
            _ => None,
        },
    })
}

fuzz_target!(|text: &str| {
    let count = 1 + text.matches('\n').count();
    match onboarding::read(text) {
        Ok(lines) => {
            assert!(lines.is_sorted_by(|one, next| one.number < next.number));
            assert!(lines.iter().all(|line| (1..=count).contains(&line.number)));
            let customers: Vec<Value> = lines.iter().map(written).collect();
            let ndjson: Vec<String> = customers.iter().map(Value::to_string).collect();
            let again = onboarding::read(&ndjson.join("\n"));
            if customers.is_empty() {
                return;
            }
            let again: Vec<Value> = again
                .expect("what was read can be written")
                .iter()
                .map(written)
                .collect();
            assert_eq!(again, customers, "either form says the same");
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "what is refused is refused for a reason");
            assert!(
                problems.iter().all(|problem| (1..=count).contains(&problem.line)),
                "{problems:?}"
            );
        }
    }
});
